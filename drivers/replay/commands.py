"""Define the command replay."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from drivers.replay.packets import SplitPackets, packets_of
from drivers.replay.replay import Part, Replay
from drivers.source import opened
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.contract.kinds import SpikeForm as Form
from rt_ner.core.contract.names import names_in
from rt_ner.core.errors import ConfigError
from rt_ner.data.loading import load_session
from rt_ner.data.session.session import Session
from rt_ner.lsl.streams import quiet_liblsl
from rt_ner.system.scheduling import no_garbage_collection, take_short_turns
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import AreaName, RecipePath, SessionPath, SpikeForm, StreamName
from rt_ner.terminal.progress import Progress, show_progress


def replay(
    session: SessionPath,
    recipe: RecipePath = None,
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
        typer.Option("--loop", help="Repeat until Ctrl-C, cut to a multiple of 1.8 s."),
    ] = False,
    held_out: Annotated[
        float | None,
        typer.Option(
            metavar="FRACTION",
            help="Play only this fraction of the trials, the last: 0.2 if held out as by default.",
        ),
    ] = None,
    form: SpikeForm = Form.RASTER,
    name: StreamName = "replay",
    split_areas: Annotated[
        bool,
        typer.Option(
            "--split-areas",
            help="Send each area as a source of its own, e.g. replay-M1/spikes, as several "
            "amplifiers do.",
        ),
    ] = False,
    wait_for: Annotated[
        str,
        typer.Option(
            metavar="STREAMS",
            help="Start once these streams have a listener, comma-separated: spikes, kinematics, "
            "markers, pushed (push times). Empty: start at once.",
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
    recording = load_session(session, area, recipe=recipe)
    areas = _areas(session, recipe, recording) if split_areas else []
    packets = SplitPackets(recording, areas, form) if areas else packets_of(recording, form)
    kinds = _kinds(wait_for, packets.encoding.kind)
    part = _part(recording, held_out, speed, loop)
    with stop_on_signals() as stop, no_garbage_collection(), show_progress() as shown:
        source = Replay(recording, packets, name, part, _every_second(part, shown))
        # Its streams close with the block, before a second Ctrl-C could interrupt anything.
        with opened(source):
            sources = [f"{name}-{each.area}" for each in areas] or [name]
            sent_as = ",".join(source_id_of(each, packets.encoding.kind) for each in sources)
            console.print(
                f"{recording.name} ({recording.area}): {len(recording.channel_ids)} channels as "
                f"'{sent_as}'"
            )
            if kinds:
                console.print(f"waiting for a listener on {', '.join(kinds)} (Ctrl-C ends)")
            source.wait_for_listeners(kinds, stop)
            source.run(stop)
    console.print("replay stopped" if stop.is_set() else "replay done")


def _areas(path: Path, recipe: Path | None, joined: Session) -> list[Session]:
    """Return the sessions of the areas that were joined; ConfigError if there is only one."""
    areas = joined.area.split(",")
    if len(areas) < 2:
        raise ConfigError(
            f"--split-areas: expected several areas, found one, {joined.area}: name them with "
            "--area M1,PMd or --area all"
        )
    return [load_session(path, area, recipe=recipe) for area in areas]


def _kinds(wait_for: str, spikes: Kind) -> list[Kind]:
    """Return the streams that are to have a listener; ``spikes`` carries the spikes."""
    offered = {kind.value: kind for kind in (Kind.KINEMATICS, Kind.MARKERS, Kind.PUSHED)}
    offered = {Kind.SPIKES.value: spikes} | offered
    names = names_in(wait_for)
    for name in names:
        if name not in offered:
            raise ConfigError(f"--wait-for {name}: expected any of {', '.join(offered)}")
    return [offered[name] for name in names]


def _part(session: Session, held_out: float | None, speed: float, loop: bool) -> Part:
    """Return the part of a session that is to be played."""
    if not 0 < speed <= 1000:
        raise ConfigError(f"--speed {speed:g}: expected 0 to 1000, 1 for real time")
    begin_ns = 0
    if held_out is not None:
        if not 0 < held_out < 1:
            raise ConfigError(
                f"--held-out {held_out:g}: expected a fraction between 0 and 1, e.g. 0.2"
            )
        begin_ns = int(session.trials.start_ns[session.n_train(held_out)])
    return Part(begin_ns, session.end_ns, speed, loop)


def _every_second(part: Part, progress: Progress) -> Callable[[int], None]:
    """Report at most once per second of session time: drawing must not delay a sample."""
    shown_s = -1

    def show(session_ns: int) -> None:
        nonlocal shown_s
        played_ns = session_ns - part.begin_ns
        if played_ns // NS_PER_S != shown_s:
            shown_s = played_ns // NS_PER_S
            progress("replaying", played_ns / (part.end_ns - part.begin_ns))

    return show
