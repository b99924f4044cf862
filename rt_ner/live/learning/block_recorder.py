"""Block recorder: hears a running loop, and makes a block of what it heard."""

from collections.abc import Callable
from functools import partial
from threading import Event

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import StreamError
from rt_ner.lsl.discovery import query_for
from rt_ner.lsl.stream_reader import Connector, StreamReader
from rt_ner.recalibration.block import (
    ClosedLoopBlock,
    _counts_of,
    _is_aimed_at,
    _reaches,
    _velocity_of,
    block_of,
)

_POLL_S = 0.2


class BlockRecorder:
    """Hears a block from the moment that it is made.

    ``counts``: the stream of counts, a decoder's or a subject's spikes; ``velocity``: the
    decoder's, or the subject's hand; both with a task's cursor and target.
    """

    def __init__(self, task: str, decoder: str = "", subject: str = "") -> None:
        self._counts = _counts_of(bool(decoder))
        who = decoder or subject
        velocity = _velocity_of(bool(decoder))
        sources = {self._counts: who, velocity: who, Kind.CURSOR: task, Kind.TARGET: task}
        self._readers = {
            kind: StreamReader(partial(query_for, source, kind)) for kind, source in sources.items()
        }
        self._rows: dict[Kind, list[tuple[FloatArray, FloatArray]]] = {kind: [] for kind in sources}
        self._channel_ids: tuple[str, ...] = ()
        self._period_ns = 0
        self._connector = Connector(list(self._readers.values()))

    def poll(self) -> list[str]:
        """Take what has come, within every two seconds; which streams are not there."""
        for kind, reader in self._readers.items():
            stamps_s, values = reader.numbers()
            if len(stamps_s):
                scale = 1.0 if kind is self._counts else reader.cm_per_unit
                self._rows[kind].append((stamps_s, values * scale))
        info = self._readers[self._counts].info
        if info is not None and not self._channel_ids:
            self._channel_ids = tuple(info.get_channel_labels())
            self._period_ns = round(NS_PER_S / info.nominal_srate())
        return [reader.problem for reader in self._readers.values() if not reader.is_connected]

    def n_reaches(self) -> int:
        """How many reaches have begun so far."""
        rows = [values for _, values in self._rows[Kind.TARGET]]
        target = np.concatenate([np.zeros((1, 4)), *rows])
        target[~_is_aimed_at(target)] = np.nan
        return int(_reaches(target).max()) + 1

    def close(self) -> ClosedLoopBlock:
        """Hear no more, and put everything on one grid. StreamError where a part is missing."""
        self.poll()
        self.stop()
        return self._block()

    def stop(self) -> None:
        """Hear no more."""
        self._connector.close()

    def cut(self) -> ClosedLoopBlock | None:
        """What was heard since the last cut; None where a part is missing, which is kept."""
        if not all(self._rows.values()):
            return None
        block = self._block()
        self._rows = {kind: [] for kind in self._rows}
        return block

    def _block(self) -> ClosedLoopBlock:
        missing = [str(kind) for kind, rows in self._rows.items() if not rows]
        if missing:
            raise StreamError(f"nothing was heard of {', '.join(missing)}: see the logs")
        heard = {kind: _joined(rows) for kind, rows in self._rows.items()}
        return block_of(heard, self._channel_ids, self._period_ns)


def hear_block(
    task: str, decoder: str, n_reaches: int, stop: Event, progress: Callable[[float, str], None]
) -> ClosedLoopBlock:
    """Record a running loop until so many reaches are over, or ``stop``.

    ``progress`` is told the part that is done, and what is not there yet.
    """
    recorder = BlockRecorder(task, decoder=decoder)
    while not stop.wait(_POLL_S):
        problems = recorder.poll()
        # The newest reach is not over.
        n_over = max(recorder.n_reaches() - 1, 0)
        progress(min(n_over / n_reaches, 1.0), "; ".join(problems))
        if n_over >= n_reaches:
            break
    return recorder.close()


def _joined(rows: list[tuple[FloatArray, FloatArray]]) -> tuple[Int64Array, FloatArray]:
    stamps_s, values = zip(*rows, strict=True)
    return ns_array_from_s(np.concatenate(stamps_s)), np.concatenate(values)
