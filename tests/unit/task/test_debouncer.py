"""A click comes of a probability that stays high, once, and never again too soon."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.task.clicks.debouncer import ClickDebouncer
from rt_ner.task.settings import ClickSettings

MS = 1_000_000
HOP = 10 * MS
LEVELS = st.sampled_from([0.0, 0.2, 0.79, 0.8, 1.0, np.nan])
PROBABILITIES = st.lists(st.tuples(LEVELS, st.integers(1, 30)), max_size=30).map(
    lambda runs: np.repeat([p for p, _ in runs], [n for _, n in runs]).astype(float)
)
SETTINGS = st.builds(
    ClickSettings,
    threshold=st.sampled_from([0.5, 0.8]),
    held_ms=st.sampled_from([0.0, 15.0, 50.0, 120.0]),
    refractory_ms=st.sampled_from([0.0, 100.0, 400.0]),
)


def stamps(n: int) -> np.ndarray:
    return HOP * np.arange(1, n + 1)


def clicks_of(settings: ClickSettings, probability: np.ndarray) -> np.ndarray:
    return np.flatnonzero(ClickDebouncer(settings).take(stamps(len(probability)), probability))


@given(SETTINGS, PROBABILITIES)
def test_no_click_without_the_threshold_held_for_so_long(
    settings: ClickSettings, probability: np.ndarray
) -> None:
    for click in clicks_of(settings, probability):
        since = click - int(np.ceil(settings.held_ms * MS / HOP))
        assert since >= 0
        assert (probability[since : click + 1] >= settings.threshold).all()


@given(SETTINGS, PROBABILITIES)
def test_clicks_are_apart_and_each_needs_a_release(
    settings: ClickSettings, probability: np.ndarray
) -> None:
    clicks = clicks_of(settings, probability)
    for one, other in zip(clicks, clicks[1:], strict=False):
        assert (other - one) * HOP >= settings.refractory_ms * MS
        assert not (probability[one:other] >= settings.threshold).all()


@given(SETTINGS, PROBABILITIES, st.lists(st.integers(0, 200), max_size=5))
def test_chunking_does_not_matter(
    settings: ClickSettings, probability: np.ndarray, cuts: list[int]
) -> None:
    debouncer, at = ClickDebouncer(settings), stamps(len(probability))
    parts = [
        debouncer.take(at[rows], probability[rows])
        for rows in np.split(np.arange(len(probability)), sorted(cuts))
    ]
    found = np.flatnonzero(np.concatenate(parts)) if len(probability) else np.zeros(0)
    np.testing.assert_array_equal(found, clicks_of(settings, probability))


def test_a_long_press_is_one_click_and_the_next_press_another() -> None:
    probability = np.concatenate([np.ones(100), np.zeros(1), np.ones(20), np.zeros(30), np.ones(9)])
    assert clicks_of(ClickSettings(held_ms=50.0), probability).tolist() == [5, 106, 156]


def test_a_bounce_within_the_refractory_time_is_no_click() -> None:
    probability = np.concatenate([np.ones(10), np.zeros(1), np.ones(60)])
    assert clicks_of(ClickSettings(held_ms=50.0), probability).tolist() == [5]


@pytest.mark.parametrize("gap_ms", [110, -20])
def test_a_gap_in_the_samples_ends_what_was_held(gap_ms: int) -> None:
    """A cable was pulled: nobody knows what the decoder said meanwhile."""
    debouncer, at = ClickDebouncer(ClickSettings(held_ms=50.0)), stamps(8)
    at[4:] += gap_ms * MS
    assert not debouncer.take(at, np.ones(8)).any()
