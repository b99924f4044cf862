"""pynapple: a session handed over and taken back without a changed bit; objects made there."""

import sys

import numpy as np
import pytest

from rt_ner.core.contract.outputs import Output, OutputKind
from rt_ner.core.errors import SessionError
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.data.session.trials import Trials

nap = pytest.importorskip("pynapple", reason="pynapple is not installed")

MS = 1_000_000
BIN_NS = 50 * MS
N = 400
TIME_S = np.arange(1, N + 1) * 0.05


def counted(gaps_ns: np.ndarray, trials: Trials | None = None) -> Session:
    """Twenty seconds of counts, and a cursor with its unit and kind."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.0, (N, 4)).astype(np.uint8)
    for begin_ns, end_ns in gaps_ns:
        counts[begin_ns // BIN_NS : end_ns // BIN_NS] = 0
    cursor = (Output("x", "cm", OutputKind.POSITION), Output("grip", "N", OutputKind.FORCE))
    more = {} if trials is None else {"trials": trials}
    return Session(
        "day1", "M1", ("a", "b", "c", "d"), SpikeCounts(counts, BIN_NS, gaps_ns),
        Behaviour((np.arange(N) + 1) * BIN_NS, rng.normal(size=(N, 2)), cursor), **more,
    )  # fmt: skip


def there_and_back(session: Session) -> Session:
    objects = session.to_pynapple()
    return Session.from_pynapple(
        objects.spikes, objects.behaviour, objects.trials, name=session.name, area=session.area
    )


def test_a_session_comes_back_to_the_last_bit(small_session: Session) -> None:
    assert there_and_back(small_session).sha256 == small_session.sha256
    objects = small_session.to_pynapple()
    assert isinstance(objects.spikes, nap.TsGroup)
    assert set(objects.spikes["channel"]) == set(small_session.channel_ids)
    assert list(objects.behaviour.columns) == ["vx", "vy"]
    assert list(objects.behaviour["unit"]) == ["cm/s", "cm/s"]
    assert objects.trials["direction_deg"].tolist() == small_session.trials.direction_deg.tolist()


def test_counts_gaps_and_other_outputs_come_back() -> None:
    session = counted(np.array([[2, 3], [8, 12]]) * 20 * BIN_NS)
    objects = session.to_pynapple()
    assert objects.trials is None
    np.testing.assert_allclose(objects.support.values, [[0, 2], [3, 8], [12, 20]])
    assert len(objects.spikes) == N - 100
    assert there_and_back(session).sha256 == session.sha256


def test_trials_that_touch_come_back() -> None:
    start_ns = np.arange(20) * 20 * BIN_NS
    trials = Trials(
        start_ns, start_ns + BIN_NS, start_ns + 20 * BIN_NS, np.arange(20) * 18.0, np.ones((20, 2))
    )
    session = counted(np.zeros((0, 2), dtype=np.int64), trials)
    np.testing.assert_allclose(
        session.to_pynapple().trials.end[:2], [0.999999, 1.999999], atol=1e-9
    )
    assert there_and_back(session).sha256 == session.sha256


def units(**more: object) -> "nap.TsGroup":
    rng = np.random.default_rng(0)
    trains = {key: nap.Ts(np.sort(rng.uniform(-3, 17, 300))) for key in (3, 5, 8)}
    return nap.TsGroup(trains, time_support=nap.IntervalSet([-3, 9], [7, 17]), **more)


def velocity() -> "nap.TsdFrame":
    return nap.TsdFrame(TIME_S - 3, np.stack([np.sin(TIME_S), np.cos(TIME_S)], axis=1))


def test_units_are_channels_or_share_them_and_gaps_are_kept() -> None:
    session = Session.from_pynapple(units(), velocity())
    assert session.channel_ids == ("unit3", "unit5", "unit8")
    # Nothing lies before 0: time is shifted by whole steps that all bins divide.
    assert session.spikes.gaps_ns.tolist() == [[0, 600 * MS], [10_600 * MS, 12_600 * MS]]
    assert session.behaviour.time_ns[0] == 650 * MS
    assert session.behaviour.outputs[0].unit == "cm/s"
    pooled = Session.from_pynapple(units(metadata={"channel": ["e1", "e2", "e1"]}), velocity())
    assert pooled.channel_ids == ("e1", "e2")
    assert isinstance(pooled.spikes, SpikeTimes)
    assert pooled.spikes.unit_channel.tolist() == [0, 1, 0]
    part = Session.from_pynapple(units(), velocity(), epochs=nap.IntervalSet(0, 5))
    assert part.spikes.end_ns < 5_000 * MS
    assert part.behaviour.time_ns[-1] == 5_000 * MS


def test_counts_of_pynapple_are_the_same_spikes() -> None:
    one = nap.IntervalSet(-3, 7)
    counted_there = Session.from_pynapple(units().restrict(one).count(0.05), velocity())
    assert counted_there.channel_ids == ("elec001", "elec002", "elec003")
    spikes = Session.from_pynapple(units().restrict(one), velocity()).spikes
    rows = np.concatenate([part.counts for part in spikes.raster(600 * MS, 10_600 * MS)])
    expected = rows.reshape(200, 50, 3).sum(axis=1)
    np.testing.assert_array_equal(counted_there.spikes.counts[:200], expected)
    assert counted_there.behaviour.time_ns[0] == 50 * MS
    two = nap.IntervalSet([-3, 2.02], [2, 7])
    with pytest.raises(SessionError, match="counts don't stand in even bins of 0.05 s: count in o"):
        Session.from_pynapple(units().count(0.05, two), velocity())


def test_what_is_left_out_or_assumed_is_told() -> None:
    told: list[str] = []
    values = np.stack([np.sin(TIME_S), np.cos(TIME_S)], axis=1)
    values[5] = np.nan
    moved = nap.TsdFrame(TIME_S - 3, values, columns=["x", "y"])
    trials = nap.IntervalSet(
        np.arange(8) - 2.0, np.arange(8) - 1.5, metadata={"success": [1, 0] * 4}
    )
    session = Session.from_pynapple(units(), moved, trials, tell=told.append)
    assert len(session.trials) == 4
    assert session.behaviour.outputs[0] == Output("x", "", OutputKind.OTHER)
    assert "samples of behaviour without a value, left out: 1" in told
    assert "trials that failed, left out: 4" in told
    assert "no go cues: start_time is used instead" in told
    with pytest.warns(UserWarning, match="samples of behaviour without a value"):
        Session.from_pynapple(units(), moved)


def test_other_objects_are_refused() -> None:
    with pytest.raises(
        SessionError, match="spikes: ndarray, expected pynapple's TsGroup or TsdFrame"
    ):
        Session.from_pynapple(np.ones((4, 2)), velocity())
    with pytest.raises(SessionError, match="trials: TsdFrame, expected pynapple's IntervalSet"):
        Session.from_pynapple(units(), velocity(), velocity())
    odd = nap.TsdFrame(
        TIME_S, np.ones((N, 1)), columns=["x"], metadata={"unit": ["cm"], "kind": ["place"]}
    )
    with pytest.raises(SessionError, match="'place' is not a valid OutputKind; expected velocity"):
        Session.from_pynapple(units(), odd)


def test_without_the_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynapple", None)
    with pytest.raises(SessionError, match=r"pip install 'rt-ner\[pynapple\]'"):
        counted(np.zeros((0, 2), dtype=np.int64)).to_pynapple()
