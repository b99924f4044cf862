"""Print a checkup as tables, or convert it to one JSON object."""

import math
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.table import Table

from rt_ner.bundle.entries.corruption_entry import fault_rows
from rt_ner.decoding.input.settings import InputKind
from rt_ner.doctor.checkup import BundleCheck, Checkup, Level, SpikeCheck, StreamCheck

# Bars of a histogram by height, an empty one first.
_BARS, _ASCII_BARS = "·▁▂▃▄▅▆▇█", ".123456789"
WIDTH = 100
_FITS = {True: "yes", False: "no", None: "unknown: there is no spike stream to compare with"}
_STYLES = {Level.WARNING: "yellow", Level.NO_GO: "bold red"}


def print_checkup(checkup: Checkup, console: Console) -> None:
    """Print the report, the verdict last."""
    if not console.is_terminal:
        console.width = WIDTH
    versions = ", ".join(f"{name} {value}" for name, value in checkup.versions.items())
    computer = {key.replace("_", " "): value for key, value in checkup.surroundings.items()}
    tables = [facts_table("This computer", {"versions": versions, **computer})]
    if checkup.streams:
        bars = _ASCII_BARS if console.options.ascii_only else _BARS
        tables += [_streams_table(checkup.streams), _timing_table(checkup.streams, bars)]
    for spikes in (checkup.spikes, *checkup.other_spikes):
        if spikes:
            tables.append(facts_table("Spikes", _spike_facts(spikes)))
    if checkup.bundle:
        tables.append(facts_table("Bundle", _bundle_facts(checkup.bundle)))
    if checkup.findings:
        tables.append(_findings_table(checkup))
    for table in tables:
        console.print(table, crop=False)
        console.print()
    console.print(_verdict(checkup), style="bold green" if checkup.is_go else "bold red")


def as_json(checkup: Checkup) -> dict[str, object]:
    """Return the report for programs; unknown values are null."""
    plain = asdict(checkup)
    content = {"verdict": "GO" if checkup.is_go else "NO-GO", **plain}
    return {key: _jsonable(value) for key, value in content.items()}


def _verdict(checkup: Checkup) -> str:
    """Return the last line."""
    n_no_go = sum(finding.level is Level.NO_GO for finding in checkup.findings)
    n_warnings = len(checkup.findings) - n_no_go
    warned = _counted(n_warnings, "warning") if n_warnings else "no warnings"
    if n_no_go:
        return f"NO-GO: fix {_counted(n_no_go, 'problem')} first; {warned}"
    about = "" if checkup.bundle else " for the streams; name a bundle to check it too"
    return f"GO{about}; {warned}" if about else f"GO: {warned}"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _streams_table(streams: Sequence[StreamCheck]) -> Table:
    table = report_table("Streams (*: the spikes; offset: added to their clock to get ours)")
    for heading in ("", "name", "type", "format"):
        table.add_column(heading, overflow="fold")
    for heading in ("channels", "rate Hz"):
        table.add_column(heading, justify="right", overflow="fold")
    # It is there to be copied, so it stays in one piece even if the table gets too wide.
    longest = max(len(stream.source_id) for stream in streams)
    table.add_column("source_id", no_wrap=True, min_width=longest)
    table.add_column("host", overflow="fold")
    table.add_column("offset ms", justify="right")
    for stream in streams:
        table.add_row(
            "*" if stream.is_spikes else "",
            stream.name,
            stream.type,
            stream.format,
            str(stream.n_channels),
            f"{stream.nominal_hz:g}" if stream.nominal_hz else "irregular",
            stream.source_id,
            stream.host,
            _number(stream.offset_ms, ".3f"),
        )
    return table


def _timing_table(streams: Sequence[StreamCheck], bars: str) -> Table:
    table = report_table(
        "Timing: interval between time stamps, age of the newest sample on arrival, ms"
    )
    table.add_column("name", overflow="fold")
    headings = ("samples", "rate Hz", "p1", "p50", "p99", "max", "repeats", "back", "age")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("0 … 2 periods", no_wrap=True)
    for stream in streams:
        timing = stream.timing
        if timing is None:
            continue
        intervals = (timing.p1_ms, timing.p50_ms, timing.p99_ms, timing.max_ms)
        table.add_row(
            stream.name,
            str(timing.n_samples),
            _number(timing.rate_hz, ".5g"),
            *(_number(interval, ".4g" if interval >= 1 else ".3f") for interval in intervals),
            str(timing.n_duplicate),
            str(timing.n_backward),
            _number(timing.age_ms, ".1f"),
            sparkline(timing.histogram, bars),
        )
    return table


def _spike_facts(check: SpikeCheck) -> dict[str, str]:
    health = check.health
    voltage = check.kind is InputKind.BROADBAND
    level = health.level[np.isfinite(health.level)]
    spread = "unknown"
    if level.size:
        least, most = level.min(), level.max()
        spread = f"{least:.3g} to {most:.3g} {health.unit}, median {health.median_level:.3g}"
    facts = {
        "stream": f"{check.name}: {check.kind}, {len(health.labels)} channels",
        "noise, robust RMS in the band" if voltage else "firing rates": spread,
        "flat" if voltage else "silent": _listed(health.dead),
        "far above the median": _listed(health.high),
    }
    if voltage:
        facts["far below the median"] = _listed(health.low)
    return facts


def _bundle_facts(check: BundleCheck) -> dict[str, str]:
    facts = {
        "folder": check.folder,
        "loads": "yes, files as exported, golden windows reproduced",
        "channels, hop": f"{check.n_channels}, {check.hop_ms:g} ms",
        "fits the stream": _FITS[check.fits],
    }
    if check.fits:
        facts["warm-up"] = f"{check.warm_up_s:.2f} s"
        facts["step"] = (
            f"p50 {check.step_p50_us:.0f} µs, p99 {check.step_p99_us:.0f} µs, in a hop of "
            f"{1000 * check.hop_ms:.0f} µs"
        )
    return facts | fault_rows(check.corruption)


def _findings_table(checkup: Checkup) -> Table:
    """Return the findings, the worst first."""
    table = report_table("Findings", show_header=False)
    for finding in sorted(checkup.findings, key=lambda found: found.level is Level.WARNING):
        table.add_row(finding.level, finding.text, style=_STYLES[finding.level])
    return table


def sparkline(counts: Sequence[int], bars: str) -> str:
    """Return a histogram in one line, from the first of ``bars`` for 0 to the last for the most."""
    most = max(counts, default=0)
    n_heights = len(bars) - 1
    return "".join(bars[math.ceil(n_heights * count / most) if most else 0] for count in counts)


def facts_table(title: str, facts: dict[str, str]) -> Table:
    """Return a table of names and values."""
    table = report_table(title, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, value)
    return table


def report_table(title: str, show_header: bool = True) -> Table:
    """Return an empty table in the style of the report."""
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        show_header=show_header,
        box=box.SIMPLE_HEAD if show_header else None,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def _number(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "-"


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)}: {', '.join(names)}" if names else "none"


def _jsonable(value: object) -> object:
    """Return the value without models, arrays and NaN."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: _jsonable(part) for key, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_jsonable(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
