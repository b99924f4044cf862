"""Run the live decoder from the command line: ``rt-ner decode``."""

import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import numpy as np
import typer
from rich.console import Console

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.joint.joint_manifest import day_folder
from rt_ner.bundle.storage import SUMS_FILE, load_bundle
from rt_ner.bundle.store.pointer import bundle_at
from rt_ner.bundle.store.store import note_run
from rt_ner.core.contract.kinds import RecordingFormat
from rt_ner.core.contract.outputs import kind_of
from rt_ner.core.errors import BundleError
from rt_ner.core.settings import load_settings, with_overrides
from rt_ner.decoding.input.settings import chosen_sources
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.companions.live_window import obeying_view, view_of
from rt_ner.live.companions.next_bundle import NextBundle, watching
from rt_ner.live.companions.recorder import Recording, recording_into
from rt_ner.live.settings import DecodeSettings
from rt_ner.record.naming import RecordingName
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import (
    BundlePath,
    ConfigPath,
    DayName,
    OptionalStreamName,
    RecordAs,
    RecordFormat,
    SourceId,
    WaitS,
)

if TYPE_CHECKING:
    from rt_ner.live.parts.statistics import LoopStatistics

RecordFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Record all streams into this folder, as rt-ner record does."
    ),
]


def decode(
    bundle: BundlePath,
    day: DayName = None,
    source: SourceId = None,
    name: OptionalStreamName = None,
    wait: WaitS = None,
    commands: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Obey the marker stream with this source_id, e.g. adapt/commands: hold, resume, "
            "reset, swap, undo, stop.",
        ),
    ] = None,
    json_log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Append all counters to this file once per second."),
    ] = None,
    config: ConfigPath = None,
    next_bundle: Annotated[
        Path | None,
        typer.Option(
            "--next",
            metavar="BUNDLE",
            help="Bundle that the key w swaps to; same channels and window as BUNDLE. It may be "
            "written later: a notice says when a new one is there.",
        ),
    ] = None,
    view: Annotated[
        bool, typer.Option("--view/--no-view", help="Open the live window and obey its keys.")
    ] = False,
    record: RecordFolder = None,
    record_as: RecordAs = "",
    record_format: RecordFormat = RecordingFormat.XDF,
) -> None:
    """Decode cursor velocity live, until Ctrl-C.

    Reads spikes (counts, single spikes or raw voltage) and publishes velocity, latents, timing,
    state and notices over LSL, and probabilities if the bundle classifies. Velocity and
    probabilities are zero in every state but RUNNING: while the history fills, when data stop, on
    hold, and after a non-finite result.

    Example: rt-ner decode m1-bundle --source replay/spikes --view

    Keys in the terminal: h hold, r resume, x reset, + and - gain, w swap to the bundle --next
    (read anew each time), u undo the swap, q stop.
    """
    from rt_ner.lsl.streams import quiet_liblsl

    quiet_liblsl()
    said: dict[str, dict[str, object]] = {
        "input": {**chosen_sources(source), "wait_s": wait},
        "output": {"source": name},
        "control": {"source_id": commands},
    }
    settings = with_overrides(load_settings(config, DecodeSettings), said, "command line")
    if view:
        settings = obeying_view(settings)
    recording_name = RecordingName.parsed(record_as, record_format)
    recording = recording_into(record, recording_name, settings.output.source)
    bundle = day_folder(bundle, day)
    # A promotion while it decodes must not change what is shown and published.
    asked, bundle = bundle, bundle_at(bundle)
    loaded = load_bundle(bundle)
    console = Console(stderr=True, highlight=False, markup=False)
    _note_run(asked, console)
    alarms: deque[str] = deque()
    with (
        stop_on_signals() as stop,
        _opened(json_log) as log,
        view_of(bundle, settings, record, recording_name, alarms) if view else nullcontext(),
    ):
        bundles = _Bundles(bundle, loaded, next_bundle)
        statistics = _decode_until(stop, bundles, settings, log, recording, alarms)
    # Among them what the recorder said when it closed its file.
    for alarm in alarms:
        console.print(alarm, soft_wrap=True)
    _show_totals(statistics, console)


