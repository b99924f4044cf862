"""Sessions: their contents, their checks, and the way through a file and back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rt_ner.core.errors import SessionError
from rt_ner.data.loading import load_session, save_session
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.data.session.trials import Trials
from tests.helpers.sessions import reach_file

MS = 1_000_000
REACH = {
    "Chewie_20150629": {"M1": 49},
    "Chewie_20150630": {"M1": 44},
    "Chewie_20161007": {"M1": 70, "PMd": 137},
    "Han_20171201": {"S1": 70},
    "Mihili_20140303": {"M1": 52, "PMd": 66},
    "Mihili_20140304": {"M1": 39, "PMd": 76},
}


def reach_arrays(**changes: Any) -> dict[str, Any]:
    """A tiny session in the layout of the reach data."""
    rng = np.random.default_rng(0)
    return {
        "counts_M1": rng.integers(0, 4, (6, 20, 5)).astype(np.uint8),
        "bin_s": 0.03,
        "pad_bins": 4,
        "velocity": rng.normal(size=(6, 12, 2)).astype(np.float32),
        "direction_deg": np.array([0, 90, 180, 270, 0, 90], np.int16),
    } | changes


def written(folder: Path, arrays: dict[str, Any]) -> Path:
    path = folder / "session.npz"
    np.savez(path, **arrays)
    return path


def whole_raster(session: Session) -> tuple[np.ndarray, np.ndarray]:
    chunks = list(session.spikes.raster(0, session.end_ns))
    return (
        np.concatenate([chunk.stamp_ns for chunk in chunks]),
        np.concatenate([chunk.counts for chunk in chunks]),
    )


def test_spike_times_become_a_raster_stamped_at_the_end() -> None:
    spikes = SpikeTimes(
        np.array([0, MS - 1, MS, 5 * MS + 7], np.int64),
        np.array([0, 1, 2, 0], np.int32),
        ("a", "b", "c"),
        np.array([0, 0, 1], np.int32),
        n_channels=2,
    )
    (chunk,) = spikes.raster(0, 8 * MS)
    assert chunk.stamp_ns.tolist() == [k * MS for k in range(1, 9)]
    assert chunk.counts.tolist() == [[2, 0], [0, 1], *[[0, 0]] * 3, [1, 0], *[[0, 0]] * 2]


def test_a_raster_does_not_depend_on_where_it_begins(small_session: Session) -> None:
    stamp_ns, counts = whole_raster(small_session)
    begin_ns = int(small_session.trials.start_ns[7])
    parts = list(small_session.spikes.raster(begin_ns, small_session.end_ns))
    assert parts[0].stamp_ns[0] == begin_ns + MS
    late = np.concatenate([part.counts for part in parts])
    np.testing.assert_array_equal(late, counts[stamp_ns > begin_ns])


def test_the_own_form_keeps_everything(small_session: Session, tmp_path: Path) -> None:
    save_session(small_session, tmp_path / "again.npz")
    again = load_session(tmp_path / "again.npz")
    assert again.channel_ids == small_session.channel_ids
    assert (again.name, again.area) == (small_session.name, small_session.area)
    assert isinstance(again.spikes, SpikeTimes)
    assert isinstance(small_session.spikes, SpikeTimes)
    np.testing.assert_array_equal(again.spikes.time_ns, small_session.spikes.time_ns)
    np.testing.assert_array_equal(again.spikes.unit, small_session.spikes.unit)
    assert again.spikes.unit_ids == small_session.spikes.unit_ids
    for field in ("start_ns", "go_ns", "end_ns", "direction_deg", "target_cm"):
        np.testing.assert_array_equal(
            getattr(again.trials, field), getattr(small_session.trials, field)
        )
    np.testing.assert_array_equal(again.behaviour.values, small_session.behaviour.values)
    assert [path.name for path in tmp_path.iterdir()] == ["again.npz"]


def test_counted_sessions_survive_a_file(tmp_path: Path) -> None:
    session = load_session(written(tmp_path, reach_arrays()))
    save_session(session, tmp_path / "own.npz")
    again = load_session(tmp_path / "own.npz", area="M1")
    assert isinstance(again.spikes, SpikeCounts)
    np.testing.assert_array_equal(whole_raster(again)[1], whole_raster(session)[1])


def test_the_reach_layout_lays_trials_end_to_end(tmp_path: Path) -> None:
    arrays = reach_arrays()
    session = load_session(written(tmp_path, arrays))
    stamp_ns, counts = whole_raster(session)
    np.testing.assert_array_equal(counts, arrays["counts_M1"].reshape(120, 5))
    assert stamp_ns[0] == 30 * MS
    # The second trial's first known velocity is that of its fifth bin.
    velocity, known = session.behaviour.at(np.array([(20 + 5) * 30 * MS, (20 + 4) * 30 * MS]))
    assert known.tolist() == [True, False]
    np.testing.assert_array_equal(velocity[0], arrays["velocity"][1, 0])
    assert session.trials.go_ns[1] == (20 + 4) * 30 * MS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"velocity": np.full((6, 12, 2), np.nan)}, "behaviour holds 72 NaN.*interpolate"),
        ({"velocity": np.zeros((6, 11, 2))}, r"velocity \(6, 11, 2\).*don't fit"),
        ({"counts_M1": np.full((6, 20, 5), 0.5)}, "not whole numbers"),
        ({"counts_M1": np.full((6, 20, 5), 300)}, "not whole numbers from 0 to 255"),
        ({"direction_deg": np.full(6, np.nan)}, "direction is NaN"),
    ],
)
def test_a_damaged_session_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SessionError, match=message):
        load_session(written(tmp_path, reach_arrays(**changes)))


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    arrays = reach_arrays()
    del arrays["pad_bins"]
    with pytest.raises(SessionError, match="it has no 'pad_bins"):
        load_session(written(tmp_path, arrays))


def test_an_area_that_is_not_there_is_named_beside_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="no area 'V4': this session holds M1"):
        load_session(written(tmp_path, reach_arrays()), area="V4")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="not a session.*holds weather"):
        load_session(written(tmp_path, {"weather": np.zeros(3)}))
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(SessionError, match="it holds text, expected a NumPy archive"):
        load_session(tmp_path / "text.npz")
    np.savez(tmp_path / "evil.npz", counts_M1=np.array([{"a": 1}], dtype=object))
    with pytest.raises(SessionError, match="without pickles"):
        load_session(tmp_path / "evil.npz")
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(SessionError, match="a single array"):
        load_session(tmp_path / "single.npy")
    with pytest.raises(SessionError, match="no such session file"):
        load_session(tmp_path / "absent.npz")


def test_a_truncated_file_is_refused(small_session_file: Path, tmp_path: Path) -> None:
    content = small_session_file.read_bytes()
    for size in (0, 10, len(content) // 2, len(content) - 1):
        path = tmp_path / "cut.npz"
        path.write_bytes(content[:size])
        with pytest.raises(SessionError):
            load_session(path)


def test_trials_and_kinematics_must_be_complete() -> None:
    times = np.array([0, 10], np.int64)
    with pytest.raises(SessionError, match="differ in length.*'direction_deg': 1"):
        Trials(times, times, times + 5, np.zeros(1), np.zeros((2, 2)))
    with pytest.raises(SessionError, match="no behaviour"):
        Behaviour(np.zeros(0, np.int64), np.zeros((0, 2)))


def test_overlapping_trials_are_refused() -> None:
    times = np.array([0, 10], np.int64)
    with pytest.raises(SessionError, match="trials overlap"):
        Trials(times, times, times + 15, np.zeros(2), np.zeros((2, 2)))


def test_disordered_spikes_are_refused() -> None:
    with pytest.raises(SessionError, match="run backwards"):
        SpikeTimes(
            np.array([5, 3], np.int64), np.zeros(2, np.int32), ("a",), np.zeros(1, np.int32), 1
        )


@pytest.mark.parametrize(("n_trials", "n_train"), [(2, 1), (5, 4), (10, 8), (168, 134), (3, 2)])
def test_the_last_fifth_of_the_trials_is_held_out(n_trials: int, n_train: int) -> None:
    times = np.arange(n_trials, dtype=np.int64) * 10
    trials = Trials(times, times, times + 5, np.zeros(n_trials), np.zeros((n_trials, 2)))
    assert trials.n_train(0.2) == n_train


def test_one_trial_can_not_be_split() -> None:
    one = np.array([0], np.int64)
    trials = Trials(one, one, one + 5, np.zeros(1), np.zeros((1, 2)))
    with pytest.raises(SessionError, match=r"1 trial\(s\): at least 2"):
        trials.n_train(0.2)


def test_velocity_is_linear_between_samples_and_unknown_in_gaps() -> None:
    kinematics = Behaviour(
        np.array([0, 10, 20, 100], np.int64), np.array([[0.0, 0], [10, 0], [20, 2], [5, 5]])
    )
    velocity, known = kinematics.at(np.array([-1, 0, 15, 20, 60, 100, 101]))
    assert known.tolist() == [False, True, True, True, False, True, False]
    np.testing.assert_allclose(velocity[2], [15, 1])


@pytest.mark.parametrize("name", REACH)
def test_every_recorded_session_loads(name: str) -> None:
    path = reach_file(name)
    for area, n_units in REACH[name].items():
        session = load_session(path, area)
        assert len(session.channel_ids) == n_units
        with np.load(path) as arrays:
            raw = arrays[f"counts_{area}"]
        np.testing.assert_array_equal(whole_raster(session)[1], raw.reshape(-1, n_units))
