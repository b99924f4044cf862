"""Define the commands simulate and subject."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console

from drivers.simulated.session import TaskSettings, simulate_session
from drivers.source import opened
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.loading import load_session, save_session
from rt_ner.lsl.simulated_clock import SimulatedClock
from rt_ner.lsl.streams import quiet_liblsl
from rt_ner.system.scheduling import no_garbage_collection, take_short_turns
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import (
    AreaName,
    RecipePath,
    Seed,
    Speed,
    StreamName,
    TaskName,
    UnitsOf,
    check_recipe_use,
)

if TYPE_CHECKING:
    from drivers.simulated.subject.neurons import Neurons


def simulate(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="New session file, e.g. simulated.npz.")
    ],
    trials: Annotated[
        int, typer.Option(metavar="N", help="Number of reaches.", min=2, max=10_000)
    ] = 120,
    seed: Seed = 0,
) -> None:
    """Simulate a recorded session of centre-out reaching.

    Simulates a 96-channel array with one to three units per electrode, some of them silent, and
    saves spikes, kinematics and trials as a session file.
    """
    if out.exists():
        raise SessionError(f"{out} already exists: choose another name")
    if out.suffix != ".npz":
        raise SessionError(f"{out}: expected a name that ends in .npz, e.g. simulated.npz")
    session = simulate_session(seed, TaskSettings(n_trials=trials))
    save_session(session, out)
    Console(stderr=True, highlight=False, markup=False).print(
        f"{out}: {len(session.channel_ids)} electrodes, {len(session.trials)} trials, "
        f"{session.end_ns / 1e9:.0f} s"
    )


def subject(
    name: StreamName = "subject",
    task: TaskName = "task",
    session: UnitsOf = None,
    recipe: RecipePath = None,
    area: AreaName = None,
    neurons_seed: Annotated[
        int, typer.Option(metavar="N", help="Random seed of the made-up neurons.", min=0)
    ] = 1,
    seed: Seed = 0,
    day: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Day of the recording, e.g. 1. On any day but 0, units are replaced or changed.",
            min=0,
        ),
    ] = 0,
    replaced: Annotated[
        float,
        typer.Option(
            metavar="FRACTION", help="Fraction of units replaced on another day.", min=0, max=1
        ),
    ] = 0.3,
    turned_deg: Annotated[
        float,
        typer.Option(
            metavar="DEGREES",
            help="Standard deviation of the change in preferred direction on another day.",
            min=0,
        ),
    ] = 20.0,
    silenced: Annotated[
        int,
        typer.Option(metavar="N", help="Number of electrodes silent on another day.", min=0),
    ] = 0,
    expected_delay_ms: Annotated[
        float,
        typer.Option(
            metavar="MS",
            help="Delay from intention to cursor that the subject expects at first.",
            min=0,
        ),
    ] = 100.0,
    speed: Speed = 1.0,
) -> None:
    """Simulate a subject who sees the task and fires spikes.

    Closes the loop without an animal: the subject sees the cursor and the target of rt-ner task
    with a delay of 150 ms, intends to move the cursor to the target, and fires accordingly. Spikes
    are published as counts at 1 kHz, until Ctrl-C.
    """
    from drivers.simulated.subject.intention import SubjectSettings
    from drivers.simulated.subject.subject import Subject

    check_recipe_use(session, recipe)
    quiet_liblsl()
    take_short_turns()
    neurons = _neurons(session, recipe, area, neurons_seed)
    if silenced > len(neurons.channel_ids):
        raise ConfigError(
            f"--silenced {silenced}: expected at most the {len(neurons.channel_ids)} electrodes"
        )
    if day:
        rng = np.random.default_rng((neurons_seed, day))
        neurons = neurons.another_day(rng, replaced, turned_deg, silenced=silenced)
    settings = SubjectSettings(expected_delay_s=expected_delay_ms / 1e3)
    source = Subject(neurons, settings, task, name, seed, SimulatedClock(speed))
    with stop_on_signals() as stop, no_garbage_collection(), opened(source):
        source.run(stop)


def _neurons(session: Path | None, recipe: Path | None, area: str | None, seed: int) -> "Neurons":
    """Return neurons fitted to a session's units; made-up ones without a session."""
    from drivers.simulated.subject.neurons import fitted, made_up

    if session is None:
        return made_up(np.random.default_rng(seed))
    return fitted(load_session(session, area, recipe=recipe))
