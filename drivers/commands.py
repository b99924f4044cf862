"""The drivers' commands: replay, simulate, subject and noise."""

import json
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from drivers.encodings import FORMS
from drivers.noise import NOISE_FORMS, NoiseSource
from drivers.replay import Part, Replay
from drivers.simulated.session import TaskSettings, simulate_session
from rt_ner.core.clock import s_from_ns
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.contract.spike_form import SpikeForm as Form
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.loading import load_session, save_session
from rt_ner.data.session.session import Session
from rt_ner.lsl.simulated_clock import SimulatedClock
from rt_ner.lsl.streams import local_now_ns, quiet_liblsl
from rt_ner.system.scheduling import (
    behind_lsl,
    claim_computer,
    no_garbage_collection,
    take_short_turns,
)
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import (
    AreaName,
    Seed,
    SessionPath,
    Speed,
    SpikeForm,
    StreamName,
    TaskName,
    session_option,
)


def replay(
    session: SessionPath,
    area: AreaName = None,
    speed: Annotated[
        float,
        typer.Option(
            metavar="FACTOR",
            help="Play faster than real time, e.g. 10; time stamps keep the session's own pace.",
        ),
    ] = 1.0,
    loop: Annotated[
        bool,
        typer.Option("--loop", help="Start again at the end (cut to whole 1.8 s), until Ctrl-C."),
    ] = False,
    held_out: Annotated[
        float | None,
        typer.Option(
            metavar="FRACTION",
            help="Play only the last fraction of the trials, e.g. 0.2: those held out in training.",
        ),
    ] = None,
    form: SpikeForm = Form.RASTER,
    name: StreamName = "replay",
    wait_for: Annotated[
        str,
        typer.Option(
            metavar="STREAMS",
            help="Start when these streams have a listener: spikes, kinematics, markers, pushed; "
            "separated by commas. Empty: start at once.",
        ),
    ] = "spikes",
) -> None:
    """Play a session as live LSL streams.

    Publishes spikes, kinematics, trial markers and push times in real time, on one clock. Waits
    for a listener on the spikes, so that a decoder that starts later misses nothing.

    Example: rt-ner replay day1.xdf --area M1 --held-out 0.2
    """
    quiet_liblsl()
    take_short_turns()
    console = Console(stderr=True, highlight=False, markup=False)
    kinds = _kinds(wait_for)
    recording = load_session(session, area)
    sent = FORMS[form](recording)
    part = _part(recording, held_out, speed, loop)
    with stop_on_signals() as stop, no_garbage_collection():
        console.print(
            f"{recording.name} ({recording.area}): {len(recording.channel_ids)} channels as "
            f"'{source_id_of(name, sent.kind)}'"
        )
        # Its streams close when this returns, before a second Ctrl-C could interrupt anything.
        _play(Replay(recording, name, stop, sent), kinds, part, console)
    console.print("replay stopped" if stop.is_set() else "replay done")


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
        raise SessionError(f"{out} exists: choose another name, nothing is overwritten")
    if out.suffix != ".npz":
        raise SessionError(f"{out}: a session file ends in .npz")
    session = simulate_session(seed, TaskSettings(n_trials=trials))
    save_session(session, out)
    Console(stderr=True, highlight=False, markup=False).print(
        f"{out}: {len(session.channel_ids)} electrodes, {len(session.trials)} trials, "
        f"{session.end_ns / 1e9:.0f} s"
    )


def subject(
    name: StreamName = "subject",
    task: TaskName = "task",
    session: Annotated[
        Path | None, session_option("Simulate its units. Default: made-up neurons.")
    ] = None,
    area: AreaName = None,
    neurons_seed: Annotated[
        int, typer.Option(metavar="N", help="Random seed of the made-up neurons.", min=0)
    ] = 1,
    seed: Seed = 0,
    day: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Day of recording, e.g. 1: on every day but 0, units are replaced and changed.",
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
            help="Standard deviation of the turn in preferred direction on another day.",
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
            help="Delay from intention to cursor that the subject expects before learning it.",
            min=0,
        ),
    ] = 100.0,
    speed: Speed = 1.0,
) -> None:
    """Simulate a subject who sees the task and fires spikes.

    Closes the loop without an animal: the subject sees the cursor and the target of rt-ner task
    with a delay of 150 ms, intends to move one to the other, and fires accordingly. Spikes are
    published as counts at 1 kHz, until Ctrl-C.
    """
    from drivers.simulated.intention import SubjectSettings
    from drivers.simulated.neurons import fitted, made_up
    from drivers.simulated.subject import Subject

    quiet_liblsl()
    take_short_turns()
    neurons = made_up(np.random.default_rng(neurons_seed))
    if session is not None:
        neurons = fitted(load_session(session, area))
    if silenced > len(neurons.channel_ids):
        raise ConfigError(f"--silenced {silenced}: there are {len(neurons.channel_ids)} electrodes")
    if day:
        rng = np.random.default_rng((neurons_seed, day))
        neurons = neurons.another_day(rng, replaced, turned_deg, silenced=silenced)
    settings = SubjectSettings(expected_delay_s=expected_delay_ms / 1e3)
    with stop_on_signals() as stop, no_garbage_collection():
        Subject(neurons, settings, task, name, seed, SimulatedClock(speed)).run(stop)


