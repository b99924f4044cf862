"""Define the protocol of all binners, chunks in and hops out, and those that lead to another."""

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import numpy as np

from rt_ner.core.arrays import Float32Array, Int64Array

_Chunk_contra = TypeVar("_Chunk_contra", contravariant=True)


class SpikeBinner(Protocol[_Chunk_contra]):
    """A binner that turns one kind of chunk into hops of counts.

    Attributes
    ----------
    counts
        Spikes in the hop that was closed last, ``(channel,)``; rewritten by the next one.
    input_counts
        Counts that account for all input, ``(len(InputCounts),)``.
    is_partial
        True if neutral counts stand for some channels of the hop that was closed last.

    """

    counts: Float32Array
    input_counts: Int64Array
    is_partial: bool

    def push(self, chunk: _Chunk_contra) -> Iterator[int]:
        """Count a chunk's spikes, and close the hops that are over.

        Parameters
        ----------
        chunk
            Some input, of the kind that this binner takes.

        Yields
        ------
        int
            End of each hop that the chunk closes, in ns. Until the next one, ``counts`` are those
            of this hop.

        """
        ...

    @property
    def invalid(self) -> bool:
        """True if invalid input arrived in the hop that was closed last."""
        ...

    @property
    def newest_ns(self) -> int:
        """Time of the newest input, in ns."""
        ...

    def due_ns(self, now_ns: int) -> int:
        """Return when the open hop ends without more input; `FOREVER_NS` if only input ends it."""
        ...

    def reset(self, now_ns: int) -> None:
        """Forget the open hop, after an outage; the input goes on at ``now_ns``."""
        ...

    def restart(self, now_ns: int) -> None:
        """Forget the source's time too, for a new connection. The input counts stay."""
        ...

    def warm_up_as(self, dtype: np.dtype[np.generic]) -> None:
        """Compile for input of this type, the one that `push` gets; leave no trace."""
        ...


class BinnerBefore:
    """A binner that changes the chunks and leaves the counting to another, whose results it shows.

    ``binner``: the one that counts.
    """

    is_partial = False

    def __init__(self, binner: SpikeBinner[Any]) -> None:
        self._binner = binner
        self.counts = binner.counts
        self.input_counts = binner.input_counts

    @property
    def invalid(self) -> bool:
        """True if invalid input arrived in the hop that was closed last."""
        return self._binner.invalid

    @property
    def newest_ns(self) -> int:
        """Time of the newest input, in ns."""
        return self._binner.newest_ns

    def due_ns(self, now_ns: int) -> int:
        """Return when the open hop ends without more input; `FOREVER_NS` if only input ends it."""
        return self._binner.due_ns(now_ns)

    def reset(self, now_ns: int) -> None:
        """Forget the open hop, after an outage; the input goes on at ``now_ns``."""
        self._binner.reset(now_ns)

    def restart(self, now_ns: int) -> None:
        """Forget the source's time too, for a new connection."""
        self._binner.restart(now_ns)

    def warm_up_as(self, dtype: np.dtype[np.generic]) -> None:
        """Compile for input of this type; leave no trace."""
        self._binner.warm_up_as(dtype)
