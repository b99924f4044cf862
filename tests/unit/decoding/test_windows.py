"""The window of counts that the encoder sees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rt_ner.decoding.windows import Window, WindowShape


@given(hops_per_bin=st.integers(1, 4), history_bins=st.integers(1, 5), n_hops=st.integers(1, 60))
def test_a_window_is_the_newest_hops_summed_to_bins(
    hops_per_bin: int, history_bins: int, n_hops: int
) -> None:
    shape = WindowShape(hop_ns=10, bin_ns=10 * hops_per_bin, history_bins=history_bins)
    counts = np.random.default_rng(n_hops).integers(0, 9, (n_hops, 3)).astype(np.float32)
    window = Window(shape, 3)
    for hop in range(n_hops):
        full = window.push(10 * (hop + 1), counts[hop])
        assert full == (hop + 1 >= shape.n_hops)
        if full:
            newest = counts[hop + 1 - shape.n_hops : hop + 1]
            bins = newest.reshape(history_bins, hops_per_bin, 3).sum(axis=1)
            window.sum_up()
            np.testing.assert_array_equal(window.values[0], bins)
            np.testing.assert_array_equal(window.newest, bins[-1])
            np.testing.assert_array_equal(window.all_bins()[-1], bins[-1])


def test_a_hop_that_does_not_follow_begins_the_history_anew() -> None:
    window = Window(WindowShape(hop_ns=10, bin_ns=10, history_bins=2), 1)
    one = np.ones(1, np.float32)
    assert [window.push(end, one) for end in (10, 20, 30)] == [False, True, True]
    assert [window.push(end, one) for end in (50, 60)] == [False, True]


def test_reset_forgets_the_history() -> None:
    window = Window(WindowShape(hop_ns=10, bin_ns=10, history_bins=2), 1)
    one = np.ones(1, np.float32)
    assert [window.push(end, one) for end in (10, 20)] == [False, True]
    window.reset()
    assert [window.push(end, one) for end in (30, 40)] == [False, True]


def test_a_hop_must_divide_the_bin() -> None:
    with pytest.raises(ValidationError, match="does not divide"):
        WindowShape(hop_ns=20, bin_ns=30, history_bins=2)
