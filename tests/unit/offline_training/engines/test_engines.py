"""Comparisons and benches give the same scores on an engine elsewhere as they do here."""

from dataclasses import replace

import pytest
import torch

from offline_training.bench.days import measurement
from offline_training.bench.days.keepers import Condition
from offline_training.bench.days.measurement import DaysPlan, Row, measure_days
from offline_training.closed_loop.in_process.first_day import neurons_of
from offline_training.compare.evaluation_split import recording_of
from offline_training.compare.run import Plan, Results, run
from offline_training.settings import TrainSettings
from rt_ner.data.session.session import Session
from tests.helpers.elsewhere import Elsewhere
from tests.helpers.reaches import Listener, fake

COUNTS = fake("counts", lambda dataset: dataset.windows.sum(axis=1)[:, :3].astype(float))


def test_a_comparison_is_the_same_on_an_engine_elsewhere(small_session: Session) -> None:
    recordings = (recording_of(small_session),)
    plan = Plan(recordings, (COUNTS,), 2, True, torch.device("cpu"))
    here, elsewhere = run(plan, Listener()), run(plan, Listener(), Elsewhere())
    assert rows_of(elsewhere) == rows_of(here)
    assert [each.method for each in elsewhere.directions] == [
        each.method for each in here.directions
    ]
    assert len(elsewhere.embeddings) == len(here.embeddings) == 1


def rows_of(results: Results) -> list[object]:
    return [replace(row, fit_s=0.0) for row in results.rows]


def test_seeds_of_days_are_the_same_on_an_engine_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Seed:
        def __init__(self, plan: DaysPlan, seed: int) -> None:
            self.seed = seed + plan.neurons(seed).channel.size

        def rows(self, condition: Condition, show: object) -> list[Row]:
            return [Row(self.seed, condition, 1, 3.0, 1.0)]

    monkeypatch.setattr(measurement, "_Seed", Seed)
    conditions = tuple(Condition)
    plan = DaysPlan(neurons_of(None), TrainSettings(), torch.device("cpu"), 20, 20, 1, conditions)
    shown: list[float] = []
    here = measure_days(plan, range(3), lambda _, part: None)
    elsewhere = measure_days(plan, range(3), lambda _, part: shown.append(part), Elsewhere())
    assert elsewhere == here
    assert shown == [1 / 3, 2 / 3, 1.0]
