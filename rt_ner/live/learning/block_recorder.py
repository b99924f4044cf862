"""Record a block of a running loop from its LSL streams."""

from collections.abc import Callable
from functools import partial
from threading import Event

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.contract.kinds import TIMING_LABELS, Kind
from rt_ner.core.errors import StreamError
from rt_ner.lsl.discovery import query_for
from rt_ner.lsl.network.lookout import Lookout
from rt_ner.lsl.stream_reader import StreamReader
from rt_ner.recalibration.block import (
    ClosedLoopBlock,
    block_of,
    counts_kind,
    is_aimed_at,
    reach_numbers,
    velocity_kind,
)
from rt_ner.recalibration.intention.screen import Screen

_POLL_S = 0.2
_BUNDLE = TIMING_LABELS.index("bundle")


class BlockRecorder:
    """Records a block from the moment that it is made.

    Name a ``decoder`` to record its counts and velocity, or a ``subject`` to record its spikes and
    hand. A task's cursor and target are recorded in either case; with a ``screen``, the targets
    are inferred instead.

    Attributes
    ----------
    bundle
        Fingerprint of the model that decodes now; None if not known.

    """

    def __init__(
        self, task: str, decoder: str = "", subject: str = "", screen: Screen | None = None
    ) -> None:
        self._counts = counts_kind(bool(decoder))
        who = decoder or subject
        velocity = velocity_kind(bool(decoder))
        sources = {self._counts: who, velocity: who, Kind.CURSOR: task}
        if screen is None:
            sources[Kind.TARGET] = task
        self._screen = screen
        self._readers = {
            kind: StreamReader(partial(query_for, source, kind)) for kind, source in sources.items()
        }
        self._rows: dict[Kind, list[tuple[FloatArray, FloatArray]]] = {kind: [] for kind in sources}
        self._timing = StreamReader(partial(query_for, decoder, Kind.TIMING)) if decoder else None
        self.bundle: int | None = None
        self._channel_ids: tuple[str, ...] = ()
        self._period_ns = 0
        timing = [self._timing] if self._timing else []
        self._lookout = Lookout([*self._readers.values(), *timing])

    def poll(self) -> list[str]:
        """Take all that has arrived, and return which streams are missing.

        Call it at least every two seconds.
        """
        for kind, reader in self._readers.items():
            stamps_s, values = reader.numbers()
            if len(stamps_s):
                if kind is Kind.KINEMATICS:
                    # A hand's button is no movement.
                    values = values[:, :2]
                scale = 1.0 if kind is self._counts else reader.cm_per_unit
                self._rows[kind].append((stamps_s, values * scale))
        info = self._readers[self._counts].info
        if info is not None and not self._channel_ids:
            self._channel_ids = self._readers[self._counts].labels
            self._period_ns = round(NS_PER_S / info.nominal_srate())
        if self._timing:
            self._follow(self._timing)
        return [reader.problem for reader in self._readers.values() if not reader.is_connected]

    def _follow(self, timing: StreamReader) -> None:
        """Take the fingerprint of the model that decoded the newest hop."""
        _, rows = timing.numbers()
        if len(rows) and rows.shape[1] == len(TIMING_LABELS):  # An older decoder sends fewer.
            self.bundle = int(rows[-1, _BUNDLE])

    def n_shown(self) -> int:
        """Return how many targets have been shown so far, or visited on a screen."""
        if self._screen:
            cursor = [values[:, :2] for _, values in self._rows[Kind.CURSOR]]
            return self._screen.n_visits(np.concatenate([np.zeros((0, 2)), *cursor]))
        rows = [values for _, values in self._rows[Kind.TARGET]]
        target = np.concatenate([np.zeros((1, 4)), *rows])
        target[~is_aimed_at(target)] = np.nan
        return int(reach_numbers(target).max()) + 1

    def n_reaches(self) -> int:
        """Return how many reaches the block holds so far; 0 while a stream has sent nothing."""
        return self._block().n_reaches if all(self._rows.values()) else 0

    def close(self) -> ClosedLoopBlock:
        """Stop, and return the block; StreamError if a stream sent nothing."""
        self.poll()
        self.stop()
        return self._block()

    def stop(self) -> None:
        """Stop recording."""
        self._lookout.close()

    def cut(self) -> ClosedLoopBlock | None:
        """Return the block since the last cut; None if a stream has sent nothing yet."""
        if not all(self._rows.values()):
            return None
        block = self._block()
        self._rows = {kind: [] for kind in self._rows}
        return block

    def _block(self) -> ClosedLoopBlock:
        missing = [str(kind) for kind, rows in self._rows.items() if not rows]
        if missing:
            raise StreamError(
                f"nothing came from the streams {', '.join(missing)}: are decoder and task running?"
            )
        heard = {kind: _joined(rows) for kind, rows in self._rows.items()}
        block = block_of(heard, self._channel_ids, self._period_ns)
        return self._screen.aimed(block) if self._screen else block


def hear_block(
    recorder: BlockRecorder,
    n_reaches: int,
    stop: Event,
    progress: Callable[[float, str], None],
) -> ClosedLoopBlock:
    """Record a running loop until so many reaches are over, or until ``stop``.

    ``progress`` is called with the part that is done, and with the streams that are missing.
    """
    while not stop.wait(_POLL_S):
        problems = recorder.poll()
        # The newest reach is not over.
        n_over = max(recorder.n_shown() - 1, 0)
        progress(min(n_over / n_reaches, 1.0), "; ".join(problems))
        # Counts may come later than targets; a block is long, and is made only near its end.
        if n_over >= n_reaches and recorder.n_reaches() > n_reaches:
            break
    return recorder.close()


def _joined(rows: list[tuple[FloatArray, FloatArray]]) -> tuple[Int64Array, FloatArray]:
    stamps_s, values = zip(*rows, strict=True)
    return ns_array_from_s(np.concatenate(stamps_s)), np.concatenate(values)
