"""Read XDF files, as LabRecorder writes them, and as the live decoder would have seen them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import REPLAY_GRID_NS, SPIKE_TYPES
from rt_ner.core.contract.markers import SESSION_ZERO, parse_trial_marker
from rt_ner.core.errors import SessionError, StreamError
from rt_ner.data.formats.common.reaches import trials_from_markers
from rt_ner.data.formats.xdf.chunks import Contents, scan
from rt_ner.data.formats.xdf.samples import Samples, load_samples
from rt_ner.data.formats.xdf.stream_info import (
    StreamInfo,
    decoder_provenance,
    movement_stream,
    spike_streams,
    streams_of,
)
from rt_ner.data.formats.xdf.stream_spikes import StreamSpikes, raster_phase_ns, stream_spikes
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings
from rt_ner.decoding.input.settings import InputKind

_MISSING = {
    "spikes": f"no stream of type {', '.join(SPIKE_TYPES)} with samples: record the amplifier's "
    "spike stream too, or give it one of these types",
    "behaviour": "no stream of type Kinematics (columns vx and vy) or Position (x and y): record "
    "the movement of the hand or cursor too",
    "trials": "no markers 'trial_start N', 'go N direction_deg=D', 'trial_end N': record the "
    "marker stream of rt-ner task or rt-ner replay too",
}


@dataclass(frozen=True, eq=False, repr=False)
class _Chosen:
    """The streams of one session: spikes, movement and markers."""

    spikes: StreamInfo
    movement: StreamInfo | None
    markers: list[StreamInfo]

    def streams(self) -> list[StreamInfo]:
        return [self.spikes, *([self.movement] if self.movement else []), *self.markers]


def read(path: Path, area: str | None, voltage: VoltageSettings = CROSSINGS) -> RecordingFile:
    """Read a recording; areas are the sources of the spike streams."""
    contents = scan(path)
    streams = streams_of(contents)
    found = RecordingFile(
        name=path.stem,
        areas=(),
        contents=tuple(stream.describe() for stream in streams),
        warnings=tuple(contents.damage),
        missing=_MISSING,
        provenance={"file": path.name, "layout": "xdf"} | decoder_provenance(streams),
    )
    spikes = spike_streams(streams)
    if not spikes:
        return found
    sources = tuple(dict.fromkeys(stream.source for stream in spikes))
    if area not in (None, *sources):
        raise SessionError(f"no spikes of '{area}': this recording holds {', '.join(sources)}")
    chosen = _Chosen(
        spikes=next(stream for stream in spikes if area in (None, stream.source)),
        movement=movement_stream(streams),
        markers=[stream for stream in streams if stream.is_markers],
    )
    others = tuple(source for source in sources if source != chosen.spikes.source)
    found = replace(found, areas=(chosen.spikes.source, *others))
    try:
        if chosen.spikes.spike_stream().kind is InputKind.BROADBAND:
            found = replace(found, voltage=voltage)
        return _filled(found, path, contents, chosen)
    except StreamError as error:
        raise SessionError(f"{error}") from error


def _filled(found: RecordingFile, path: Path, contents: Contents, chosen: _Chosen) -> RecordingFile:
    """Return the recording with spikes, kinematics and trials, as far as it has them."""
    samples, warnings = load_samples(path, contents, chosen.streams())
    markers = _markers([samples[stream.number] for stream in chosen.streams()])
    form = chosen.spikes.spike_stream()
    spike_samples = samples[chosen.spikes.number]
    moved = samples[chosen.movement.number] if chosen.movement else None
    stamps_ns = [one.stamps_ns for one in (spike_samples, moved) if one is not None]
    origin_ns = _origin_ns(stamps_ns, markers) + raster_phase_ns(spike_samples.stamps_ns, form)
    counted = stream_spikes(spike_samples, form, origin_ns, found.voltage)
    kinematics = None
    if chosen.movement and moved:
        kinematics, more = _kinematics(chosen.movement, moved, counted, origin_ns)
        warnings += [*counted.warnings, *more]
    else:
        warnings += counted.warnings
    shifted = [(time_ns - origin_ns, text) for time_ns, text in markers]
    trials, n_incomplete = trials_from_markers(shifted, kinematics)
    if n_incomplete:
        warnings.append(f"incomplete trials, left out: {n_incomplete}")
    return replace(
        found,
        channel_ids=counted.channel_ids,
        spikes=counted.spikes,
        behaviour=kinematics,
        trials=trials,
        warnings=(*found.warnings, *warnings),
    )


def _markers(samples: Sequence[Samples]) -> list[tuple[int, str]]:
    """Return times and texts, in order, of the markers of trials and of a replay's zero."""
    texts = (
        (time_ns, str(row[0]))
        for one in samples
        if isinstance(one.values, list)
        for time_ns, row in zip(one.stamps_ns.tolist(), one.values, strict=True)
    )
    return sorted(one for one in texts if one[1] == SESSION_ZERO or parse_trial_marker(one[1]))


def _origin_ns(stamps_ns: Sequence[Int64Array], markers: Sequence[tuple[int, str]]) -> int:
    """Return the session's time zero: a replay's own, or else a line that all bins share."""
    begin_ns = min([*(int(one.min()) for one in stamps_ns), *(time_ns for time_ns, _ in markers)])
    zeros = [time_ns for time_ns, text in markers if text == SESSION_ZERO and time_ns <= begin_ns]
    return zeros[0] if zeros else (begin_ns - 1) // REPLAY_GRID_NS * REPLAY_GRID_NS


def _kinematics(
    movement: StreamInfo, samples: Samples, counted: StreamSpikes, origin_ns: int
) -> tuple[Behaviour | None, list[str]]:
    """Return the velocity where the spikes before it were measured, and warnings."""
    times_ns, velocity_cm_s, warnings = _velocity(movement, samples)
    kept = np.isfinite(velocity_cm_s).all(axis=1) & (times_ns >= origin_ns)
    kept &= counted.is_measured(times_ns)
    if n_lost := int((~kept).sum()):
        warnings.append(
            "samples of kinematics without a value, or without spikes before them, left out: "
            f"{n_lost:,}"
        )
    if not kept.any():
        return None, warnings
    return Behaviour(times_ns[kept] - origin_ns, velocity_cm_s[kept]), warnings


def _velocity(movement: StreamInfo, samples: Samples) -> tuple[Int64Array, FloatArray, list[str]]:
    """Return times and velocity in cm/s of a stream of velocity or position, and warnings."""
    is_velocity = "vx" in movement.columns
    columns = [movement.columns[label] for label in (("vx", "vy") if is_velocity else ("x", "y"))]
    values = np.asarray(samples.values, dtype=np.float64)[:, columns]
    values *= movement.cm_per_unit or 1.0
    times_ns, first = np.unique(samples.stamps_ns, return_index=True)
    values = values[first]
    warnings = []
    if not is_velocity:
        values = np.gradient(values, times_ns / NS_PER_S, axis=0)
        warnings.append(f"velocity is the derivative of '{movement.name}'")
    if movement.cm_per_unit is None:
        warnings.append(f"'{movement.name}' has no known unit: assumed to be cm")
    return times_ns, values, warnings
