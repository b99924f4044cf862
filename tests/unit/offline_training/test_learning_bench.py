"""Timing of training: every method at every length, and the shortest that decodes as well."""

import pytest

from offline_training.bench.learning import measurement
from offline_training.bench.learning.measurement import PARTS, Curve, Trained, measure_curves
from offline_training.compare.evaluation_split import recording_of
from offline_training.methods.method import FitContext, Fitted, Method
from rt_ner.data.session.session import Session
from rt_ner.offline.dataset import Dataset


def test_a_method_has_learned_once_it_is_within_5_thousandths_of_its_end() -> None:
    r2 = (0.7, 0.90, 0.914, 0.916, 0.92, 0.92)
    curve = Curve("x", tuple(Trained(k, k / 10, value) for k, value in enumerate(r2)))
    assert curve.learned == Trained(3, 0.3, 0.916)
    summary = curve.summary()
    assert (summary["final_r2"], summary["full_s"]) == (0.92, 0.5)
    assert summary["to_nearly_final_s"] == 0.3


def test_every_length_is_trained_on_every_session_with_every_seed(
    small_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []

    def make(part: float) -> tuple[int, Method]:
        steps = round(16 * part)

        def fit(train: Dataset, context: FitContext) -> Fitted:
            seen.append((steps, context.seed))
            return lambda dataset: dataset.labels.values * part

        return steps, Method("fake", 2, fit, direct=True)

    monkeypatch.setattr(measurement, "_makers", lambda tell: [("fake", make)])
    shown: list[float] = []
    recordings = [recording_of(small_session)] * 2
    (curve,) = measure_curves(recordings, 2, lambda _, part: shown.append(part), print)
    # The first fit only warms up.
    assert seen[0] == (1, 0)
    assert sorted(seen[1:]) == sorted((round(16 * part), k % 2) for part in PARTS for k in range(4))
    assert [each.steps for each in curve.trainings] == [1, 2, 4, 8, 12, 16]
    assert curve.final_r2 == pytest.approx(1.0)
    assert curve.learned.steps == 16
    assert shown == sorted(shown)
    assert shown[-1] == 1.0
