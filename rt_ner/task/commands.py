"""Define the command `rt-ner task`, which imports LSL only when it runs."""

import math
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from rt_ner.core.errors import StreamError
from rt_ner.core.settings import checked_settings, load_settings
from rt_ner.system.processes import tell_parent
from rt_ner.system.signals import stop_on_signals
from rt_ner.task.settings import Layout, Selection, TaskSettings
from rt_ner.terminal.options import (
    AsJson,
    ConfigPath,
    DecoderName,
    Speed,
    StreamName,
    print_json,
)

if TYPE_CHECKING:
    from rt_ner.task.trials.trial_machine import Trial


HandName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Move the cursor with the hand movement published under this name, e.g. mouse, "
        "instead of the decoder (open loop).",
    ),
]
TaskLayout = Annotated[
    Layout | None,
    typer.Option(help="Arrangement of the targets. Default: as in the settings, centre-out."),
]
TaskSelection = Annotated[
    Selection | None,
    typer.Option(
        help="Way to select a target: by staying in it, or by a click, which the decoder's class "
        "or the hand's button tells. Default: as in the settings, dwell."
    ),
]
Trials = Annotated[
    int | None,
    typer.Option(metavar="N", help="Number of trials, e.g. 100. Default: until Ctrl-C."),
]
Assist = Annotated[
    float | None,
    typer.Option(
        metavar="FRACTION",
        help="Fraction of the velocity to turn straight towards the target, 0 to 1, e.g. 0.3.",
    ),
]


def task(
    decoder: DecoderName = "",
    hand: HandName = None,
    layout: TaskLayout = None,
    selection: TaskSelection = None,
    trials: Trials = None,
    assist: Assist = None,
    name: StreamName = "task",
    config: ConfigPath = None,
    speed: Speed = 1.0,
    as_json: AsJson = False,
) -> None:
    """Run a cursor task that the decoder controls.

    Moves the cursor with the decoded velocity, publishes cursor, target, phases and trial markers,
    and prints scores at the end. rt-ner view --subject shows the task. While no decoded
    velocity arrives, the cursor stands still.

    Example: rt-ner task --layout centre-out-back --trials 100

    Example: rt-ner task --layout grid --selection click
    """
    from rt_ner.core.contract.kinds import Kind
    from rt_ner.lsl.discovery import query_for
    from rt_ner.lsl.simulated_clock import SimulatedClock
    from rt_ner.lsl.streams import quiet_liblsl
    from rt_ner.task.runner import TaskRunner
    from rt_ner.task.scores import machine_scores

    quiet_liblsl()
    said = {"layout": layout, "selection": selection, "trials": trials, "assist": assist}
    content = load_settings(config, TaskSettings).model_dump()
    content |= {key: value for key, value in said.items() if value is not None}
    settings = checked_settings(content, TaskSettings, "command line")
    query = query_for(hand, Kind.KINEMATICS) if hand else query_for(decoder, Kind.VELOCITY)
    classes = None if hand else query_for(decoder, Kind.CLASSES)
    console = Console(stderr=True, highlight=False, markup=False)

    def tell(trial: "Trial") -> None:
        number, seconds = len(runner.machine.trials), (trial.end_ns - trial.go_ns) / 1e9
        tell_parent("trial", number=number, success=bool(trial.success), seconds=seconds)
        console.print(f"trial {number}: {_outcome(trial)} after {seconds:.2f} s")

    with stop_on_signals() as stop:
        runner = TaskRunner(settings, query, name, SimulatedClock(speed), classes)
        runner.run(stop, tell, lambda text: console.print(text, soft_wrap=True))
    scores = machine_scores(runner.machine)
    tell_parent("scores", **scores)
    if not runner.machine.trials:
        reason = runner.awaited() or "the task ended during the first one"
        raise StreamError(f"no trial is over, so there are no scores: {reason}")
    if as_json:
        print_json({key: None if math.isnan(value) else value for key, value in scores.items()})
    else:
        _print_table(f"{len(runner.machine.trials)} trials, {settings.layout}", scores)


def _print_table(title: str, scores: dict[str, float]) -> None:
    table = Table(title=title, show_header=False)
    for key, value in scores.items():
        # Without a successful trial there is no path to measure.
        if math.isnan(value):
            continue
        table.add_row(key.replace("_", " "), f"{value:.3g}")
    Console(highlight=False, markup=False).print(table)


def _outcome(trial: "Trial") -> str:
    return "success" if trial.success else "failure"
