"""The cursor integrates velocity from the start of each trial."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.task.cursor import Cursor


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_the_cursor_is_the_sum_of_velocity_since_the_trials_start(
    seed: int, chunks: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    n = sum(chunks)
    stamps_s = np.cumsum(rng.choice([0.01, 0.02, 0.5], size=n, p=[0.6, 0.3, 0.1]))
    velocity = rng.normal(size=(n, 2))
    start_s = float(rng.uniform(0, stamps_s[-1]))
    cursor = Cursor(1000)
    cursor.start_at(start_s)
    done = 0
    for chunk in chunks:
        cursor.move(stamps_s[done : done + chunk], velocity[done : done + chunk])
        done += chunk
    expected = np.zeros(2)
    for before, after, v in zip(stamps_s, stamps_s[1:], velocity[1:], strict=False):
        if before <= start_s < after:
            expected = np.zeros(2)
        if after - before <= 0.2:
            expected = expected + v * (after - before)
    np.testing.assert_allclose(cursor.position_cm, expected, atol=1e-9)


def test_the_trail_is_broken_where_a_trial_begins() -> None:
    cursor = Cursor(100)
    cursor.move(np.array([0.0, 0.1]), np.ones((2, 2)))
    cursor.start_at(0.15)
    cursor.move(np.array([0.2]), np.ones((1, 2)))
    assert np.isnan(cursor.trail.newest()[1]).all(axis=1).tolist() == [False, False, True, False]
