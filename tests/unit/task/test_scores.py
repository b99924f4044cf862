"""Scores of trials and blocks follow the field's formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.task.scores import bit_rate, machine_scores, score_block, score_trial
from rt_ner.task.settings import Layout, Selection, TaskSettings
from rt_ner.task.trials.targets import Target
from rt_ner.task.trials.trial_machine import Trial, TrialMachine

MS = 1_000_000


RIGHT, WRONG = Target(0, 0, 1), Target(5, 5, 1)


def selections(selected: list[Target | None], seconds: float) -> list[Trial]:
    """Trials one after the other, with what each selected; None: its time was up."""
    each_ns = round(seconds * 1e9 / len(selected))
    return [
        Trial(RIGHT, k * each_ns, end_ns=(k + 1) * each_ns, selected=one, success=one == RIGHT)
        for k, one in enumerate(selected)
    ]


@given(
    st.lists(st.sampled_from([RIGHT, WRONG, None]), min_size=1, max_size=40), st.integers(3, 900)
)
def test_the_bit_rate_is_the_formulas(selected: list[Target | None], n_choices: int) -> None:
    net = max(selected.count(RIGHT) - selected.count(WRONG), 0)
    expected = np.log2(n_choices - 1) * net / len(selected)
    assert bit_rate(selections(selected, len(selected)), n_choices) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("n_choices", "right", "wrong", "late", "bits_per_s"),
    [
        (36, 30, 0, 0, 2.5646416),  # log2(35) = 5.1292830 bits for each of 30 in 60 s
        (36, 22, 2, 0, 1.7097610),  # 20 net
        (36, 22, 2, 5, 1.7097610),  # no selection costs its time alone
        (36, 3, 5, 0, 0.0),  # never below zero
        (900, 20, 0, 0, 3.2707258),  # log2(899) = 9.8121773
        (9, 60, 0, 0, 3.0),  # log2(8) = 3
        (2, 60, 0, 0, 0.0),  # one of the two would be the delete key
    ],
)
def test_the_bit_rate_in_numbers(
    n_choices: int, right: int, wrong: int, late: int, bits_per_s: float
) -> None:
    trials = selections([RIGHT] * right + [WRONG] * wrong + [None] * late, 60.0)
    assert bit_rate(trials, n_choices) == pytest.approx(bits_per_s, rel=1e-6)


def test_scores_of_a_block_tell_false_clicks_where_clicks_select() -> None:
    for selection, told in ((Selection.CLICK, True), (Selection.DWELL, False)):
        machine = TrialMachine(TaskSettings(layout=Layout.GRID, selection=selection))
        machine.trials, machine.n_false_clicks = selections([WRONG, WRONG, None], 30.0), 3
        scores = machine_scores(machine)
        assert scores["bitrate_bps"] == 0.0
        assert scores.get("false_clicks_per_min") == (6.0 if told else None)


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
