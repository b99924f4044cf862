"""Command that shows the whole pipeline on one session."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from offline_training.options import pick_device, require_training, train_settings
from rt_ner.system.display import opens_view
from rt_ner.terminal.options import (
    AreaName,
    AsJson,
    ConfigPath,
    Device,
    Outputs,
    RecipePath,
    SettingsSeed,
    check_recipe_use,
    out_option,
    print_json,
    session_option,
)
from rt_ner.terminal.progress import show_progress


def demo(
    session: Annotated[Path | None, session_option("Default: a simulated one.")] = None,
    recipe: RecipePath = None,
    area: AreaName = None,
    out: Annotated[Path, out_option("bundle, picture and scores")] = Path("rt-ner-demo"),
    config: ConfigPath = None,
    outputs: Outputs = "",
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

    Example: rt-ner demo --session day1.xdf --area M1
    """
    require_training()
    from offline_training.demo.pipeline import DemoPlan, run_demo

    check_recipe_use(session, recipe)
    settings, with_view = train_settings(config, seed, outputs), opens_view(view)
    plan = DemoPlan(session, recipe, area, out, settings, pick_device(device), with_view)
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
