"""Streams: the wire format, one definition for every stream that we send or accept.

Metadata follow the XDF conventions (``channels/channel/{label,unit,type}``, ``acquisition``,
``synchronization``). Every stamp is the *end* of the interval that its sample covers, in seconds
of the sender's LSL clock. One source's streams share a prefix of ``source_id``: ``rig/spikes``,
``rig/kinematics``, ….
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import pylsl

from rt_ner.core.clock import NS_PER_MS, NS_PER_S, ns_from_s
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import StreamError

# Stage stamps in seconds, what became of the input and of the hops, the operator's gain, and the
# state by its place among all states: for those who were not there when it changed.
TIMING_LABELS = (
    "newest_sample",
    "arrived",
    "bin_closed",
    "embedded",
    "decoded",
    "pushed",
    *(input_counts.name.lower() for input_counts in InputCounts),
    "missed",
    "nonfinite",
    "clamped",
    "passed_over",
    "gain",
    "state",
)
# A target's place and size, and whether the subject is to go there (1) or to wait for it (0).
TARGET_LABELS = ("x", "y", "radius", "go")
# What values of a unit are to be multiplied by to be in cm, or cm/s.
CM_PER_UNIT = {"cm": 1.0, "cm/s": 1.0, "mm": 0.1, "mm/s": 0.1, "m": 100.0, "m/s": 100.0}
# Replays are shifted, and repeated, by multiples of this: every usual bin (1, 2, 5, 8, 10, 20, 25,
# 30, 40, 45, 50, 60, 100 ms, …) divides it, so that spikes keep their place on the grid.
REPLAY_GRID_NS = 1800 * NS_PER_MS
# Markers of a replay: session time zero (in the past, if a later part is played), and the end.
SESSION_ZERO, SESSION_END = "session_zero", "session_end"
_RESOLVE_S = 0.5
_ABOUT = "about"


class Kind(StrEnum):
    """The streams of the contract: value = the last part of their ``source_id``."""

    SPIKES = "spikes"
    EVENTS = "events"
    BROADBAND = "broadband"
    KINEMATICS = "kinematics"
    MARKERS = "markers"
    PUSHED = "pushed"
    VELOCITY = "velocity"
    LATENT = "latent"
    TIMING = "timing"
    COUNTS = "counts"
    STATE = "state"
    NOTICES = "notices"
    COMMANDS = "commands"
    CURSOR = "cursor"
    TARGET = "target"
    TASK = "task"


_LSL_TYPE = {
    Kind.SPIKES: "Spikes",
    Kind.EVENTS: "SpikeEvents",
    Kind.BROADBAND: "Ephys",
    Kind.KINEMATICS: "Kinematics",
    Kind.MARKERS: "Markers",
    Kind.PUSHED: "Timing",
    Kind.VELOCITY: "Velocity",
    Kind.LATENT: "Latent",
    Kind.TIMING: "Timing",
    Kind.COUNTS: "Counts",
    Kind.STATE: "Markers",
    Kind.NOTICES: "Markers",
    Kind.COMMANDS: "Markers",
    Kind.CURSOR: "Position",
    Kind.TARGET: "Position",
    Kind.TASK: "Markers",
}
_FORMAT = {
    Kind.SPIKES: pylsl.cf_int16,
    Kind.EVENTS: pylsl.cf_int32,
    Kind.BROADBAND: pylsl.cf_int16,
    Kind.KINEMATICS: pylsl.cf_double64,
    Kind.MARKERS: pylsl.cf_string,
    Kind.PUSHED: pylsl.cf_double64,
    Kind.VELOCITY: pylsl.cf_float32,
    Kind.LATENT: pylsl.cf_float32,
    Kind.TIMING: pylsl.cf_double64,
    Kind.COUNTS: pylsl.cf_float32,
    Kind.STATE: pylsl.cf_string,
    Kind.NOTICES: pylsl.cf_string,
    Kind.COMMANDS: pylsl.cf_string,
    Kind.CURSOR: pylsl.cf_float32,
    Kind.TARGET: pylsl.cf_float32,
    Kind.TASK: pylsl.cf_string,
}


# The LSL types under which spikes are sent.
SPIKE_TYPES = tuple(_LSL_TYPE[kind] for kind in (Kind.SPIKES, Kind.EVENTS, Kind.BROADBAND))


@dataclass(frozen=True)
class StreamQuery:
    """Which stream is wanted: one of some LSL types, and what else must fit."""

    lsl_types: tuple[str, ...]
    name: str = ""
    source_id: str = ""
    host: str = ""
    predicate: str = ""

    def __str__(self) -> str:
        fields = {
            "type": " or ".join(self.lsl_types),
            "name": self.name,
            "source_id": self.source_id,
            "host": self.host,
            "predicate": self.predicate,
        }
        return " and ".join(f"{key}='{value}'" for key, value in fields.items() if value)

    def matches(self, info: pylsl.StreamInfo) -> bool:
        """Whether a visible stream is such a one, its predicate apart."""
        return (
            info.type() in self.lsl_types
            and self.name in ("", info.name())
            and self.source_id in ("", info.source_id())
            and self.host in ("", info.hostname())
        )

    def resolve(
        self, seconds: float = _RESOLVE_S
    ) -> tuple[list[pylsl.StreamInfo], list[pylsl.StreamInfo]]:
        """The streams that match, and all that are visible, of those that answer in time."""
        if not self.predicate:
            seen = pylsl.resolve_streams(seconds)
            return [info for info in seen if self.matches(info)], seen
        begun_s = time.monotonic()
        fit = pylsl.resolve_bypred(self.predicate, 0, seconds)
        if not fit and time.monotonic() - begun_s < seconds / 2:
            # liblsl says of a predicate that it can't read only that nothing fits it, at once.
            raise StreamError(
                f"predicate = {self.predicate!r} is no XPath 1.0 that liblsl can read: expected "
                "something like starts-with(name,'Cere') and channel_count=96"
            )
        return [info for info in fit if self.matches(info)], fit


def local_now_ns() -> int:
    """The local LSL clock."""
    return ns_from_s(pylsl.local_clock())


def lsl_config_file() -> Path | None:
    """The file that liblsl is configured by: the first that is there, in liblsl's own order."""
    asked = os.environ.get("LSLAPICFG")
    files = [Path(asked)] if asked else []
    files += [
        Path("lsl_api.cfg"),
        Path.home() / "lsl_api" / "lsl_api.cfg",
        Path("/etc/lsl_api/lsl_api.cfg"),
    ]
    return next((file for file in files if file.is_file()), None)