def noise(
    form: SpikeForm = Form.RASTER,
    channels: Annotated[
        int, typer.Option(metavar="N", help="Number of electrodes.", min=1, max=8192)
    ] = 96,
    rate: Annotated[
        float,
        typer.Option(metavar="HZ", help="Firing rate per electrode, in spikes/s.", min=0.001),
    ] = 10.0,
    seconds: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="Stop after this time, e.g. 60. Default: on Ctrl-C.", min=0.001
        ),
    ] = None,
    name: StreamName = "noise",
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Start at once, before there is a listener.")
    ] = False,
    pushes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Save the last time stamp and the moment of each push (.npy, in LSL seconds).",
        ),
    ] = None,
    realtime: Annotated[
        bool,
        typer.Option("--realtime", help="Ask for real-time priority, as a device has (Linux)."),
    ] = False,
) -> None:
    """Send random spikes to test a rig.

    Faults are made on request, one per line on stdin: "stall S", "withhold P S", "burst K S",
    "repeat N", "reverse N", "bad N", "step S", with S in seconds. One JSON object per line on
    stdout gives the start time, then counts the samples sent, after each fault and at the end.
    """
    quiet_liblsl()
    for refusal in claim_computer(None, realtime):
        typer.echo(refusal, err=True)
    channel_ids = tuple(f"elec{channel + 1:03d}" for channel in range(channels))
    with stop_on_signals() as stop, no_garbage_collection():
        source = NoiseSource(NOISE_FORMS[form](channel_ids, rate), name, stop)
        source.pushes = None if pushes is None else []
        if not no_wait:
            source.wait_for_listener()
        ordered = _lines_of_stdin()

        def orders() -> list[str]:
            lines = []
            while ordered:
                lines.append(ordered.popleft())
                typer.echo(json.dumps(source.summary()))
            return lines

        typer.echo(json.dumps({"began_s": s_from_ns(local_now_ns())}))
        n_ticks = None if seconds is None else round(seconds * 1000)
        with behind_lsl():
            source.run(n_ticks, orders)
        if pushes is not None:
            np.save(pushes, np.array(source.pushes).reshape(-1, 2))
        typer.echo(json.dumps(source.summary()))


def _lines_of_stdin() -> deque[str]:
    """Lines of stdin as they come, read by a thread of their own."""
    lines: deque[str] = deque()

    def read() -> None:
        for line in sys.stdin:
            if line.strip():
                lines.append(line.strip())

    threading.Thread(target=read, daemon=True).start()
    return lines


def _play(replay: Replay, kinds: list[Kind], part: Part, console: Console) -> None:
    """Wait for listeners, then play, with a bar that shows how far it is."""
    if kinds:
        console.print(f"waiting for a listener on {', '.join(kinds)} (Ctrl-C ends)")
    replay.wait_for_listeners(kinds)
    with _progress_bar(console) as bar:
        task = bar.add_task("replaying", total=(part.end_ns - part.begin_ns) / 1e9)
        replay.play(part, _progress_every_second(bar, task, part))


def _kinds(wait_for: str) -> list[Kind]:
    names = [name.strip() for name in wait_for.split(",") if name.strip()]
    offered = [Kind.SPIKES, Kind.KINEMATICS, Kind.MARKERS, Kind.PUSHED]
    for name in names:
        if name not in offered:
            raise ConfigError(f"--wait-for {name}: expected some of {', '.join(offered)}")
    return [Kind(name) for name in names]


def _part(session: Session, held_out: float | None, speed: float, loop: bool) -> Part:
    if not 0 < speed <= 1000:
        raise ConfigError(f"--speed {speed:g}: expected 0 to 1000, 1 for real time")
    begin_ns = 0
    if held_out is not None:
        if not 0 < held_out < 1:
            raise ConfigError(f"--held-out {held_out:g}: expected a part between 0 and 1")
        begin_ns = int(session.trials.start_ns[session.trials.n_train(held_out)])
    return Part(begin_ns, session.end_ns, speed, loop)


def _progress_bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} s"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def _progress_every_second(bar: Progress, task: TaskID, part: Part) -> Callable[[int], None]:
    """Tells the bar, at most once a second of session time: drawing must not delay a sample."""
    shown_s = -1

    def show(session_ns: int) -> None:
        nonlocal shown_s
        played_s = (session_ns - part.begin_ns) // 1_000_000_000
        if played_s != shown_s:
            shown_s = played_s
            bar.update(task, completed=played_s)

    return show
