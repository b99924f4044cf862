"""The task's command. LSL is imported when it runs."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from rt_ner.core.settings import checked_settings, load_settings
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import AsJson, ConfigPath, Speed, print_json

if TYPE_CHECKING:
    from rt_ner.task.trials.trial_machine import Trial


def task(
    decoder: Annotated[str, typer.Option(help="Name of the decoder's streams.")] = "rt-ner",
    hand: Annotated[
        str | None,
        typer.Option(help="Open loop: the cursor follows the kinematics of this source instead."),
    ] = None,
    layout: Annotated[
        str | None, typer.Option(help="centre-out, centre-out-back, random or grid.")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="So many, then end. 0: until Ctrl-C.")] = None,
    assist: Annotated[
        float | None, typer.Option(help="How much the task helps towards the target, 0 to 1.")
    ] = None,
    name: Annotated[
        str, typer.Option(help="Announce the task's streams under this name.")
    ] = "task",
    config: ConfigPath = None,
    speed: Speed = 1.0,
    as_json: AsJson = False,
) -> None:
    """Run a cursor task with decoded velocity: targets, holds, scores.

    Moves the cursor by the decoder's velocity, publishes cursor, target, phases and trial markers,
    and ends with scores. Shown by rt-ner view. Without velocity the cursor stands still.
    """
    from rt_ner.core.contract.kinds import Kind
    from rt_ner.lsl.discovery import query_for
    from rt_ner.lsl.simulated_clock import SimulatedClock
    from rt_ner.lsl.streams import quiet_liblsl
    from rt_ner.task.runner import TaskRunner
    from rt_ner.task.scores import bit_rate, score_block
    from rt_ner.task.settings import TaskSettings

    quiet_liblsl()
    said = {"layout": layout, "trials": trials, "assist": assist}
    content = load_settings(config, TaskSettings).model_dump()
    content |= {key: value for key, value in said.items() if value is not None}
    settings = checked_settings(content, TaskSettings, "command line")
    query = query_for(hand, Kind.KINEMATICS) if hand else query_for(decoder, Kind.VELOCITY)
    console = Console(stderr=True, highlight=False, markup=False)

    def tell(trial: "Trial") -> None:
        seconds = (trial.end_ns - trial.go_ns) / 1e9
        console.print(
            f"trial {len(runner.machine.trials)}: {_outcome(trial)} after {seconds:.2f} s"
        )

    with stop_on_signals() as stop:
        runner = TaskRunner(settings, query, name, SimulatedClock(speed))
        runner.run(stop, tell)
    done = runner.machine.trials
    scores: dict[str, object] = asdict(score_block(done))
    if settings.n_choices is not None and done:
        scores["bitrate_bps"] = bit_rate(done, settings.n_choices)
    if as_json:
        print_json(scores)
        return
    table = Table(title=f"{len(done)} trials, {settings.layout}", show_header=False)
    for key, value in scores.items():
        table.add_row(key.replace("_", " "), f"{value:.3g}")
    Console(highlight=False, markup=False).print(table)


def _outcome(trial: "Trial") -> str:
    return "success" if trial.success else "failure"
