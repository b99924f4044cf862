"""The simulated array: reproducible, and like an array."""

import numpy as np
import pytest

from drivers.simulated.session import TaskSettings, simulate_session
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeTimes


@pytest.fixture(scope="module")
def session() -> Session:
    return simulate_session(1, TaskSettings(n_trials=40))


@pytest.fixture(scope="module")
def spikes(session: Session) -> SpikeTimes:
    assert isinstance(session.spikes, SpikeTimes)
    return session.spikes


def test_one_seed_gives_one_session() -> None:
    brief = TaskSettings(n_trials=4)
    first, again, other = (simulate_session(seed, brief).spikes for seed in (1, 1, 2))
    assert isinstance(first, SpikeTimes)
    assert isinstance(again, SpikeTimes)
    assert isinstance(other, SpikeTimes)
    np.testing.assert_array_equal(again.time_ns, first.time_ns)
    assert other.time_ns.size != first.time_ns.size


def test_units_and_rates_are_those_of_an_array(session: Session, spikes: SpikeTimes) -> None:
    units_of_electrode = np.bincount(spikes.unit_channel, minlength=96)
    assert len(session.channel_ids) == 96
    assert set(units_of_electrode) == {0, 1, 2, 3}
    assert 1 <= np.sum(units_of_electrode == 0) <= 20
    rate_hz = np.bincount(spikes.unit, minlength=spikes.unit_channel.size) / (session.end_ns / 1e9)
    assert 7 < np.median(rate_hz) < 13
    assert rate_hz.min() > 0.4
    assert rate_hz.max() < 65


def test_no_unit_fires_within_its_refractory_period(spikes: SpikeTimes) -> None:
    for unit in range(spikes.unit_channel.size):
        intervals_ns = np.diff(spikes.time_ns[spikes.unit == unit])
        assert intervals_ns.min() > 2_000_000


def test_reaches_go_where_their_targets_stand(session: Session) -> None:
    trials, kinematics = session.trials, session.behaviour
    for trial in range(len(trials)):
        during = (kinematics.time_ns > trials.start_ns[trial]) & (
            kinematics.time_ns <= trials.end_ns[trial]
        )
        reached_cm = kinematics.values[during].sum(axis=0) * 0.01
        assert np.hypot(*(reached_cm - trials.target_cm[trial])) < 4
        moving = np.hypot(*kinematics.values[during].T) > 5
        onset_ns = kinematics.time_ns[during][moving][0]
        assert onset_ns > trials.go_ns[trial]
    assert set(np.round(trials.direction_deg)) == {0, 45, 90, 135, 180, 225, 270, 315}


def test_a_units_rate_follows_the_velocity_to_come(session: Session, spikes: SpikeTimes) -> None:
    """Tuning is real: velocity explains counts better than the same velocity, reversed in time."""
    bin_ns = 50_000_000
    n_bins = session.end_ns // bin_ns
    counts = np.stack(
        [
            np.histogram(spikes.time_ns[spikes.unit == unit], n_bins, (0, n_bins * bin_ns))[0]
            for unit in range(30)
        ],
        axis=1,
    )
    velocity, _ = session.behaviour.at((np.arange(n_bins) + 2) * bin_ns)

    def explained(movement: np.ndarray) -> float:
        centred = movement - movement.mean(axis=0)
        fitted = centred @ np.linalg.lstsq(centred, counts - counts.mean(axis=0), rcond=None)[0]
        return float(fitted.var() / counts.var(axis=0).mean())

    assert explained(velocity) > 5 * explained(velocity[::-1])
