"""Many days of use are summed up beside day one, and a control that has failed ends."""

import numpy as np
import pytest

from offline_training.bench.days.keepers import _matched
from offline_training.bench.days.measurement import Row, has_failed
from offline_training.bench.days.summary import summary_of
from rt_ner.core.contract.outputs import VELOCITY_XY
from rt_ner.decoding.readouts.readout import Readout


def row(day: int, bps: float, success: float, seed: int = 0) -> Row:
    return Row(seed, "frozen decoder", day, bps, success)


def test_days_are_scored_beside_day_one_of_the_same_seed() -> None:
    rows = [row(1, 4.0, 1.0), row(2, 2.0, 0.9), row(3, 3.0, 0.8)]
    rows += [row(1, 2.0, 1.0, 1), row(2, 2.0, 1.0, 1), row(3, 1.0, 0.6, 1)]
    found = summary_of(rows)["frozen decoder"]
    assert found.of_day_one.mean == pytest.approx((0.5 + 0.75 + 1.0 + 0.5) / 4)
    assert found.least_of_day_one == pytest.approx((0.75 + 0.5) / 2)
    assert found.least_success == pytest.approx(0.7)
    assert found.n_days == 2


def test_days_after_a_failure_count_as_nothing() -> None:
    rows = [row(1, 4.0, 1.0), row(2, 4.0, 1.0), row(3, 4.0, 1.0), row(1, 4.0, 1.0, 1)]
    found = summary_of([*rows, row(2, 2.0, 0.2, 1)])["frozen decoder"]
    assert found.of_day_one.mean == pytest.approx((1.0 + 0.25) / 2)
    assert found.n_days == 1


def test_a_control_has_failed_after_three_days_in_a_row() -> None:
    days = [row(1, 3.0, 1.0), row(2, 1.0, 0.4), row(3, 1.0, 0.6), row(4, 1.0, 0.4)]
    assert not has_failed(days)
    assert has_failed([*days, row(5, 1.0, 0.1), row(6, 1.0, 0.2)])


def test_matched_latents_give_the_first_days_distribution() -> None:
    rng = np.random.default_rng(0)
    like = rng.normal(size=(500, 3)).astype(np.float32)
    latents = (2.0 * like + [1.0, -2.0, 0.5]).astype(np.float32)
    readout = Readout(rng.normal(size=(3, 2)), np.array([0.3, -0.1]), VELOCITY_XY)
    found = _matched(readout, latents, like)
    expected = like @ readout.matrix + readout.bias
    np.testing.assert_allclose(latents @ found.matrix + found.bias, expected, atol=1e-4)
