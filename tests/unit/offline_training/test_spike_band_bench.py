"""The bench of spike-band power reads values of one voltage, and scores each with its control."""

import pytest
import torch

from offline_training.bench.spike_band import measurement
from offline_training.methods.registry import load_method


def test_each_value_stands_beside_the_others_with_its_control(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(measurement._SETTINGS) == 8
    monkeypatch.setattr(measurement, "_SETTINGS", measurement._SETTINGS[::7])
    monkeypatch.setattr(measurement, "_CONDITIONS", {"shared too": 20.0})
    parts: list[float] = []
    simulation = measurement.Simulation(10, 3, load_method("wiener"), 0, torch.device("cpu"))
    rows = measurement.measure_spike_band(simulation, parts.append)
    assert [(row["noise"], row["value"], row["reference"]) for row in rows] == [
        ("shared too", "true spikes", "none"),
        ("shared too", "crossings", "none"),
        ("shared too", "spike-band-power", "regression"),
    ]
    assert parts == sorted(parts)
    for row in rows:
        assert isinstance(row["r2"], float)
        assert isinstance(row["shuffled_r2"], float)
        assert row["r2"] < 1
