"""Markers and codes in the streams of other programs' tasks."""

from collections.abc import Iterator

import numpy as np

from rt_ner.core.arrays import AnyArray, Int64Array
from rt_ner.core.contract.kinds import LSL_TYPE, Kind
from rt_ner.data.formats.common.markers.marker import Marker, plain
from rt_ner.data.formats.streams.samples import Samples
from rt_ner.data.formats.streams.stream_info import StreamInfo

# A regular stream that is slower sends codes one by one; a faster one samples states.
_SLOWEST_HZ = 10.0
# More columns or values are no states of a task, and a state stays for more samples, on average.
_MOST_STATES, _MOST_VALUES, _FEWEST_SAMPLES = 64, 50_000_000, 4
_INTEGERS = ("int8", "int16", "int32", "int64")
_OURS = frozenset(LSL_TYPE.values()) - {LSL_TYPE[Kind.MARKERS]}


def holds_codes(stream: StreamInfo) -> bool:
    """Return True for a stream of texts, or of integers that can be codes or states of a task."""
    is_small = stream.n_channels <= _MOST_STATES
    is_small &= 0 < stream.n_samples * stream.n_channels <= _MOST_VALUES
    return is_small and stream.type not in _OURS and stream.format in ("string", *_INTEGERS)


def task_markers(stream: StreamInfo, samples: Samples) -> list[Marker]:
    """Return a stream's markers; of sampled states, one for each change."""
    found = _texts(stream, samples) if stream.format == "string" else _codes(stream, samples)
    return [one for one in found if one.text]


def _texts(stream: StreamInfo, samples: Samples) -> Iterator[Marker]:
    """Yield each row as a text."""
    for time_ns, row in zip(samples.stamps_ns.tolist(), samples.values, strict=True):
        yield Marker(time_ns, stream.name, plain(" ".join(map(str, row))))


def _codes(stream: StreamInfo, samples: Samples) -> Iterator[Marker]:
    """Yield each row of codes, or each change of a state."""
    times_ns = samples.stamps_ns
    values: AnyArray = np.asarray(samples.values).reshape(len(times_ns), -1)
    is_sampled = stream.rate_hz >= _SLOWEST_HZ
    labels = stream.labels if len(stream.labels) == values.shape[1] else ()
    if values.shape[1] > 1 and (is_sampled or any(labels)):
        for column, codes in enumerate(values.T):
            label = labels[column] if labels and labels[column] else str(column + 1)
            for at in _changes(codes, is_sampled):
                yield Marker(int(times_ns[at]), stream.name, plain(f"{label} {codes[at]}"))
        return
    rows = _changes(values[:, 0], True) if is_sampled else np.arange(len(values))
    for at in rows.tolist():
        text = " ".join(map(str, values[at].tolist()))
        label = labels[0] if any(labels) else stream.name
        yield Marker(int(times_ns[at]), stream.name, text, plain(f"{label} {text}"))


def _changes(state: AnyArray, is_sampled: bool) -> Int64Array:
    """Return the samples at which a state changes; none if it changes as often as a signal.

    The first sample of one that is sampled may be in the midst of a state.
    """
    before = np.append(state[:1] if is_sampled else 0, state[:-1])
    changed: Int64Array = np.flatnonzero(state != before)
    is_signal = is_sampled and changed.size * _FEWEST_SAMPLES > state.size
    return changed[:0] if is_signal else changed
