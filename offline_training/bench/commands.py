"""Command that times the loss."""

from typing import Annotated

import typer
from rich.console import Console

from offline_training.options import require_training
from rt_ner.terminal.options import AsJson, print_json, table_of


def bench_loss(
    n: Annotated[
        int,
        typer.Option(
            "--n",
            metavar="N",
            help="Number of anchors per batch, each with a partner, e.g. 512.",
            min=2,
        ),
    ] = 512,
    repeats: Annotated[
        int,
        typer.Option(
            metavar="N", help="Number of measurements. The literal loss is measured once.", min=1
        ),
    ] = 20,
    no_literal: Annotated[
        bool, typer.Option("--no-literal", help="Skip the literal loss, which is slow.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Time the loss, and a training step beside CEBRA's.

    Compares the fast exact loss with a literal evaluation of its formula.
    """
    require_training()
    from offline_training.bench.loss import measure_loss

    tell = Console(stderr=True, highlight=False, markup=False).print
    times = vars(measure_loss(n, repeats, not no_literal, tell))
    if as_json:
        print_json(times)
        return
    table = table_of(f"{n} anchors and their partners")
    for name, value in times.items():
        table.add_row(name.replace("_", " "), "not measured" if value is None else f"{value:.4g}")
    Console(highlight=False, markup=False).print(table)