def _show_totals(statistics: "LoopStatistics", console: Console) -> None:
    """Show the counts of a run and the times of its steps."""
    counts = statistics.counts()
    console.print(f"decoded {counts.pop('decoded')} hops")
    named = {f" of {source}": found for source, found in statistics.counts_by_source().items()}
    for whose, found in {"": counts, **named}.items():
        listed = ", ".join(f"{what} {n}" for what, n in found.items() if n)
        console.print(f"counts{whose}: {listed}", soft_wrap=True)
    if statistics.n_decoded:
        p50, p99, largest = np.percentile(statistics.step_us(), [50, 99, 100])
        console.print(f"step time in µs: p50 {p50:.0f}, p99 {p99:.0f}, max {largest:.0f}")


def _note_run(bundle: Path, console: Console) -> None:
    """Note in the model store that a promoted bundle decodes; decoding goes on if that fails."""
    try:
        note_run(bundle)
    except OSError as error:
        console.print(f"warning: this run is not noted in the model store: {error}")


@dataclass(frozen=True)
class _Bundles:
    """The bundle in use, the folder that it was loaded from, and the folder of the next one."""

    folder: Path
    loaded: Bundle
    next: Path | None

    def about(self) -> dict[str, str]:
        """Return the bundle's description for the header of the state stream, by name."""
        training, scores = self.loaded.manifest.training, self.loaded.manifest.scores
        return {
            "bundle": self.folder.resolve().name,
            "session": training.session,
            "area": training.area,
            "decodes": kind_of(self.loaded.manifest.decoded_outputs),
            "r2": f"{scores.r2:.3f}",
            "shuffled_r2": f"{scores.shuffled_r2:.3f}",
            "bundle_sha256": sha256((self.folder / SUMS_FILE).read_bytes()).hexdigest(),
        }

    def next_model(self) -> DecoderSpecification:
        """Load the next bundle's model; BundleError if its input or its streams would differ."""
        assert self.next
        other = load_bundle(self.next)
        for what in (
            "channel_ids", "window", "latent_dim", "voltage", "decoded_outputs", "classes",
        ):  # fmt: skip
            is_asked, has = (getattr(each.manifest, what) for each in (self.loaded, other))
            if is_asked != has:
                raise BundleError(
                    f"{self.next} differs from {self.folder} in its {what.replace('_', ' ')}: "
                    f"{_brief(has)}, not {_brief(is_asked)}; start the decoder with it instead"
                )
        return other.model


def _brief(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _decode_until(
    stop: threading.Event,
    bundles: _Bundles,
    settings: DecodeSettings,
    log: TextIO | None,
    recording: Recording,
    alarms: deque[str],
) -> "LoopStatistics":
    """Run the loop, showing its state. Its streams close when this returns."""
    from rt_ner.live.loop import Loop
    from rt_ner.live.operator.keyboard import KEYS, listen_to_keyboard
    from rt_ner.live.operator.marker_commands import listen_to_markers
    from rt_ner.live.operator.status_line import Status
    from rt_ner.live.ports.lsl.ports import open_lsl_ports
    from rt_ner.system.scheduling import claim_computer, yield_to_the_loop

    status = Status(sys.stderr, sys.stderr.isatty(), log)
    model, following = bundles.loaded.model, None
    if bundles.next:
        following = NextBundle(bundles.next, bundles.next_model, alarms.append)
    about = bundles.about() | {"settings": settings.model_dump_json()}
    # Claim the core and priority only now, so that the recorder's process does not inherit them.
    with recording(alarms.append):
        for refusal in claim_computer(settings.timing.core, settings.timing.realtime):
            status.say(refusal)
        ports = open_lsl_ports(model, settings, about, alarms)
        loop = Loop(model, settings, ports, stop, status.say, following.load if following else None)
        tell = loop.commands.append
        if settings.control.source_id:
            listen_to_markers(settings.control, tell, stop, alarms.append)
        with (
            yield_to_the_loop(),
            watching(following, loop.swap),
            listen_to_keyboard(tell, KEYS) as has_keyboard,
            status.showing(loop, has_keyboard),
        ):
            loop.run()
    return loop.statistics


@contextmanager
def _opened(log: Path | None) -> Iterator[TextIO | None]:
    if log is None:
        yield None
        return
    file = log.open("a", encoding="utf-8")
    try:
        yield file
    finally:
        # If the disk is full, this was told when it happened.
        with suppress(OSError):
            file.close()
