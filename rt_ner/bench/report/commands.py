"""Define the command that measures everything."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from rt_ner.core.atomic_files import check_home, replace_file
from rt_ner.core.errors import RtNerError
from rt_ner.system.display import opens_view
from rt_ner.terminal.options import AsJson, print_json

app = typer.Typer()


@app.command("all")
def measure_all(
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the page here, e.g. docs/measured.md."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", help="Duration of each turn.", min=2)
    ] = 30.0,
    turns: Annotated[
        int, typer.Option(metavar="N", help="Number of turns per condition.", min=1)
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """Measure latency, computing time, load and a peer.

    Writes a page of it, which says on which computer, when, and with which version. Takes about 25
    minutes with the defaults. Run nothing else meanwhile. The page is written anew after each
    measurement; if one fails, the others go on.

    Example: rt-ner bench all --report measured.md
    """
    from rt_ner.bench.report.page import Measurement, measured, measurements, page

    if report is not None:
        check_home(report)
    tell = Console(stderr=True, highlight=False, markup=False).print
    planned = measurements(seconds, turns, opens_view(None))
    found: list[tuple[Measurement, dict[str, Any] | None]] = []
    for number, measurement in enumerate(planned):
        tell(f"{number + 1} of {len(planned)}: {measurement.heading}")
        try:
            found.append((measurement, measured(measurement)))
        except RtNerError as error:
            tell(f"{error}; the others go on")
            found.append((measurement, None))
        if report is not None:
            replace_file(report, page(found).encode())
    if as_json:
        print_json({measurement.heading: summary for measurement, summary in found})
    elif report is None:
        typer.echo(page(found))
    failed = [measurement.heading for measurement, summary in found if summary is None]
    if failed:
        raise RtNerError(f"not measured: {', '.join(failed)}; the reason stands above")
