"""The view's parts without a window: camera, signals, channels, columns of latency."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.core.contract.kinds import TIMING_LABELS
from rt_ner.live.states import State
from rt_ner.view.camera import Camera
from rt_ner.view.panels.latency import slowest_by_column
from rt_ner.view.signals.channels import Channels
from rt_ner.view.signals.signals import Signals


def test_the_camera_turns_and_keeps_lengths() -> None:
    camera = Camera()
    seen = []
    for _ in range(4):
        camera.turn(1.0)
        axes = camera.axes()
        # What is lost of the three unit axes in two dimensions is one dimension's worth.
        assert (axes**2).sum() == pytest.approx(2.0)
        seen.append(axes.copy())
    assert not np.allclose(seen[0], seen[1])
    assert (axes[2] > [-1e-9, 0]).all(), "the third axis points up"


@pytest.mark.parametrize("dims", [1, 2, 3, 16])
def test_framed_latents_fill_the_picture(dims: int, rng: np.random.Generator) -> None:
    camera = Camera()
    latents = 7.0 + 3.0 * rng.normal(size=(500, dims))
    camera.frame(latents)
    places = camera.project(latents)
    assert places.shape == (500, 2)
    assert 0.4 < np.quantile(np.linalg.norm(places, axis=1), 0.95) < 1.3


def test_rates_are_of_the_last_second_and_wrong_channels_are_found() -> None:
    channels = Channels(tuple("abcdef"))
    stamps_s = np.arange(1, 1201) / 100
    counts = np.zeros((1200, 6))
    counts[::10, :4] = 1.0
    counts[:, 4] = 3.0
    counts[:100, 5] = 1.0
    channels.take(stamps_s, counts)
    np.testing.assert_allclose(channels.rate_hz[:4], 10.0, rtol=0.15)
    assert channels.rate_hz[4] == pytest.approx(300.0)
    assert channels.hot.tolist() == [False] * 4 + [True, False]
    assert channels.dead.tolist() == [False] * 5 + [True]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(1, 1e5)), min_size=1, max_size=60))
def test_each_column_of_time_shows_its_slowest_hop(hops: list[tuple[float, float]]) -> None:
    hops.sort()
    stamps_s = np.array([stamp_s for stamp_s, _ in hops])
    since_us = np.array([[us / 2, us] for _, us in hops])
    starts_s, slowest_us = slowest_by_column(stamps_s, since_us)
    columns: dict[int, float] = {}
    for stamp_s, us in hops:
        column = int(np.floor(stamp_s / 0.05))
        columns[column] = max(columns.get(column, 0.0), us)
    np.testing.assert_allclose(starts_s, np.array(list(columns)) * 0.05)
    np.testing.assert_array_equal(slowest_us[:, 1], list(columns.values()))


def timing_row(state: State) -> np.ndarray:
    row = np.zeros((1, len(TIMING_LABELS)))
    row[0, TIMING_LABELS.index("state")] = list(State).index(state)
    return row


def test_the_state_is_known_to_a_view_that_came_late_and_the_newest_word_counts() -> None:
    signals = Signals("nobody", "nothing")
    signals.take_timing(np.array([1.0]), timing_row(State.RUNNING))
    assert signals.state == "RUNNING"
    signals._state.take(2.0, "STALE")
    signals.take_timing(np.array([1.5]), timing_row(State.RUNNING))
    assert signals.state == "STALE"
    signals.take_timing(np.array([2.5]), timing_row(State.WARMING))
    assert signals.state == "WARMING"


def test_a_replays_markers_tell_trials_and_direction() -> None:
    signals = Signals("nobody", "nothing")
    signals._take_marker(1.0, "trial_start 3")
    signals._take_marker(1.1, "go 3 direction_deg=135")
    assert signals.direction_deg == 135.0
    signals.take_velocity(np.array([0.9, 0.95, 1.05]), np.ones((3, 2)))
    np.testing.assert_allclose(signals.decoded.position_cm, 0.1)
    signals._take_marker(2.0, "trial_end 3")
    assert np.isnan(signals.direction_deg)


def test_rows_of_another_decoders_version_are_left() -> None:
    signals = Signals("nobody", "nothing")
    signals.take_timing(np.array([1.0]), np.zeros((1, 3)))
    assert len(signals.timing) == 0
