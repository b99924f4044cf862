"""Command that compares decoders. Torch and the methods are imported when it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from offline_training.engines.options import Scheduler, Workers, chosen_engine
from offline_training.methods.names import MethodName
from offline_training.options import pick_device, require_training
from rt_ner.core.contract.names import names_in
from rt_ner.decoding.binning.voltage.settings import voltage_settings
from rt_ner.terminal.options import (
    AsJson,
    Bank,
    Device,
    Outputs,
    RecipePath,
    Reference,
    Value,
    out_option,
    print_json,
)

if TYPE_CHECKING:
    from offline_training.compare.report.tables import TextTable
    from offline_training.compare.run import Results
    from offline_training.methods.method import Method


def compare(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="SESSION", help="Recorded session files, e.g. day1.xdf day2.xdf."),
    ],
    recipe: RecipePath = None,
    area: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Brain area, e.g. M1; repeat for several; all: every area. Default: the first.",
        ),
    ] = None,
    value: Value = None,
    reference: Reference = None,
    bank: Bank = None,
    outputs: Outputs = "",
    methods: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help=f"Methods, comma-separated: {', '.join(MethodName)}. Default: all installed.",
        ),
    ] = "",
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Number of random seeds per method.", min=1)
    ] = 3,
    out: Annotated[Path | None, out_option("tables and figures, replaced if it exists")] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="BUNDLE", help="Also add tables and figures to the report of this bundle."
        ),
    ] = None,
    no_control: Annotated[
        bool,
        typer.Option("--no-control", help="Skip the shuffled control; halves the time."),
    ] = False,
    paper_smoothing: Annotated[
        bool,
        typer.Option(
            "--paper-smoothing",
            help="Smooth the input as in the NER paper. Not causal: uses 120 ms of the future.",
        ),
    ] = False,
    device: Device = "auto",
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Compare NER with other decoders on the same trials.

    Trains every method on the same trials and causal windows, and scores it in the same way on
    the last fifth of the trials. With more than one recording, also aligns their latents in pairs
    and scores the readout of one on the other.

    Example: rt-ner compare day1.xdf day2.xdf --methods ner,wiener,kalman --out comparison
    """
    require_training()
    from offline_training.compare.evaluation_split import load_recordings, usable_methods
    from offline_training.compare.progress import watching
    from offline_training.compare.report.output import check_bundle, check_out, save, scores_json
    from offline_training.compare.run import Plan, run

    if out is not None:
        check_out(out)
    tell = Console(stderr=True, highlight=False, markup=False).print
    chosen = _chosen(methods, tell)
    voltage, wanted = voltage_settings(value, reference, bank), names_in(outputs)
    recordings = load_recordings(files, area or (), paper_smoothing, wanted, voltage, recipe)
    chosen = usable_methods(chosen, recordings, tell)
    if bundle is not None:
        check_bundle(bundle, recordings)
    plan = Plan(recordings, chosen, seeds, not no_control, pick_device(device))
    with watching(plan) as watcher, chosen_engine(workers, scheduler, watcher.tell) as engine:
        results = run(plan, watcher, engine)
    save(results, out, bundle)
    print_json(scores_json(results)) if as_json else _show(results, out or bundle)


def _chosen(methods: str, tell: Callable[[str], None]) -> "tuple[Method, ...]":
    """Return the methods of a list of names; all that are installed if it is empty."""
    from offline_training.methods.registry import installed_methods, named_methods

    names = names_in(methods)
    return named_methods(names) if names else installed_methods(tell)


def _show(results: "Results", place: Path | None) -> None:
    from offline_training.compare.report.tables import (
        VELOCITY,
        across_summary,
        score_table,
        summary_table,
    )

    console = Console(highlight=False, markup=False)
    console.print(_as_rich(summary_table(results)))
    if len({row.recording for row in results.rows}) > 1:
        console.print(_as_rich(score_table(results, VELOCITY)))
    if results.across:
        console.print(_as_rich(across_summary(results)))
    if place is not None:
        console.print(f"Tables and figures: {place}")


def _as_rich(text: "TextTable") -> Table:
    table = Table(title=text.title, title_justify="left")
    for index, column in enumerate(text.columns):
        table.add_column(column, justify="left" if index < text.n_names else "right")
    for row in text.rows:
        table.add_row(*row)
    return table
