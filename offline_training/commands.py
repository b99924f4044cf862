"""The trainer's commands, and its benchmark. Torch is imported when one of them runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from offline_training.options import (
    Device,
    Seed,
    require_training,
    train_settings,
)
from rt_ner.bundle.storage import check_writable
from rt_ner.data.formats.archive import load_session
from rt_ner.system.signals import opens_view
from rt_ner.terminal.console import table_of
from rt_ner.terminal.options import AreaName, AsJson, ConfigPath, SessionPath, print_json

if TYPE_CHECKING:
    from offline_training.training import Progress as ReportProgress


def train(
    session: SessionPath,
    out: Annotated[Path, typer.Option(help="Folder to write the bundle to.")],
    area: AreaName = None,
    config: ConfigPath = None,
    seed: Seed = None,
    device: Device = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a bundle that is there already.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train NER on a session and write a model bundle.

    The last trials (20 % unless configured) are held out and only scored, beside a control that
    is trained on shuffled trials.
    """
    require_training()
    from offline_training.ner.distillation import pick_device
    from offline_training.training import save_trained, train_bundle

    check_writable(out, overwrite)
    settings = train_settings(config, seed)
    recording = load_session(session, area)
    with _progress() as (progress, warn):
        trained = train_bundle(recording, settings, pick_device(device), progress, warn)
    save_trained(trained, out, overwrite)
    scores = trained.bundle.manifest.scores
    if as_json:
        print_json(
            {
                "session": recording.name,
                "area": recording.area,
                "bundle": str(out),
                "offline": scores.model_dump(),
                "train_s": round(trained.train_s, 1),
            }
        )
        return
    table = table_of(f"{recording.name} {recording.area} → {out}")
    table.add_row("velocity R², held out", f"{scores.velocity_r2:.3f}")
    table.add_row("position R², held out", f"{scores.position_r2:.3f}")
    table.add_row("control: velocity R², shuffled trials", f"{scores.shuffled_velocity_r2:.3f}")
    table.add_row("velocity R², training trials", f"{scores.train_velocity_r2:.3f}")
    if scores.validation_velocity_r2 is not None:
        left_out = f"{scores.validation_velocity_r2:.3f}"
        table.add_row("velocity R², training trials, each left out", left_out)
    table.add_row("time", f"{trained.train_s:.1f} s")
    Console(highlight=False, markup=False).print(table)


def demo(
    session: Annotated[
        Path | None, typer.Option(help="A recorded session. Default: a simulated one.")
    ] = None,
    area: AreaName = None,
    out: Annotated[Path, typer.Option(help="Folder for everything that the demo writes.")] = Path(
        "rt-ner-demo"
    ),
    config: ConfigPath = None,
    seed: Seed = None,
    device: Device = "auto",
    view: Annotated[
        bool | None,
        typer.Option(
            "--view/--no-view",
            help="The live window. Default: where there is a display.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show it all: train, replay, and decode live.

    A session is simulated (or read, with --session), NER is trained on its first trials, and the
    held-out ones are replayed and decoded live. Replay and decoder run as processes of their own,
    in real time, over LSL, with the live window where there is a display. Ends with a table and a
    picture.
    """
    require_training()
    from offline_training.demo.pipeline import DemoPlan, run_demo
    from offline_training.ner.distillation import pick_device

    settings, with_view = train_settings(config, seed), opens_view(view)
    plan = DemoPlan(session, area, out, settings, pick_device(device), with_view)
    with _progress() as (progress, warn):
        result = run_demo(plan, progress, warn)
    if as_json:
        print_json(result.summary())
        return
    from offline_training.demo.tables import demo_tables

    console = Console(highlight=False, markup=False)
    for table in demo_tables(result):
        console.print(table)
    console.print(f"Picture: {result.picture}    Figures: {plan.out / 'demo.json'}")


def bench_loss(
    n: Annotated[int, typer.Option(help="Anchors in a batch, each with a partner.", min=2)] = 512,
    repeats: Annotated[int, typer.Option(help="Of all but the literal loss.", min=1)] = 20,
    no_literal: Annotated[
        bool, typer.Option("--no-literal", help="Leave out the literal loss: it takes its time.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """The exact loss against its formula taken literally, and a training step against CEBRA's."""
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


@contextmanager
def _progress() -> Iterator[tuple["ReportProgress", Callable[[str], None]]]:
    """Bars on stderr, one a stage, with the R² of the moment; and where warnings are told."""
    bars = Progress(
        TextColumn("{task.description:<14}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[score]}"),
        console=Console(stderr=True, highlight=False, markup=False),
    )
    tasks: dict[str, TaskID] = {}

    def report(stage: str, part: float, left_out_r2: float | None) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=1.0, score="")
        score = ""
        if left_out_r2 is not None:
            score = f"velocity R² of training trials left out: {left_out_r2:.3f}"
        bars.update(tasks[stage], completed=part, score=score)

    def warn(message: str) -> None:
        bars.console.print(f"warning: {message}")

    with bars:
        yield report, warn
