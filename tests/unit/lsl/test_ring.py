"""A ring holds the newest rows of a stream."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.lsl.ring import Ring


@given(st.lists(st.integers(0, 12), max_size=12))
def test_a_ring_holds_the_newest_rows_in_order(sizes: list[int]) -> None:
    ring, rows = Ring(7, 2), np.arange(2 * sum(sizes), dtype=float).reshape(-1, 2)
    done = 0
    for size in sizes:
        part = rows[done : done + size]
        ring.extend(part[:, 0] / 100, part)
        done += size
        stamps_s, values = ring.newest()
        np.testing.assert_array_equal(values, rows[max(done - 7, 0) : done])
        np.testing.assert_array_equal(stamps_s, values[:, 0] / 100)


def test_a_ring_gives_the_last_seconds() -> None:
    ring = Ring(100, 1)
    ring.extend(np.arange(50) / 10, np.arange(50)[:, None])
    assert ring.newest(1.05)[1][:, 0].tolist() == list(range(39, 50))


def test_a_ring_forgets_when_time_goes_back() -> None:
    ring = Ring(10, 1)
    ring.extend([5.0, 6.0], [[5.0], [6.0]])
    ring.extend([5.9], [[5.9]])
    assert len(ring) == 3
    ring.extend([1.0, 2.0], [[1.0], [2.0]])
    assert ring.newest()[0].tolist() == [1.0, 2.0]
