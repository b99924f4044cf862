"""Find the streams of the decoder and the task in a recording, and read them piece by piece."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import SPIKE_TYPES, Kind
from rt_ner.data.formats.streams.samples import RecordedStreams, Samples
from rt_ner.data.formats.streams.stream_info import StreamInfo

# So many rows of numbers are in memory at once.
_ROWS = 20_000
_TEXTS = (Kind.STATE, Kind.NOTICES, Kind.COMMANDS, Kind.TASK, Kind.MARKERS)
_NUMBERS = (Kind.TIMING, Kind.COUNTS, Kind.NORMALISATION, Kind.CURSOR, Kind.TARGET)
# Streams of a sender, by which decoders and tasks are known.
_OF_DECODER, _OF_TASK = (Kind.TIMING, Kind.STATE, Kind.COUNTS), (Kind.TASK, Kind.CURSOR)


@dataclass(frozen=True, eq=False, repr=False)
class Found:
    """The streams of a recording that a report needs, all of one decoder and one task.

    Attributes
    ----------
    infos
        The streams by kind; one that was recorded twice under one name counts twice.
    samples
        The samples by the stream's number; numbers are still on the disk.
    decoder
        Name of the decoder; empty if there is none.
    spikes
        The source's spikes, read if there is no decoder that counted them.
    damage
        A line for each part that could not be read.
    missing
        A line for each part that is not in the recording or not in the report.

    """

    infos: dict[Kind, list[StreamInfo]]
    samples: dict[int, Samples]
    decoder: str
    spikes: StreamInfo | None
    damage: tuple[str, ...]
    missing: tuple[str, ...]

    def first(self, kind: Kind) -> StreamInfo | None:
        """Return the stream of a kind, if it has samples."""
        return next(iter(self.infos.get(kind, ())), None)

    def pieces(self, info: StreamInfo) -> Iterator[tuple[Int64Array, AnyArray]]:
        """Yield stamps in ns and values ``(sample, channel)`` of numbers, piece by piece."""
        samples = self.samples[info.number]
        for begin in range(0, len(samples.stamps_ns), _ROWS):
            part = slice(begin, begin + _ROWS)
            yield samples.stamps_ns[part], np.asarray(samples.values[part])

    def numbers(self, kind: Kind) -> tuple[Int64Array, FloatArray]:
        """Return all samples of a kind of a few columns, in order of time."""
        stamps: list[Int64Array] = [np.zeros(0, np.int64)]
        values: list[FloatArray] = []
        for info in self.infos.get(kind, ()):
            samples = self.samples[info.number]
            if len(samples.stamps_ns) and (not values or values[0].shape[1] == info.n_channels):
                stamps.append(samples.stamps_ns)
                values.append(np.asarray(samples.values[:], dtype=np.float64))
        order = np.argsort(np.concatenate(stamps), kind="stable")
        whole = np.concatenate(values) if values else np.zeros((0, 0))
        return np.concatenate(stamps)[order], whole[order]

    def texts(self, kind: Kind) -> list[tuple[int, str]]:
        """Return all texts of a kind with their times in ns, in order of time."""
        said = [
            (int(stamp_ns), str(row[0]))
            for info in self.infos.get(kind, ())
            for stamp_ns, row in zip(
                self.samples[info.number].stamps_ns.tolist(),
                self.samples[info.number].values,
                strict=True,
            )
        ]
        return sorted(said, key=lambda one: one[0])

    def span_ns(self) -> tuple[int, int]:
        """Return begin and end of the session, by the streams that run all the time."""
        for kind in (Kind.TIMING, Kind.COUNTS, Kind.CURSOR):
            if info := self.first(kind):
                stamps_ns = self.samples[info.number].stamps_ns
                return int(stamps_ns.min()), int(stamps_ns.max())
        if self.spikes is not None:
            stamps_ns = self.samples[self.spikes.number].stamps_ns
            return int(stamps_ns.min()), int(stamps_ns.max())
        times_ns = [one for samples in self.samples.values() for one in samples.stamps_ns.tolist()]
        return (min(times_ns), max(times_ns)) if times_ns else (0, 0)


@dataclass(frozen=True)
class Wanted:
    """The names of the decoder and the task to report on; empty: those that sent most.

    A recording without one of that name is reported as if it had none.
    """

    decoder: str = ""
    task: str = ""


ANY = Wanted()


def find(recorded: RecordedStreams, wanted: Wanted) -> Found:
    """Return the streams of a recording that a report needs."""
    filled = [info for info in recorded.infos if info.n_samples and info.format]
    decoder = _sender("decoder", wanted.decoder, _names(filled, _OF_DECODER))
    task = _sender("task", wanted.task, _names(filled, _OF_TASK))
    chosen = {decoder.name, task.name} - {""}
    infos: dict[Kind, list[StreamInfo]] = {}
    for kind in (*_TEXTS, *_NUMBERS):
        own = [info for info in filled if _is(info, kind)]
        named = own if kind is Kind.COMMANDS else [i for i in own if i.source in chosen]
        # Another program's task sends its own markers.
        infos[kind] = named or (own if kind is Kind.MARKERS and not task.name else [])
    spikes = None if infos[Kind.COUNTS] else _spikes(filled)
    needed = [info for of_kind in infos.values() for info in of_kind]
    samples, warnings = recorded.load([*needed, *([spikes] if spikes else [])], on_disk=True)
    return Found(
        {kind: of_kind for kind, of_kind in infos.items() if of_kind},
        samples,
        decoder.name,
        spikes,
        (*recorded.damage, *warnings),
        (*_missing(decoder.name, task.name, infos), *decoder.notes, *task.notes),
    )


def seconds(stamps_ns: Int64Array, begin_ns: int) -> AnyArray:
    """Return times in s since the session began."""
    return np.asarray((stamps_ns - begin_ns) / NS_PER_S)


def _is(info: StreamInfo, kind: Kind) -> bool:
    is_text = info.format == "string"
    return info.source_id.rpartition("/")[2] == kind and is_text == (kind in _TEXTS)


class _Sender(NamedTuple):
    """The sender to report on, empty if there is none, and a line if there are others."""

    name: str
    notes: list[str]


def _sender(what: str, wanted: str, names: list[str]) -> _Sender:
    """Return the sender that is wanted; if none is, the first."""
    name = (wanted if wanted in names else "") if wanted else "".join(names[:1])
    others = [one for one in names if one != name]
    if not others:
        return _Sender(name, [])
    on = f"The report is of the {what} {name}; the" if name else "The"
    note = f"{on} recording also holds {', '.join(others)}: --{what} NAME reports on another."
    return _Sender(name, [note])


def _names(infos: list[StreamInfo], kinds: tuple[Kind, ...]) -> list[str]:
    """Return the names of all senders of such streams; who sent most comes first."""
    counts: dict[str, int] = {}
    for info in infos:
        if any(_is(info, kind) for kind in kinds):
            counts[info.source] = counts.get(info.source, 0) + info.n_samples
    return sorted(counts, key=lambda name: -counts[name])


def _spikes(filled: list[StreamInfo]) -> StreamInfo | None:
    """Return the first stream of spikes, unless it is voltage."""
    found = (info for info in filled if info.type in SPIKE_TYPES and not info.is_voltage)
    return next(found, None)


def _missing(decoder: str, task: str, infos: dict[Kind, list[StreamInfo]]) -> list[str]:
    missing = []
    if not decoder:
        missing.append("No decoder was recorded: no states, latency, losses or notices.")
    elif not infos[Kind.TIMING]:
        missing.append("The decoder's timing was not recorded: no latency and no losses.")
    if not task and not infos[Kind.MARKERS]:
        missing.append("No task was recorded: no trials, no success and no paths.")
    elif not task:
        missing.append("Another program's task: its markers tell no outcome and no path.")
    return missing
