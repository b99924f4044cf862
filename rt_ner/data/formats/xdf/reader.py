"""XDF: recordings of LabRecorder, read by pyxdf, understood as the decoder would live."""

import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import pyxdf

from rt_ner.core.arrays import AnyArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.contract.kinds import CM_PER_UNIT, REPLAY_GRID_NS, SPIKE_TYPES
from rt_ner.core.contract.markers import SESSION_ZERO, parse_trial_marker
from rt_ner.core.errors import SessionError, StreamError
from rt_ner.data.formats.recorded import (
    Counted,
    broadband_spikes,
    event_spikes,
    foreign_file,
    raster_phase_ns,
    raster_spikes,
    trials_of,
)
from rt_ner.data.formats.xdf.chunks import Contents, scan
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.session import Kinematics
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream, StreamHeader, spike_stream_of

_COUNTS_TYPE, _KINEMATICS_TYPE, _POSITION_TYPE = "Counts", "Kinematics", "Position"
_NO_SPIKES = (
    f"no stream of type {', '.join(SPIKE_TYPES)} with samples: record the amplifier's spike stream "
    "too, or give it one of these types"
)
_NO_KINEMATICS = (
    "no stream of type Kinematics (columns vx and vy) or Position (x and y): record the hand's or "
    "the cursor's movement too"
)
_NO_TRIALS = (
    "no markers 'trial_start N', 'go N direction_deg=D', 'trial_end N', as rt-ner task and replay "
    "send them: record them too"
)
# pyxdf says of damage what we have said already.
logging.getLogger("pyxdf").addHandler(logging.NullHandler())


@dataclass(frozen=True, eq=False)
class _Stream:
    """A stream as its header in the file tells."""

    number: int
    header: ElementTree.Element
    n_samples: int

    def _text(self, path: str) -> str:
        return (self.header.findtext(path) or "").strip()

    def name(self) -> str:
        return self._text("name")

    def type(self) -> str:
        return self._text("type")

    def nominal_srate(self) -> float:
        return float(self._text("nominal_srate"))

    def channel_count(self) -> int:
        return int(self._text("channel_count"))

    def channel_format(self) -> str:
        return self._text("channel_format")

    def get_channel_labels(self) -> list[str]:
        return self._of_channels("label")

    def get_channel_units(self) -> list[str]:
        return self._of_channels("unit")

    def _of_channels(self, what: str) -> list[str]:
        channels = self.header.iterfind("desc/channels/channel")
        return [(channel.findtext(what) or "").strip() for channel in channels]

    @property
    def source(self) -> str:
        """Who sent it: of a stream of ours, the first part of its source_id."""
        return self.source_id.rpartition("/")[0] or self.name()

    @property
    def source_id(self) -> str:
        return self._text("source_id")

    @property
    def host(self) -> str:
        return self._text("hostname")

    @cached_property
    def columns(self) -> dict[str, int]:
        """Columns by their labels, in lower case."""
        return {label.lower(): index for index, label in enumerate(self.get_channel_labels())}

    @cached_property
    def cm_per_unit(self) -> float | None:
        """What its values are to be multiplied by to be in cm, or cm/s; None if unknown."""
        return CM_PER_UNIT.get(next(iter(self.get_channel_units()), "").lower())

    def shape(self) -> SpikeStream:
        header = StreamHeader(
            name=self.name(),
            type=self.type(),
            rate_hz=self.nominal_srate(),
            n_channels=self.channel_count(),
            format=self.channel_format(),
            labels=tuple(self.get_channel_labels()),
            units=tuple(self.get_channel_units()),
            electrodes=tuple(
                (electrode.findtext("label") or "").strip()
                for electrode in self.header.iterfind("desc/electrodes/electrode")
            ),
        )
        # What the decoder counted says no more than that it is a raster.
        wanted = InputKind.RASTER if self.type() == _COUNTS_TYPE else InputKind.AUTO
        return spike_stream_of(header, wanted)

    def describe(self) -> str:
        rate = f"{self.nominal_srate():g} Hz" if self.nominal_srate() else "no regular rate"
        return (
            f"'{self.name()}', type {self.type()}: {self.channel_count()} channels, {rate}, "
            f"{self.n_samples:,} samples"
        )


@dataclass(frozen=True, eq=False)
class _Data:
    """Times in ns of one clock, and values: ``(sample, channel)``, or lists of texts."""

    stamps_ns: Int64Array
    values: Any


