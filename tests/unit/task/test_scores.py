"""Scores of trials and blocks follow the field's formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.task.scores import bit_rate, score_block, score_trial
from rt_ner.task.trials.targets import Target
from rt_ner.task.trials.trial_machine import Trial

MS = 1_000_000


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(3, 64))
def test_the_bit_rate_is_the_formulas(successes: list[bool], n_choices: int) -> None:
    trials = [
        Trial(Target(0, 0, 1), go_ns=k * 10**9, end_ns=(k + 1) * 10**9, success=success)
        for k, success in enumerate(successes)
    ]
    right, wrong = sum(successes), len(successes) - sum(successes)
    expected = np.log2(n_choices - 1) * max(right - wrong, 0) / len(successes)
    assert bit_rate(trials, n_choices) == pytest.approx(expected)


def test_scores_of_a_known_way() -> None:
    # Eight centimetres straight along x, by way of a detour of two up and two down.
    path = [(0, 0), (2, 0), (2, 2), (4, 2), (4, 0), (7, 0), (8, 0)]
    trial = Trial(Target(8.0, 0.0, 1.0), go_ns=0, success=True, end_ns=700 * MS)
    trial.path_ns = [k * 100 * MS for k in range(len(path))]
    trial.path_cm = [np.array(place, dtype=float) for place in path]
    trial.entries_ns = [500 * MS]
    score = score_trial(trial)
    assert score.acquire_s == 0.5
    assert score.path_efficiency == pytest.approx(7 / 11)
    assert score.movement_error_cm == pytest.approx(4 / 6)
    assert score.difficulty_bits == pytest.approx(np.log2(8 / 2 + 1))
    assert score.throughput_bps == pytest.approx(np.log2(5) / 0.5)
    block = score_block([trial, Trial(Target(8, 0, 1), go_ns=0, success=False)])
    assert (block.trials, block.success_rate, block.acquire_s_median) == (2, 0.5, 0.5)
    assert np.isnan(score_block([]).success_rate)
