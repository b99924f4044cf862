"""The protocol of every binner: chunks in, hops out."""

from collections.abc import Iterator
from typing import Protocol, TypeVar

import numpy as np

from rt_ner.core.arrays import Float32Array, Int64Array

_Chunk_contra = TypeVar("_Chunk_contra", contravariant=True)


class SpikeBinner(Protocol[_Chunk_contra]):
    """What turns one kind of chunk into hops.

    ``counts``: ``(channel,)``, of the hop that was last closed. ``input_counts``: what became of
    everything that arrived, a slot for each `InputCounts`.
    """

    counts: Float32Array
    input_counts: Int64Array

    def push(self, chunk: _Chunk_contra) -> Iterator[int]:
        """Take a chunk; yield the end (ns) of each hop it closes, ``counts`` being that hop's."""
        ...

    @property
    def invalid(self) -> bool:
        """Whether something invalid arrived in the hop that was last closed."""
        ...

    @property
    def newest_ns(self) -> int:
        """Time of the newest input."""
        ...

    def due_ns(self, now_ns: int) -> int:
        """When the open hop is over if nothing more arrives; `FOREVER_NS` if only data can tell."""
        ...

    def reset(self, now_ns: int) -> None:
        """Forget the open hop, after an outage; the input goes on at ``now_ns``."""
        ...

    def restart(self, now_ns: int) -> None:
        """Forget the source's time too: another source, or the same one anew. The input_counts stays."""
        ...

    def warm_up_as(self, dtype: np.dtype[np.generic]) -> None:
        """Compile for input of this type, which must be what `push` gets. Leaves no trace."""
        ...
