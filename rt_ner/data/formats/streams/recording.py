"""Make a recording of its streams: spikes, movement and trials."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rt_ner.core.arrays import Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import REPLAY_GRID_NS, SPIKE_TYPES
from rt_ner.core.contract.markers import SESSION_ZERO, parse_trial_marker
from rt_ner.core.errors import SessionError, StreamError
from rt_ner.data.formats.common.markers.marker import Marker
from rt_ner.data.formats.common.trials.marker_trials import trials_from_markers
from rt_ner.data.formats.streams.parts.stream_markers import holds_codes, task_markers
from rt_ner.data.formats.streams.parts.stream_movement import kinematics_of
from rt_ner.data.formats.streams.parts.stream_spikes import raster_phase_ns, stream_spikes, timed
from rt_ner.data.formats.streams.samples import RecordedStreams, Samples
from rt_ner.data.formats.streams.stream_info import (
    StreamInfo,
    decoder_provenance,
    movement_stream,
    spike_streams,
)
from rt_ner.data.recordings import RecordingFile
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings
from rt_ner.decoding.input.settings import InputKind

_MISSING = {
    "spikes": f"no stream of type {', '.join(SPIKE_TYPES)} with samples: record the amplifier's "
    "spike stream too, or give it one of these types",
    "behaviour": "no stream of type Kinematics (columns vx and vy) or Position (x and y): record "
    "the movement of the hand or cursor too",
    "trials": "no markers 'trial_start N', 'go N direction_deg=D', 'trial_end N': record the "
    "marker stream of rt-ner task or rt-ner replay too, or say in a recipe what the markers of "
    "another program mean (rt-ner inspect FILE --recipe NEW.toml drafts one)",
}


# Streams of one session may begin and end so far apart.
_NEAR_NS = 60 * NS_PER_S


@dataclass(frozen=True, eq=False, repr=False)
class _Chosen:
    """The streams of one session: spikes, movement and markers."""

    spikes: StreamInfo
    movement: StreamInfo | None
    markers: list[StreamInfo]

    def streams(self) -> list[StreamInfo]:
        return [self.spikes, *([self.movement] if self.movement else []), *self.markers]


def recording_of(
    recorded: RecordedStreams,
    area: str | None,
    voltage: VoltageSettings = CROSSINGS,
    codes: bool = False,
) -> RecordingFile:
    """Return the recording of some streams; areas are the sources of the spike streams.

    ``codes``: True if a recipe says what markers mean. Then, streams of integers that can be a
    task's codes or states are read too, and rt-ner's own markers mean no trials.
    """
    path, streams = recorded.path, recorded.infos
    layout = path.suffix.lower().removeprefix(".")
    found = RecordingFile(
        name=path.stem,
        areas=(),
        contents=tuple(stream.describe() for stream in streams),
        warnings=recorded.damage,
        missing=_MISSING,
        provenance={"file": path.name, "layout": layout} | decoder_provenance(streams),
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
        markers=[one for one in streams if one.is_markers or (codes and holds_codes(one))],
    )
    others = tuple(source for source in sources if source != chosen.spikes.source)
    found = replace(found, areas=(chosen.spikes.source, *others))
    try:
        if chosen.spikes.spike_stream().kind is InputKind.BROADBAND:
            found = replace(found, voltage=voltage)
        filled = _filled(found, recorded, chosen)
        return filled if codes else _with_trials(filled)
    except StreamError as error:
        raise SessionError(f"{error}") from error


def _filled(found: RecordingFile, recorded: RecordedStreams, chosen: _Chosen) -> RecordingFile:
    """Return the recording with spikes, kinematics and markers, as far as it has them."""
    samples, warnings = recorded.load(chosen.streams())
    form = chosen.spikes.spike_stream()
    spike_samples, more = timed(samples[chosen.spikes.number], form)
    span_ns = _span_ns(spike_samples)
    warnings += more
    missing = dict(found.missing)
    moved = samples[chosen.movement.number] if chosen.movement else None
    if moved is not None and chosen.movement and not _meets(_span_ns(moved), span_ns):
        missing["behaviour"] = _apart(chosen.movement.name, _span_ns(moved), span_ns)
        moved = None
    near = [one for one in chosen.markers if _meets(_span_ns(samples[one.number]), span_ns)]
    for one in chosen.markers:
        if one not in near:
            missing["markers"] = _apart(one.name, _span_ns(samples[one.number]), span_ns)
            warnings.append(f"markers left out: {missing['markers']}")
    markers = [one for stream in near for one in task_markers(stream, samples[stream.number])]
    stamps_ns = [one.stamps_ns for one in (spike_samples, moved) if one is not None]
    origin_ns = _origin_ns(stamps_ns, markers) + raster_phase_ns(spike_samples.stamps_ns, form)
    counted = stream_spikes(spike_samples, form, origin_ns, found.voltage)
    warnings += counted.warnings
    kinematics = None
    if chosen.movement and moved is not None:
        kinematics, more = kinematics_of(chosen.movement, moved, origin_ns)
        warnings += more
    return replace(
        found,
        channel_ids=counted.channel_ids,
        spikes=counted.spikes,
        behaviour=kinematics,
        markers=_since(markers, origin_ns),
        missing=missing,
        warnings=(*found.warnings, *warnings),
    )


def _span_ns(samples: Samples) -> tuple[int, int]:
    """Return the first and the last stamp; nothing else if there are no samples."""
    stamps_ns = samples.stamps_ns
    return (int(stamps_ns.min()), int(stamps_ns.max())) if stamps_ns.size else (0, 0)


def _meets(one_ns: tuple[int, int], other_ns: tuple[int, int]) -> bool:
    """Return True if two stretches of time overlap, or nearly."""
    return one_ns[0] <= other_ns[1] + _NEAR_NS and other_ns[0] <= one_ns[1] + _NEAR_NS


def _apart(name: str, own_ns: tuple[int, int], spikes_ns: tuple[int, int]) -> str:
    """Return the reason why a stream can't be used with the spikes: another clock."""
    texts = [f"{a / NS_PER_S:,.0f} to {b / NS_PER_S:,.0f} s" for a, b in (own_ns, spikes_ns)]
    return (
        f"'{name}' was stamped from {texts[0]}, the spikes from {texts[1]}: two clocks; record "
        "again with both programs on LSL's clock"
    )


