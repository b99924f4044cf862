"""Read how much each electrode fired, and when, piece by piece."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import StreamError
from rt_ner.data.formats.streams.stream_info import StreamInfo
from rt_ner.decoding.input.channels import hot_channels
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.report.reading.streams import Found

_N_COLUMNS = 120
# A rate that differs by this factor, and by so many spikes per second, has changed.
_CHANGED, _CHANGED_HZ = 3.0, 2.0


@dataclass(frozen=True, eq=False, repr=False)
class Electrodes:
    """The firing of each electrode.

    Attributes
    ----------
    names
        Names of the electrodes, or of the bundle's channels.
    rate_hz
        Mean rate ``(electrode,)`` in spikes/s.
    course_hz
        Rate ``(electrode, part)`` in equal parts of the session; NaN where nothing was recorded.
    is_of_decoder
        True if these are the counts that the decoder worked with.

    """

    names: tuple[str, ...]
    rate_hz: FloatArray
    course_hz: FloatArray
    is_of_decoder: bool

    @property
    def recorded(self) -> float:
        """Part of the session's time of which spikes, or their absence, were recorded; 0 to 1."""
        return float(np.isfinite(self.course_hz).any(axis=0).mean())

    @property
    def silent(self) -> BoolArray:
        """True for each electrode without a spike."""
        return np.asarray(self.rate_hz == 0)

    @property
    def hot(self) -> BoolArray:
        """True for each electrode that fires far too much for neurons."""
        return hot_channels(self.rate_hz)

    def named(self, which: BoolArray) -> list[str]:
        """Return the names of some electrodes."""
        return [self.names[index] for index in np.flatnonzero(which)]

    def changes_since(self, before: "Electrodes") -> dict[str, list[str]]:
        """Return in words how electrodes differ from an earlier session, with those concerned."""
        rows = {name: row for row, name in enumerate(before.names)}
        shared = [(row, rows[name]) for row, name in enumerate(self.names) if name in rows]
        now, then = np.array(shared, dtype=np.int64).reshape(-1, 2).T
        rate, earlier = self.rate_hz[now], before.rate_hz[then]
        names = [self.names[row] for row in now]
        fires = (rate > 0) & (earlier > 0) & (np.abs(rate - earlier) > _CHANGED_HZ)
        cases = {
            "silent now": (rate == 0) & (earlier > 0),
            "no longer silent": (rate > 0) & (earlier == 0),
            "hot now": self.hot[now] & ~before.hot[then],
            "no longer hot": ~self.hot[now] & before.hot[then],
            f"fire {_CHANGED:g} times as much or more": fires & (rate > _CHANGED * earlier),
            f"fire a {_CHANGED:g}rd or less": fires & (earlier > _CHANGED * rate),
        }
        found = {
            words: [name for name, is_it in zip(names, which, strict=True) if is_it]
            for words, which in cases.items()
        }
        found["not in the earlier session"] = [name for name in self.names if name not in rows]
        return {words: who for words, who in found.items() if who}


def read_electrodes(found: Found, span_ns: tuple[int, int]) -> Electrodes | str:
    """Return the firing of each electrode, or a sentence on why it is not known."""
    info = found.first(Kind.COUNTS)
    if info is not None:
        pieces = ((stamps, values) for stamps, values in found.pieces(info))
        return _counted(_names(info.labels, info.n_channels), pieces, span_ns, True)
    if found.spikes is None:
        return "No spikes were recorded, or only their voltage: the electrodes' rates are unknown."
    try:
        form = found.spikes.spike_stream()
    except StreamError as error:
        return f"The electrodes' rates are unknown: {error}."
    return _of_source(found, found.spikes, form, span_ns)


def _of_source(
    found: Found, info: StreamInfo, form: SpikeStream, span_ns: tuple[int, int]
) -> Electrodes | str:
    """Return the firing in a source's own stream, counts or single spikes."""
    if form.kind is InputKind.RASTER:
        return _counted(_names(info.labels, info.n_channels), found.pieces(info), span_ns, False)
    column = form.channel_column
    if column is None:
        return "The spikes name no channel: the electrodes' rates are unknown."
    if not form.electrodes:
        return "The spikes' stream lists no electrodes: their rates are unknown."
    pieces = (
        (stamps, _one_hot(values[:, column], len(form.electrodes)))
        for stamps, values in found.pieces(info)
    )
    return _counted(_names(form.electrodes, len(form.electrodes)), pieces, span_ns, False)


def _one_hot(numbers: AnyArray, n_electrodes: int) -> FloatArray:
    """Return single spikes as counts ``(spike, electrode)``; channels are numbered from 1."""
    return np.asarray(numbers[:, None] == np.arange(1, n_electrodes + 1), dtype=np.float64)


def _counted(
    names: tuple[str, ...],
    pieces: Iterable[tuple[Int64Array, AnyArray]],
    span_ns: tuple[int, int],
    is_of_decoder: bool,
) -> Electrodes:
    begin_ns, end_ns = span_ns
    width_ns = max((end_ns - begin_ns) // _N_COLUMNS + 1, 1)
    course, is_heard = np.zeros((_N_COLUMNS, len(names))), np.zeros(_N_COLUMNS, dtype=np.bool_)
    for stamps_ns, values in pieces:
        inside = (stamps_ns >= begin_ns) & (stamps_ns <= end_ns)
        part = (stamps_ns[inside] - begin_ns) // width_ns
        counts = values[inside].astype(np.float64)
        counts[~(counts >= 0)] = 0
        np.add.at(course, part, counts)
        is_heard[part] = True
    part_s = np.full(_N_COLUMNS, width_ns / NS_PER_S)
    part_s[-1] = max((end_ns - begin_ns - (_N_COLUMNS - 1) * width_ns) / NS_PER_S, 1e-9)
    course_hz = np.where(is_heard[:, None], course / part_s[:, None], np.nan)
    length_s = max((end_ns - begin_ns) / NS_PER_S, 1e-9)
    return Electrodes(names, course.sum(axis=0) / length_s, course_hz.T, is_of_decoder)


def _names(labels: tuple[str, ...], n_channels: int) -> tuple[str, ...]:
    known = labels if len(labels) == n_channels else ("",) * n_channels
    return tuple(label or str(number) for number, label in enumerate(known, 1))