def read(path: Path, area: str | None) -> RecordingFile:
    """Read a recording; ``area``: the source whose spikes are meant, if there are several.

    Streams of one computer keep their stamps as they are, for they share its clock; those of
    several are moved by the clock offsets that LabRecorder measured.
    """
    contents = scan(path)
    streams = _streams_of(contents)
    found = RecordingFile(
        name=path.stem,
        areas=(),
        contents=tuple(stream.describe() for stream in streams),
        warnings=tuple(contents.damage),
        missing={"spikes": _NO_SPIKES, "kinematics": _NO_KINEMATICS, "trials": _NO_TRIALS},
        provenance={"file": path.name, "layout": "xdf"} | _decoder_of(streams),
    )
    spikes = _spike_streams(streams)
    if not spikes:
        return found
    sources = tuple(dict.fromkeys(stream.source for stream in spikes))
    if area not in (None, *sources):
        raise SessionError(f"no spikes of '{area}': this recording holds {', '.join(sources)}")
    chosen = next(stream for stream in spikes if area in (None, stream.source))
    others = tuple(source for source in sources if source != chosen.source)
    found = replace(found, areas=(chosen.source, *others))
    moves = _movement(streams)
    markers = [stream for stream in streams if _is_markers(stream)]
    wanted = [chosen, *([moves] if moves else []), *markers]
    try:
        data, warnings = _load(path, contents, wanted)
        found = replace(found, warnings=(*found.warnings, *warnings))
        return _with_data(found, chosen, moves, {s.number: data[s.number] for s in wanted})
    except StreamError as error:
        raise SessionError(f"{error}") from error


class Numbers(NamedTuple):
    """A stream of numbers: stamps ``(sample,)`` in ns of one clock, values ``(sample, channel)``.

    They are in cm or cm/s if the stream tells a unit of length, else as they are.
    """

    labels: tuple[str, ...]
    rate_hz: float
    stamps_ns: Int64Array
    values: FloatArray


def read_numbers(path: Path, source_ids: Sequence[str]) -> dict[str, Numbers]:
    """Streams of ours, by source_id. SessionError, naming it, if one is missing or empty."""
    try:
        contents = scan(path)
        wanted = {stream.source_id: stream for stream in _streams_of(contents)}
        empty = [name for name in source_ids if name not in wanted or not wanted[name].n_samples]
        if empty:
            raise SessionError(
                f"no samples of {', '.join(empty)}; it holds {', '.join(wanted) or 'no stream'}"
            )
        data, _ = _load(path, contents, [wanted[name] for name in source_ids])
    except (SessionError, OSError) as error:
        raise SessionError(f"{path}: {error}") from error
    return {
        name: Numbers(
            labels=tuple(wanted[name].get_channel_labels()),
            rate_hz=wanted[name].nominal_srate(),
            stamps_ns=data[wanted[name].number].stamps_ns,
            values=np.asarray(data[wanted[name].number].values, dtype=np.float64)
            * (wanted[name].cm_per_unit or 1.0),
        )
        for name in source_ids
    }


def _streams_of(contents: Contents) -> list[_Stream]:
    return [
        _Stream(number, header, contents.n_samples.get(number, 0))
        for number, header in contents.headers.items()
    ]


def _with_data(
    found: RecordingFile, chosen: _Stream, moves: _Stream | None, data: Mapping[int, _Data]
) -> RecordingFile:
    """What was found, with spikes, kinematics and trials as far as they are there."""
    markers = _markers(data)
    shape = chosen.shape()
    spikes_of = data[chosen.number]
    moved = [data[moves.number].stamps_ns] if moves else []
    begin_ns = min(int(stamps_ns.min()) for stamps_ns in [spikes_of.stamps_ns, *moved])
    begin_ns = min([begin_ns, *(time_ns for time_ns, _ in markers)])
    phase_ns = 0 if shape.kind is InputKind.EVENTS else raster_phase_ns(spikes_of.stamps_ns, shape)
    origin_ns = _origin_ns(begin_ns, markers) + (phase_ns if shape.kind is InputKind.RASTER else 0)
    counted = _counted(spikes_of, shape, origin_ns)
    kinematics, warnings = _kinematics(moves, data, counted, origin_ns)
    shifted = [(time_ns - origin_ns, text) for time_ns, text in markers]
    trials, n_broken = trials_of(shifted, kinematics)
    if n_broken:
        warnings = (*warnings, f"{n_broken} trials that are not whole, left out")
    return replace(
        found,
        channel_ids=counted.channel_ids,
        spikes=counted.spikes,
        kinematics=kinematics,
        trials=trials,
        warnings=(*found.warnings, *counted.warnings, *warnings),
    )


def _spike_streams(streams: Sequence[_Stream]) -> list[_Stream]:
    """Streams with spikes; what a decoder counted, if there is no other."""
    filled = [stream for stream in streams if stream.n_samples and stream.channel_format()]
    raw = [stream for stream in filled if stream.type() in SPIKE_TYPES]
    return raw or [stream for stream in filled if stream.type() == _COUNTS_TYPE]


def _movement(streams: Sequence[_Stream]) -> _Stream | None:
    """The subject's movement: velocity, else a position."""
    for lsl_type, labels in (
        (_KINEMATICS_TYPE, "vx vy"),
        (_KINEMATICS_TYPE, "x y"),
        (_POSITION_TYPE, "x y"),
    ):
        for stream in streams:
            # A target has a radius, and is no movement.
            if (
                stream.type() == lsl_type
                and stream.n_samples > 1
                and stream.columns.keys() >= set(labels.split())
                and "radius" not in stream.columns
            ):
                return stream
    return None


