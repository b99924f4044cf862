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
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.formats.archive import load_session, save_session
from rt_ner.data.session.session import Session
from rt_ner.lsl.simulated_clock import SimulatedClock
from rt_ner.lsl.streams import local_now_ns, quiet_liblsl
from rt_ner.system.scheduling import behind_lsl, claim_computer, take_short_turns
from rt_ner.system.signals import no_garbage_collection, stop_on_signals
from rt_ner.terminal.options import AreaName, Speed


def replay(
    session: Annotated[Path, typer.Argument(metavar="SESSION", help="Session file.")],
    area: AreaName = None,
    speed: Annotated[
        float, typer.Option(help="So many times faster than it was; stamps keep their own time.")
    ] = 1.0,
    loop: Annotated[
        bool,
        typer.Option("--loop", help="Begin again at the end (cut to whole 1.8 s), until Ctrl-C."),
    ] = False,
    held_out: Annotated[
        float | None,
        typer.Option(help="Only the last part of the trials, 0.2 say: those not trained on."),
    ] = None,
    form: Annotated[
        str, typer.Option(help="Send the spikes as: raster, events or broadband.")
    ] = "raster",
    name: Annotated[str, typer.Option(help="Announce the streams under this name.")] = "replay",
    wait_for: Annotated[
        str,
        typer.Option(
            help="Begin once these streams have a listener, comma-separated: spikes, kinematics, "
            "markers, pushed. Empty: at once."
        ),
    ] = "spikes",
) -> None:
    """Play a session as live LSL streams.

    Spikes, true kinematics, trial markers and push times, in real time, on one master clock.
    Waits for a listener on the spikes, so that a decoder started afterwards misses nothing.
    """
    quiet_liblsl()
    take_short_turns()
    console = Console(stderr=True, highlight=False, markup=False)
    kinds = _kinds(wait_for)
    if form not in FORMS:
        raise ConfigError(f"--form {form}: expected one of {', '.join(FORMS)}")
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
    out: Annotated[Path, typer.Argument(metavar="SESSION", help="Session file to write (.npz).")],
    trials: Annotated[int, typer.Option(help="Number of reaches.", min=2, max=10_000)] = 120,
    seed: Annotated[int, typer.Option(help="Same seed, same session.", min=0)] = 0,
) -> None:
    """Simulate an array during centre-out reaching.

    96 electrodes with one to three units each, some silent, saved as a session.
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
    name: Annotated[str, typer.Option(help="Announce the subject's streams so.")] = "subject",
    task: Annotated[str, typer.Option(help="Name of the task's streams.")] = "task",
    session: Annotated[
        Path | None, typer.Option(help="Fire as the units of this recorded session do.")
    ] = None,
    area: Annotated[str | None, typer.Option(help="Brain area of that session.")] = None,
    neurons_seed: Annotated[int, typer.Option(help="Which made-up neurons.", min=0)] = 1,
    seed: Annotated[int, typer.Option(help="Of spikes and movement.", min=0)] = 0,
    day: Annotated[
        int, typer.Option(help="0: as made; others: some units replaced, others changed.", min=0)
    ] = 0,
    replaced: Annotated[
        float, typer.Option(help="Part of the units that another day replaces.", min=0, max=1)
    ] = 0.3,
    turned_deg: Annotated[
        float, typer.Option(help="How far it turns preferred directions (sd, °).", min=0)
    ] = 20.0,
    silenced: Annotated[int, typer.Option(help="Electrodes it silences.", min=0)] = 0,
    expected_delay_ms: Annotated[
        float,
        typer.Option(help="From intention to cursor, until the subject has learned it", min=0),
    ] = 100.0,
    speed: Speed = 1.0,
) -> None:
    """Simulate a subject who sees the task and fires spikes, to close the loop without an animal.

    Sees cursor and target of rt-ner task 150 ms late, means to bring one to the other, and fires
    accordingly, spike by spike, as a raster of 1 kHz. Until Ctrl-C.
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
    form: Annotated[
        str, typer.Option(help="Send spikes as: raster, events or broadband.")
    ] = "raster",
    channels: Annotated[int, typer.Option(help="Number of electrodes.", min=1, max=8192)] = 96,
    rate: Annotated[float, typer.Option(help="Spikes a second, of each.", min=0.001)] = 10.0,
    seconds: Annotated[
        float | None, typer.Option(help="End after so long. Default: on Ctrl-C.", min=0.001)
    ] = None,
    name: Annotated[str, typer.Option(help="Announce the stream under this name.")] = "noise",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Begin once there is a listener.")
    ] = True,
    pushes: Annotated[
        Path | None,
        typer.Option(help="Keep (.npy) the last stamp of each push and its moment, in LSL s."),
    ] = None,
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Linux: ask for real-time priority, as a device has.")
    ] = False,
) -> None:
    """Send random spikes, to try a rig.

    Faults can be ordered on stdin, a line each: "stall S", "withhold P S", "burst K S",
    "repeat N", "reverse N", "bad N", "step S". A JSON object on stdout says when it began, and
    further ones, at each order and at the end, count what was really sent.
    """
    quiet_liblsl()
    for refusal in claim_computer(None, realtime):
        typer.echo(refusal, err=True)
    if form not in NOISE_FORMS:
        raise ConfigError(f"--form {form}: expected one of {', '.join(NOISE_FORMS)}")
    channel_ids = tuple(f"elec{channel + 1:03d}" for channel in range(channels))
    with stop_on_signals() as stop, no_garbage_collection():
        source = NoiseSource(NOISE_FORMS[form](channel_ids, rate), name, stop)
        source.pushes = None if pushes is None else []
        if wait:
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
