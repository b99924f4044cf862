"""The bench of another day: blocks in one process, and recalibration beside its bounds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from drivers.simulated.subject.intention import SubjectSettings
from drivers.simulated.subject.neurons import made_up
from offline_training.bench.another_day.measurement import (
    DayPlan,
    Labels,
    Row,
    measure_another_day,
)
from offline_training.bench.another_day.summary import summary_of
from offline_training.closed_loop.in_process.simulation import Reference, simulate_block
from offline_training.settings import WindowSettings
from rt_ner.task.settings import TaskSettings
from tests.helpers.sessions import SMALL_NETWORK, quick_settings

TASK = TaskSettings(trials=8, seed=2)


def test_one_seed_gives_one_block() -> None:
    neurons = made_up(np.random.default_rng(0), n_electrodes=6)
    one, same, other = (simulate_block(neurons, Reference.HAND, TASK, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.block.counts, same.block.counts)
    np.testing.assert_array_equal(one.intended_cm_s, same.intended_cm_s)
    assert one.score == same.score
    assert not np.array_equal(one.block.counts[:50], other.block.counts[:50])


def test_the_hand_is_the_intention_a_little_later_and_the_ideal_is_faster() -> None:
    neurons = made_up(np.random.default_rng(0), n_electrodes=6)
    hand, ideal = (simulate_block(neurons, each, TASK, 1) for each in Reference)
    np.testing.assert_allclose(hand.block.hand_cm_s[10:], hand.intended_cm_s[:-10], atol=8.0)
    assert hand.score.success_rate == ideal.score.success_rate == 1.0
    assert ideal.score.throughput_bps > hand.score.throughput_bps
    assert hand.block.n_reaches >= TASK.trials


def test_a_block_with_a_lost_cursor_ends_and_its_trials_have_failed() -> None:
    neurons = made_up(np.random.default_rng(0), n_electrodes=6)
    fleeing = SubjectSettings(approach_s=-0.1)
    heard = simulate_block(neurons, Reference.HAND, TASK, 1, fleeing)
    assert (heard.score.trials, heard.score.success_rate) == (8, 0.0)
    assert len(heard.block.counts) == 8 * 8 * 100


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, without_report: None) -> DayPlan:
    """A plan in which nothing is learned for long."""
    monkeypatch.setattr("offline_training.closed_loop.encoder.USUAL_STEPS", 5)
    simulation = "offline_training.closed_loop.in_process.simulation"
    monkeypatch.setattr(f"{simulation}._MOST_S_PER_TRIAL", 3)
    window = WindowSettings(hop_ms=10, bin_ms=20, history_bins=4)
    return DayPlan(
        neurons=lambda seed: made_up(np.random.default_rng(seed), n_electrodes=12),
        settings=quick_settings(window=window, **SMALL_NETWORK),
        device=torch.device("cpu"),
        calibration_trials=8,
        trials=4,
        use_s=10.0,
        labels=(Labels.TRUE, Labels.SHUFFLED),
    )


def test_every_condition_has_a_row_and_only_learning_changes_them(tiny: DayPlan) -> None:
    parts: list[float] = []
    rows = measure_another_day(tiny, [3], lambda _, part: parts.append(part))
    assert [row.condition for row in rows] == [
        "day one",
        "another day",
        *(f"recalibrated {number}, true intention" for number in (1, 2)),
        *(f"recalibrated {number}, shuffled targets" for number in (1, 2)),
        "own hand anew",
        "ideal",
    ]
    assert rows[-1].success_rate == 1.0
    assert parts == sorted(parts)
    assert 0.8 < parts[-1] <= 1.0


def test_blocks_are_summed_up_beside_day_one_of_their_seed() -> None:
    good = [Row(seed, "day one", 2.0 + seed, 1.0, 0.5) for seed in range(2)]
    half = [replace(row, condition="after", throughput_bps=row.throughput_bps / 2) for row in good]
    half[1] = replace(half[1], success_rate=0.5)
    lost = [replace(row, condition="lost", throughput_bps=float("nan")) for row in good]
    summary = summary_of([*good, *half, *lost])
    assert summary["day one"].throughput_bps.mean == 2.5
    assert summary["after"].of_day_one.mean == 0.5
    assert summary["after"].of_day_one.interval95 == pytest.approx((0.5, 0.5))
    assert (summary["after"].success_rate, summary["after"].least_success) == (0.75, 0.5)
    assert summary["lost"].throughput_bps.mean == 0.0
