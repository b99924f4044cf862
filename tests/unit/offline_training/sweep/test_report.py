"""The report: settings chosen by validation alone, intervals that mean what they say, one page."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offline_training.sweep.plan.fits import Fit
from offline_training.sweep.report.choices import trial_interval95
from offline_training.sweep.report.page import write_report
from rt_ner.core.arrays import FloatArray
from rt_ner.core.errors import ConfigError
from rt_ner.offline.scores import r2_score
from tests.helpers.fake_fits import BAD_SEED, run_here, score, sweep_in


def tempting(fit: Fit, session_file: Path) -> list[dict[str, Any]]:
    """Scores whose held-out trials favour what the validation trials do not."""
    (row,) = score(fit, session_file)
    is_good = fit.settings.get("steps") == 20
    return [{**row, "validation_r2": 0.9 if is_good else 0.2, "r2": 0.4 if is_good else 0.8}]


def test_settings_are_chosen_by_validation_and_never_by_held_out_trials(tmp_path: Path) -> None:
    run_here(sweep_in(tmp_path, fit=tempting))
    summary = write_report(tmp_path)
    assert [choice["settings"] for choice in summary["best"]] == [{"steps": 20}] * 2
    assert [choice["r2"] for choice in summary["best"]] == pytest.approx([0.4, 0.4])


def test_the_page_is_self_contained_and_tells_failures(tmp_path: Path) -> None:
    settings = {"steps": [10, 20], "latent_dim": [2, 3]}
    run_here(sweep_in(tmp_path, settings=settings, seeds=(0, BAD_SEED)))
    assert write_report(tmp_path)["failed"] == 8
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "this seed is bad" in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    alternatives = re.findall(r'<img alt="([^"]+)"', page)
    assert len(alternatives) == page.count("<img") == 2


def test_fits_of_an_earlier_plan_are_not_mixed_with_those_of_this_one(tmp_path: Path) -> None:
    run_here(sweep_in(tmp_path, validation=0.3))
    run_here(sweep_in(tmp_path, seeds=(0, 1)))
    assert [choice["seeds"] for choice in write_report(tmp_path)["best"]] == [2, 2]


def test_without_any_result_the_report_says_so(tmp_path: Path) -> None:
    sweep_in(tmp_path)
    with pytest.raises(ConfigError, match="no fit is done yet"):
        write_report(tmp_path)


def sums(true: FloatArray, decoded: FloatArray, hops: int) -> dict[str, FloatArray]:
    trials = true.reshape(-1, hops, true.shape[1])
    residual = ((true - decoded) ** 2).reshape(trials.shape)
    return {
        "hops": np.full(len(trials), float(hops)), "sum": trials.sum(axis=1),
        "squares": (trials**2).sum(axis=1), "residual": residual.sum(axis=1),
    }  # fmt: skip


def test_the_interval_surrounds_the_score_and_narrows_with_more_trials(
    rng: np.random.Generator,
) -> None:
    widths = []
    for n_trials in (20, 200):
        true = rng.normal(size=(n_trials * 10, 2))
        decoded = true + rng.normal(scale=0.5, size=true.shape)
        low, high = trial_interval95([sums(true, decoded, 10)])
        assert low < r2_score(true, decoded) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