def _with_trials(found: RecordingFile) -> RecordingFile:
    """Return a recording with the trials in the markers of a replay or a task of rt-ner's."""
    markers = [(one.time_ns, one.text) for one in found.markers]
    trials, n_incomplete = trials_from_markers(markers, found.behaviour)
    notes = [f"incomplete trials, left out: {n_incomplete}"] if n_incomplete else []
    return replace(found, trials=trials, warnings=(*found.warnings, *notes))


def _since(markers: Sequence[Marker], origin_ns: int) -> tuple[Marker, ...]:
    """Return markers timed from the session's zero, in order."""
    shifted = (one._replace(time_ns=one.time_ns - origin_ns) for one in markers)
    return tuple(sorted(shifted, key=lambda one: one.time_ns))


def _origin_ns(stamps_ns: Sequence[Int64Array], markers: Sequence[Marker]) -> int:
    """Return the session's time zero: a replay's own, or else a line that all bins share."""
    ours = [one for one in markers if one.text == SESSION_ZERO or parse_trial_marker(one.text)]
    begin_ns = min([*(int(one.min()) for one in stamps_ns), *(one.time_ns for one in ours)])
    zeros = [one.time_ns for one in ours if one.text == SESSION_ZERO and one.time_ns <= begin_ns]
    return zeros[0] if zeros else (begin_ns - 1) // REPLAY_GRID_NS * REPLAY_GRID_NS