def quiet_liblsl() -> None:
    """Keep liblsl's own log off the terminal, unless the user has configured liblsl.

    What it would say (a source gone, say) is said by us, in the operator's terms. Call it before
    any other use of LSL in the process.
    """
    if lsl_config_file() is None:
        pylsl.set_config_content("[log]\nlevel = -3\n")


def source_id_of(source: str, kind: Kind) -> str:
    """The ``source_id`` of one of a source's streams."""
    return f"{source}/{kind}"


def query_for(source: str, kind: Kind) -> StreamQuery:
    """The query for one certain stream of a source of ours."""
    return StreamQuery((_LSL_TYPE[kind],), source_id=source_id_of(source, kind))


def query_for_same(info: pylsl.StreamInfo) -> StreamQuery:
    """The query for this very source, should it go and come back."""
    return StreamQuery((info.type(),), info.name(), info.source_id(), info.hostname())


def announce(
    source: str,
    kind: Kind,
    labels: Sequence[str],
    unit: str,
    rate_hz: float,
    lsl_format: int | None = None,
) -> pylsl.StreamInfo:
    """Describe a stream of the contract. ``rate_hz`` 0: irregular; another format if wanted."""
    info = pylsl.StreamInfo(
        f"{source}-{kind}",
        _LSL_TYPE[kind],
        len(labels),
        rate_hz,
        _FORMAT[kind] if lsl_format is None else lsl_format,
        source_id_of(source, kind),
    )
    describe(info, labels, unit)
    return info