def _is_markers(stream: _Stream) -> bool:
    return (
        stream.channel_format() == "string"
        and stream.channel_count() == 1
        and bool(stream.n_samples)
    )


def _load(
    path: Path, contents: Contents, wanted: Sequence[_Stream]
) -> tuple[dict[int, _Data], list[str]]:
    """Times and values of some streams, by number, on one clock; and what was doubtful."""
    numbers = {stream.number for stream in wanted}
    several = len({stream.host for stream in wanted}) > 1
    raw = contents.bytes_of(path, numbers)
    data = _parsed(raw, several)
    if not several and any((np.diff(one.stamps_ns) < -NS_PER_S).any() for one in data.values()):
        return _parsed(raw, True), [
            "a clock was set back during the recording: times are joined by its offsets"
        ]
    return data, []


def _parsed(raw: bytes, synchronize: bool) -> dict[int, _Data]:
    with foreign_file("XDF"):
        streams, _ = pyxdf.load_xdf(
            io.BytesIO(raw), synchronize_clocks=synchronize, dejitter_timestamps=False
        )
    return {
        stream["info"]["stream_id"]: _Data(
            _checked_ns(stream["time_stamps"]), stream["time_series"]
        )
        for stream in streams
    }


def _checked_ns(stamps_s: FloatArray) -> Int64Array:
    """Stamps as integers; SessionError for what no clock says."""
    if not (np.abs(stamps_s) < 4e9).all():
        raise SessionError("time stamps that no clock can have: the recording is damaged")
    return ns_array_from_s(np.asarray(stamps_s, dtype=np.float64))


def _markers(data: Mapping[int, _Data]) -> list[tuple[int, str]]:
    """What tells of trials and of a replay's zero, with their times, in order."""
    texts = (
        (time_ns, str(sample[0]))
        for one in data.values()
        if isinstance(one.values, list)
        for time_ns, sample in zip(one.stamps_ns.tolist(), one.values, strict=True)
    )
    return sorted(one for one in texts if one[1] == SESSION_ZERO or parse_trial_marker(one[1]))


def _origin_ns(begin_ns: int, markers: Sequence[tuple[int, str]]) -> int:
    """Zero of the session: a replay's own, else a line that all usual bins share."""
    zeros = [time_ns for time_ns, text in markers if text == SESSION_ZERO and time_ns <= begin_ns]
    return zeros[0] if zeros else (begin_ns - 1) // REPLAY_GRID_NS * REPLAY_GRID_NS


def _counted(data: _Data, shape: SpikeStream, origin_ns: int) -> Counted:
    values: AnyArray = np.asarray(data.values)
    if shape.kind is InputKind.EVENTS:
        return event_spikes(data.stamps_ns, values, shape, origin_ns)
    if shape.kind is InputKind.BROADBAND:
        return broadband_spikes(data.stamps_ns, values, shape, origin_ns)
    return raster_spikes(data.stamps_ns, values, shape, origin_ns)


def _kinematics(
    moves: _Stream | None, data: Mapping[int, _Data], counted: Counted, origin_ns: int
) -> tuple[Kinematics | None, tuple[str, ...]]:
    """Velocity in cm/s where the spikes of its history were measured, and what is doubtful."""
    if moves is None:
        return None, ()
    own = data[moves.number]
    is_velocity = "vx" in moves.columns
    columns = [moves.columns[label] for label in (("vx", "vy") if is_velocity else ("x", "y"))]
    values = np.asarray(own.values, dtype=np.float64)[:, columns] * (moves.cm_per_unit or 1.0)
    times_ns, first = np.unique(own.stamps_ns, return_index=True)
    values = values[first]
    warnings = []
    if not is_velocity:
        values = np.gradient(values, times_ns / NS_PER_S, axis=0)
        warnings.append(f"velocity is the derivative of '{moves.name()}'")
    if moves.cm_per_unit is None:
        warnings.append(f"'{moves.name()}' tells no known unit: taken for cm")
    kept = np.isfinite(values).all(axis=1) & (times_ns >= origin_ns)
    measured = counted.is_measured(times_ns)
    if n_lost := int((~(kept & measured)).sum()):
        warnings.append(
            f"{n_lost:,} samples of kinematics without value, or without spikes before them"
        )
    kept &= measured
    if not kept.any():
        return None, tuple(warnings)
    return Kinematics(times_ns[kept] - origin_ns, values[kept]), tuple(warnings)


def _decoder_of(streams: Sequence[_Stream]) -> dict[str, str]:
    """What the decoder that ran meanwhile said of itself."""
    for stream in streams:
        about = stream.header.find("desc/about")
        if about is not None and about.find("bundle") is not None:
            return {f"decoder_{entry.tag}": entry.text or "" for entry in about}
    return {}
