"""Tuning from reaches: honest where there is none, and right where there is some."""

import numpy as np
import pytest

from rt_ner.lsl.ring import Ring
from rt_ner.view.signals.reaches import Reaches
from rt_ner.view.signals.tuning import Tuning

HOP_S = 0.01
ANGLES = 45.0 * np.arange(8)


def reached(directions_deg: np.ndarray, rates_hz: np.ndarray, rng: np.random.Generator) -> Tuning:
    """A tuning after reaches of 0.5 s with such rates ``(reach, electrode)``, and 0.2 s between."""
    tuning, spikes, now_s = Tuning(), Ring(1000, rates_hz.shape[1]), 1.0
    spikes.extend([now_s], np.zeros((1, rates_hz.shape[1])))
    for direction_deg, hz in zip(directions_deg, rates_hz, strict=True):
        tuning.begin(now_s, direction_deg)
        stamps_s = now_s + HOP_S * np.arange(1, 71)
        tuning.end(now_s + 0.5)
        spikes.extend(stamps_s, rng.poisson(np.tile(hz * HOP_S, (70, 1))))
        tuning.take(spikes)
        now_s = float(stamps_s[-1])
    return tuning


def test_preferred_direction_and_depth_are_found(rng: np.random.Generator) -> None:
    preferred = np.array([10.0, 130.0, 350.0])
    angles = np.tile(ANGLES, 10)
    rates = 30 + 20 * np.cos(np.deg2rad(angles[:, None] - preferred))
    fit = reached(angles, rates, rng).fit()
    assert fit is not None
    assert fit.n_reaches == 80
    assert fit.is_tuned.all()
    away = (fit.preferred_deg - preferred + 180) % 360 - 180
    assert np.abs(away).max() < 10
    np.testing.assert_allclose(fit.depth_hz, 20, rtol=0.25)
    np.testing.assert_allclose(fit.mean_hz, 30, rtol=0.1)


def test_without_tuning_there_is_no_value(rng: np.random.Generator) -> None:
    """Of twenty arrays of 100 electrodes without tuning, about one may show a tuned electrode."""
    n_false = 0
    for _ in range(20):
        fit = reached(np.tile(ANGLES, 4), np.full((32, 100), 15.0), rng).fit()
        assert fit is not None
        n_false += int(fit.is_tuned.sum())
        assert np.isnan(fit.depth_hz[~fit.is_tuned]).all()
        assert np.isnan(fit.preferred_deg[~fit.is_tuned]).all()
        assert 0.3 < np.median(fit.p) < 0.7
    assert n_false <= 5


@pytest.mark.parametrize("angles", [ANGLES[:7], np.tile([0.0, 180.0], 20)])
def test_too_few_reaches_or_directions_give_nothing(
    angles: np.ndarray, rng: np.random.Generator
) -> None:
    assert reached(angles, np.full((len(angles), 2), 20.0), rng).fit() is None


def test_a_silent_electrode_is_not_tuned(rng: np.random.Generator) -> None:
    fit = reached(np.tile(ANGLES, 3), np.zeros((24, 1)), rng).fit()
    assert fit is not None
    assert (fit.p[0], fit.is_tuned[0]) == (1.0, False)


def test_reaches_are_those_of_the_task() -> None:
    told: list[tuple[str, float, float]] = []

    class Listener(Tuning):
        def begin(self, stamp_s: float, direction_deg: float) -> None:
            told.append(("begin", stamp_s, direction_deg))

        def end(self, stamp_s: float) -> None:
            told.append(("end", stamp_s, 0.0))

    cursor = Ring(100, 2)
    cursor.extend([0.9, 1.9], [(0.0, 0.0), (0.0, 5.0)])
    targets = np.array([(0, 5, 1, 0), (0, 5, 1, 1), (0, 5, 1, 1), (-5, 5, 1, 1), (0, 0, 0, 0)])
    Reaches().take(np.array([0.5, 1.0, 1.5, 2.0, 2.5]), targets, cursor, Listener())
    assert told == [
        ("end", 1.0, 0.0), ("begin", 1.0, 90.0),
        ("end", 2.0, 0.0), ("begin", 2.0, 180.0), ("end", 2.5, 0.0),
    ]  # fmt: skip
