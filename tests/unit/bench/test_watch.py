"""The bench of the watch puts faults into counts, and counts those that are named."""

from pathlib import Path

import pytest

from rt_ner.bench.watch.injection import DRAWS
from rt_ner.bench.watch.summary import _rate, _share, measure_watch
from rt_ner.bench.watch.trial import Outcome, Watched, count_alarms, try_faults
from rt_ner.terminal.progress import show_progress
from tests.helpers.firing import HOP_NS, NAMES, expected, firing, rates_hz

DAY = Path(__file__).parents[4] / "shared" / "data" / "reach" / "Chewie_20150629.npz"


def test_all_faults_of_channels_that_fire_evenly_are_named() -> None:
    rate_hz = rates_hz()
    watched = Watched("even", NAMES, HOP_NS, firing(rate_hz, 60), expected(rate_hz))
    assert not count_alarms(watched, 0.05)
    outcomes = try_faults(watched, 2, seed=0)
    assert outcomes.keys() == DRAWS.keys()
    told = {
        kind: (found.n, found.named, found.with_wrong_names) for kind, found in outcomes.items()
    }
    of_two = (2, 2, 0)
    # Of a change by less than a third, nothing need be said.
    assert {kind for kind, found in told.items() if found != of_two} <= {"gain_0.7", "gain_1.4"}
    assert all(delay_s <= 10 for found in outcomes.values() for delay_s in found.delays_s)


def test_shares_and_rates_have_intervals() -> None:
    found = _share(Outcome(200, 199, 1, [6.0]))
    assert found["share"] == 0.995
    assert found["interval_95"] == [pytest.approx(0.972, abs=1e-3), pytest.approx(0.999, abs=1e-3)]
    assert _rate(0, 100.0)["interval_95"] == [0.0, pytest.approx(0.37, abs=0.02)]
    assert _rate(4, 40.0)["interval_95"] == pytest.approx([0.27, 2.56], abs=0.02)


def test_a_real_session_is_watched() -> None:
    if not DAY.exists():
        pytest.skip(f"{DAY} is not there")
    with show_progress() as shown:
        found = measure_watch([DAY], None, (1, 0.01), 0, shown)
    assert found["faults"]["dead_bank"]["named"] == 1
    assert found["false_alarms"]["n"] == 0
