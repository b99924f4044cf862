"""Gaps of a session: time in which spikes were not recorded, which must not pass for silence."""

from collections.abc import Iterator, Sequence

import numpy as np

from rt_ner.core.arrays import Int64Array
from rt_ner.core.errors import SessionError

NO_GAPS: Int64Array = np.zeros((0, 2), dtype=np.int64)


def check_gaps(gaps_ns: Int64Array) -> None:
    """Raise SessionError unless gaps are pairs of start and end, in order and apart."""
    if gaps_ns.ndim != 2 or gaps_ns.shape[1] != 2:
        raise SessionError(f"gaps have shape {gaps_ns.shape}, expected (n_gaps, 2): start and end")
    if np.any(np.diff(gaps_ns.ravel()) <= 0):
        raise SessionError("gaps overlap or end before they start: put them into recorded order")


def recorded(gaps_ns: Int64Array, start_ns: int, end_ns: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches of ``[start_ns, end_ns)`` in which spikes were recorded."""
    for gap_start_ns, gap_end_ns in gaps_ns.tolist():
        if gap_end_ns <= start_ns:
            continue
        if gap_start_ns >= end_ns:
            break
        if start_ns < gap_start_ns:
            yield start_ns, gap_start_ns
        start_ns = gap_end_ns
    if start_ns < end_ns:
        yield start_ns, end_ns


def union(many_ns: Sequence[Int64Array]) -> Int64Array:
    """Return the gaps ``(n_gaps, 2)`` of the time that lies in any of the given gaps."""
    edges_ns: list[list[int]] = []
    for start_ns, end_ns in sorted(np.concatenate([NO_GAPS, *many_ns]).tolist()):
        if end_ns <= start_ns:
            continue
        if edges_ns and start_ns <= edges_ns[-1][1]:
            edges_ns[-1][1] = max(edges_ns[-1][1], end_ns)
        else:
            edges_ns.append([start_ns, end_ns])
    return np.array(edges_ns, dtype=np.int64).reshape(-1, 2)
