"""The benchmark of the loss measures what it says."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from offline_training.bench import loss as loss_bench
from offline_training.bench.loss import literal_loss, measure_loss
from rt_ner.cli import build_app
from rt_ner.core.errors import ConfigError
from tests.unit.offline_training.test_loss import literal_value_and_gradient


def test_the_literal_loss_of_the_benchmark_is_the_formula(rng: np.random.Generator) -> None:
    embeddings = torch.tensor(rng.normal(size=(10, 3)), requires_grad=True)
    labels = rng.integers(0, 3, 5).astype(float)
    distance = np.abs(labels[:, None] - labels)
    loss = literal_loss(embeddings, torch.from_numpy(distance), 0.7)
    (gradient,) = torch.autograd.grad(loss, embeddings)
    value, expected = literal_value_and_gradient(embeddings.detach().numpy(), distance, 0.7)
    assert loss.item() == pytest.approx(value, rel=1e-9)
    np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-7, atol=1e-12)


def test_the_command_measures_all_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cebra")
    monkeypatch.setattr(loss_bench, "_N_TRIALS", 16)
    monkeypatch.setattr(loss_bench, "_WARM_UP_STEPS", 0)
    arguments = ["bench", "loss", "--n", "16", "--repeats", "2", "--json"]
    result = CliRunner().invoke(build_app(), arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["n"] == 16
    assert found["max_relative_difference"] < 1e-9
    assert found["speedup_vs_literal"] == pytest.approx(found["literal_ms"] / found["exact_ms"])
    assert found["ratio_vs_cebra_step"] == pytest.approx(found["step_ms"] / found["cebra_step_ms"])


def test_without_cebra_the_rest_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ConfigError("package 'cebra' is not installed: pip install cebra")

    monkeypatch.setattr(loss_bench, "cebra_step", absent)
    told: list[str] = []
    times = measure_loss(8, 1, False, told.append)
    assert times.cebra_step_ms is None
    assert times.ratio_vs_cebra_step is None
    assert times.literal_ms is None
    assert times.step_ms > 0
    assert "pip install cebra" in told[0]
