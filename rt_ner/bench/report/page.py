"""Run measurements as a user would, and write what they found as a page."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, NamedTuple

from rt_ner.bench.latency.tables import latency_rows, peer_rows, scale_rows, step_rows
from rt_ner.core.errors import RtNerError
from rt_ner.system.computer.machine import machine

Rows = Callable[[dict[str, Any]], dict[str, str]]


class Measurement(NamedTuple):
    """A measurement: its heading, the arguments of `rt-ner bench`, and how its rows are made."""

    heading: str
    arguments: tuple[str, ...]
    rows: Rows


def measurements(seconds: float, turns: int, with_view: bool) -> tuple[Measurement, ...]:
    """Return the measurements of the page, with so many turns of so many seconds each."""
    turn = ("--seconds", f"{seconds:g}", "--turns", str(turns))
    company = ("--load", "--recorder", *["--view"] * with_view)
    steps = (
        Measurement(f"Computing time per bin, {n} channels", ("step", "--channels", n), step_rows)
        for n in ("96", "256", "1024")
    )
    return (
        Measurement("Latency", ("latency", *turn), latency_rows),
        Measurement("Latency on a busy computer", ("latency", *turn, *company), latency_rows),
        *steps,
        Measurement("Other software", ("peers", *turn, "--only", "plain"), peer_rows),
        Measurement("Scale", ("scale",), scale_rows),
    )


def measured(measurement: Measurement) -> dict[str, Any]:
    """Run a measurement in a process of its own, and return its JSON; its progress goes to stderr.

    Raises RtNerError if it fails.
    """
    command = [sys.executable, "-m", "rt_ner", "bench", *measurement.arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603 - our own
    if done.returncode:
        name = " ".join(("rt-ner bench", *measurement.arguments))
        raise RtNerError(f"'{name}' ended with code {done.returncode}; see its message above")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def page(found: Sequence[tuple[Measurement, Mapping[str, Any] | None]]) -> str:
    """Return the page, in Markdown: computer, date and version, and a table per measurement.

    A measurement without a result has failed, and the page says so.
    """
    now = datetime.now(UTC)
    about = {
        **machine(),
        "rt-ner": version("rt-ner"),
        "date": f"{now:%Y-%m-%d %H:%M} UTC",
    }
    parts = [
        "# What was measured",
        "`rt-ner bench all --report FILE` wrote this page. Compare ratios rather than times: the "
        "times depend on the computer. The terms are explained in [Latency](latency.md).",
        _table(about),
    ]
    for measurement, summary in found:
        command = " ".join(("rt-ner bench", *measurement.arguments))
        parts += [
            f"## {measurement.heading}",
            f"`{command}`",
            "It failed." if summary is None else _table(measurement.rows({**summary})),
        ]
    return "\n\n".join(parts) + "\n"


def _table(rows: Mapping[str, str]) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| | |", "| --- | --- |", *lines])
