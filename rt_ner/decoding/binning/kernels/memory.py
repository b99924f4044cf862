"""Remember recent events, to recognise repeats."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import Int64Array
from rt_ner.core.compiled.njit import njit

# Sets of ways, as in a processor's cache.
N_SETS, N_WAYS = 16_384, 4


class Memory(NamedTuple):
    """Recent events, ``(set, way)``, and the way of each set to be forgotten next."""

    time_ns: Int64Array
    source: Int64Array
    oldest_way: npt.NDArray[np.uint8]


@njit(cache=True)
def _set_of(time: int, source: int) -> int:
    """Return the set of the memory that an event belongs to."""
    mixed = (time ^ (source * 2_654_435_769)) * 6_364_136_223_846_793_005
    return (mixed >> 33) & (N_SETS - 1)


@njit(cache=True)
def is_known(time: int, source: int, memory: Memory) -> bool:
    """Return True if this very event came before."""
    chosen = _set_of(time, source)
    for way in range(N_WAYS):
        if memory.time_ns[chosen, way] == time and memory.source[chosen, way] == source:
            return True
    return False


@njit(cache=True)
def remember(time: int, source: int, memory: Memory) -> None:
    """Keep an event in the place of the oldest of its set."""
    chosen = _set_of(time, source)
    way = memory.oldest_way[chosen]
    memory.time_ns[chosen, way] = time
    memory.source[chosen, way] = source
    memory.oldest_way[chosen] = (way + 1) % N_WAYS
