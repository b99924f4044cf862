"""Make pages of the notebooks, which are kept as Python in cells (jupytext's percent format)."""

import re
from pathlib import Path

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.py"))
_CELL = re.compile(r"^# %%( \[markdown\])?\n", re.MULTILINE)


def notebook_pages() -> dict[str, str]:
    """Return the text of each notebook's page by its place in the site."""
    return {f"notebooks/{path.stem}.md": _page(path) for path in NOTEBOOKS}


def _page(path: Path) -> str:
    """Return a notebook as Markdown, with the way to run it at its end."""
    _, *parts = _CELL.split(path.read_text(encoding="utf-8"))
    cells = [
        _text(body) if is_text else f"```python\n{body.strip()}\n```"
        for is_text, body in zip(parts[::2], parts[1::2], strict=True)
    ]
    run = (
        f"**Run it yourself:** [{path.name}]({path.name}) holds these cells. Open "
        "it in VS Code or Spyder and run it cell by cell. Jupyter shows it as a notebook with "
        f"[jupytext](https://jupytext.readthedocs.io); `python {path.name}` runs it whole."
    )
    return "\n\n".join([*cells, run])


def _text(body: str) -> str:
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.splitlines())
