"""The trainer's commands, and its benchmark. Torch is imported when one of them runs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from offline_training.options import require_training, train_settings
from rt_ner.bundle.storage import check_writable
from rt_ner.data.loading import load_session
from rt_ner.system.display import opens_view
from rt_ner.terminal.console import table_of
from rt_ner.terminal.options import (
    AreaName,
    AsJson,
    ConfigPath,
    Device,
    Overwrite,
    SessionPath,
    SettingsSeed,
    out_option,
    print_json,
    session_option,
)
from rt_ner.terminal.progress import show_progress


def train(
    session: SessionPath,
    out: Annotated[Path, out_option("the trained bundle")],
    area: AreaName = None,
    config: ConfigPath = None,
    seed: SettingsSeed = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Train NER on a session and write a decoder bundle.

    Holds out the last trials (20 % unless configured) and scores them, beside a control that is
    trained on shuffled trials.

    Example: rt-ner train day1.xdf --area M1 --out m1-bundle
    """
    require_training()
    from offline_training.options import pick_device
    from offline_training.training import save_trained, train_bundle

    check_writable(out, overwrite)
    settings = train_settings(config, seed)
    recording = load_session(session, area)
    with show_progress("R²") as shown:
        trained = train_bundle(recording, settings, pick_device(device), shown, shown.warn)
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
    session: Annotated[Path | None, session_option("Default: a simulated one.")] = None,
    area: AreaName = None,
    out: Annotated[Path, out_option("bundle, picture and scores")] = Path("rt-ner-demo"),
    config: ConfigPath = None,
    seed: SettingsSeed = None,
    device: Device = "auto",
    view: Annotated[
        bool | None,
        typer.Option(
            "--view/--no-view", help="Open the live window. Default: if there is a display."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train on a session, replay it and decode it live.

    Simulates a session (or reads one, with --session), trains NER on its first trials, and replays
    the held-out trials to a live decoder. Replay and decoder run in separate processes, in real
    time, over LSL, with the live window if there is a display. Ends with a table and a picture.

    Example:
    rt-ner demo --session day1.xdf --area M1

    """
    require_training()
    from offline_training.demo.pipeline import DemoPlan, run_demo
    from offline_training.options import pick_device

    settings, with_view = train_settings(config, seed), opens_view(view)
    plan = DemoPlan(session, area, out, settings, pick_device(device), with_view)
    with show_progress("R²") as shown:
        result = run_demo(plan, shown, shown.warn)
    if as_json:
        print_json(result.summary())
        return
    from offline_training.demo.tables import demo_tables

    console = Console(highlight=False, markup=False)
    for table in demo_tables(result):
        console.print(table)
    console.print(f"Picture: {result.picture}    Figures: {plan.out / 'demo.json'}")


def bench_loss(
    n: Annotated[
        int,
        typer.Option("--n", metavar="N", help="Anchors per batch, each with a partner.", min=2),
    ] = 512,
    repeats: Annotated[
        int,
        typer.Option(
            metavar="N", help="Number of measurements; the literal loss is measured once.", min=1
        ),
    ] = 20,
    no_literal: Annotated[
        bool, typer.Option("--no-literal", help="Skip the literal loss, which takes long.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Time the loss, and a training step beside CEBRA's.

    Compares the exact loss with its formula taken literally.
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
