"""The view's parts without a window: rings, cursor, camera, channel map, signals."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.core.contract.kinds import TIMING_LABELS
from rt_ner.core.errors import ConfigError
from rt_ner.data.array_map import places_of_file, usual_places
from rt_ner.live.states import State
from rt_ner.lsl.ring import Ring
from rt_ner.task.cursor import Cursor
from rt_ner.view.panels.camera import Camera
from rt_ner.view.panels.latency import slowest_by_column
from rt_ner.view.signals import Channels, Signals


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


def test_a_utah_array_has_no_corners() -> None:
    places = usual_places(96)
    assert len({tuple(place) for place in places.tolist()}) == 96
    assert places.max() == 9
    for corner in ((0, 0), (0, 9), (9, 0), (9, 9)):
        assert corner not in {tuple(place) for place in places.tolist()}


@pytest.mark.parametrize("n_channels", [1, 2, 95, 97, 1024])
def test_other_arrays_are_as_square_as_it_goes(n_channels: int) -> None:
    places = usual_places(n_channels)
    assert len({tuple(place) for place in places.tolist()}) == n_channels
    assert places.max() < np.ceil(np.sqrt(n_channels))


CMP = """// Blackrock map
Cereport array
0\t9\tA\t1\telec1
9\t0\tB\t2\telec34
4\t4\tA\t3\tother // a comment
"""


def test_a_map_file_says_where_electrodes_sit(tmp_path: Path) -> None:
    file = tmp_path / "array.cmp"
    file.write_text(CMP)
    labels = ("elec1", "elec034", "elec3/1", "elec3/2")
    places = places_of_file(file, labels)
    # From the top left, as an image is drawn; the file counts rows from below.
    assert places.tolist() == [[0, 0], [9, 9], [5, 4], [5, 4]]


@pytest.mark.parametrize(
    ("content", "labels", "message"),
    [
        (CMP, ("elec77",), "'elec77' is not in it"),
        ("nothing here\n", ("a",), "holds no electrode"),
        ("1 2 AB x y\n", ("a",), "expected column, row, bank"),
        (None, ("a",), "can't be read"),
    ],
)
def test_a_map_file_that_does_not_fit_is_refused(
    tmp_path: Path, content: str | None, labels: tuple[str, ...], message: str
) -> None:
    file = tmp_path / "array.cmp"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=message):
        places_of_file(file, labels)


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
    signals._take_state(2.0, "STALE")
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