def describe(info: pylsl.StreamInfo, labels: Sequence[str], unit: str) -> None:
    """Add the metadata that every stream of ours carries."""
    info.set_channel_labels(list(labels))
    info.set_channel_units(unit)
    info.set_channel_types(info.type())
    info.desc().append_child("acquisition").append_child_value("manufacturer", "rt-ner")
    synchronization = info.desc().append_child("synchronization")
    synchronization.append_child_value("stamped_at", "end of the sample's interval")


def open_outlet(
    source: str,
    kind: Kind,
    labels: Sequence[str],
    unit: str,
    period_ns: int | None,
    about: Mapping[str, str] = MappingProxyType({}),
) -> pylsl.StreamOutlet:
    """Announce a stream and open it. ``period_ns`` None: irregular.

    ``about``: what else there is to know of it, by name; `about_of` reads it.
    """
    rate_hz = NS_PER_S / period_ns if period_ns else pylsl.IRREGULAR_RATE
    info = announce(source, kind, labels, unit, rate_hz)
    node = info.desc().append_child(_ABOUT)
    for name, value in about.items():
        node.append_child_value(name, value)
    return pylsl.StreamOutlet(info, chunk_size=1)


def about_of(info: pylsl.StreamInfo) -> dict[str, str]:
    """What a stream of ours says about itself besides labels and unit."""
    about = {}
    entry = info.desc().child(_ABOUT).first_child()
    while not entry.empty():
        about[entry.name()] = entry.child_value()
        entry = entry.next_sibling()
    return about


def add_electrodes(info: pylsl.StreamInfo, labels: Sequence[str]) -> None:
    """Say in an event stream's metadata which electrodes its channel numbers stand for."""
    electrodes = info.desc().append_child("electrodes")
    for label in labels:
        electrodes.append_child("electrode").append_child_value("label", label)


def electrodes_of(info: pylsl.StreamInfo) -> list[str]:
    """Labels of an event stream's electrodes, in order of their numbers; empty if untold."""
    labels = []
    electrode = info.desc().child("electrodes").child("electrode")
    while not electrode.empty():
        labels.append(electrode.child_value("label"))
        electrode = electrode.next_sibling("electrode")
    return labels


def find_stream(
    query: StreamQuery,
    wait_s: float,
    stopped: Callable[[], bool],
    note: Callable[[str], None] = lambda _: None,
) -> pylsl.StreamInfo | None:
    """The one visible stream that matches; None if ``stopped`` meanwhile.

    ``note`` is told what is waited for. Raises StreamError, naming what is on the network, if none
    appears within ``wait_s``, and at once if several match.
    """
    deadline_s = time.monotonic() + wait_s
    while not stopped():
        found, seen = query.resolve()
        if len(found) == 1:
            return found[0]
        if found:
            raise StreamError(
                f"{len(found)} streams match {query}: {_described(found)}. Pick one of them by its "
                "source_id with --source, or by its host in [input]"
            )
        absent = f"no stream with {query}"
        network = f"on the network: {_described(seen)}"
        if time.monotonic() >= deadline_s:
            raise StreamError(
                f"{absent} within {wait_s:g} s; {network}. Start the source, check the network, "
                "or name another stream with --source"
            )
        note(f"{absent} yet; {network}")
    return None


def _described(infos: Sequence[pylsl.StreamInfo]) -> str:
    """One line about each stream."""
    return "; ".join(map(describe_stream, infos)) if infos else "no LSL stream at all"


def describe_stream(info: pylsl.StreamInfo) -> str:
    """A stream in a few words."""
    rate = f"{info.nominal_srate():g} Hz" if info.nominal_srate() else "no regular rate"
    return (
        f"'{info.name()}' (type {info.type()}, {info.channel_count()} channels, {rate}, "
        f"source_id '{info.source_id()}', host {info.hostname()})"
    )
