"""Define the page's style, on screens of any width and on paper."""

STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: #fff; color: #20262d;
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.4rem 0 0.2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2rem 0 0.4rem; border-bottom: 1px solid #d5dae0; }
article > h2 { font-size: 1.5rem; border-bottom: 2px solid #20262d; }
h3 { font-size: 1.05rem; margin: 1.4rem 0 0.3rem; }
p { margin: 0.3rem 0 0.6rem; }
.about, .note, figcaption { color: #4c5763; }
.note, figcaption { font-size: 0.87rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.4rem, 1fr)); gap: 0.6rem;
  margin: 0.8rem 0; }
.tile { border: 1px solid #d5dae0; border-radius: 6px; padding: 0.5rem 0.7rem; }
.tile b { display: block; font-size: 1.25rem; line-height: 1.25; }
.tile span { color: #4c5763; font-size: 0.85rem; }
ul.told { list-style: none; margin: 0.6rem 0; padding: 0; }
ul.told li { border-left: 4px solid #009e73; padding: 0.1rem 0.6rem; margin: 0.3rem 0;
  overflow-wrap: anywhere; }
ul.told li.odd, p.odd { border-left-color: #d55e00; background: #fdf3ec; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.5rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 0.22rem 0.8rem 0.22rem 0;
  border-bottom: 1px solid #e6e9ed; font-size: 0.9rem; }
th { font-weight: 600; white-space: nowrap; }
td.number { text-align: right; white-space: nowrap; }
th.number { text-align: right; white-space: normal; max-width: 9rem; }
td.text { overflow-wrap: break-word; }
.pairs td { overflow-wrap: anywhere; }
.pairs th { white-space: normal; min-width: 7rem; }
figure { margin: 0.6rem 0; }
svg.figure { display: block; width: 100%; min-width: 34rem; height: auto; max-width: 52rem; }
.square svg.figure { min-width: 0; max-width: 31rem; }
svg text { font: 12px system-ui, "Segoe UI", Roboto, Arial, sans-serif; fill: #20262d; }
footer { margin-top: 2.5rem; color: #4c5763; font-size: 0.85rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  article { break-before: page; }
  article.first { break-before: auto; }
  .wide { overflow: visible; }
  svg.figure { min-width: 0; }
  figure, tr, .tile, ul.told li { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  a { color: inherit; text-decoration: none; }
}
@page { margin: 14mm; }
"""
