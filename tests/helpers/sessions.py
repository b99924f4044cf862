"""Small trainings and real recordings for the tests."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drivers.simulated.session import TaskSettings

if TYPE_CHECKING:
    from offline_training.settings import TrainSettings

SHARED = Path(__file__).resolve().parents[3] / "shared"
_REACH = SHARED / "data" / "reach"
# Reaches that follow each other almost without a rest: 1.6 s per trial instead of 2.1 s.
QUICK_TASK = TaskSettings(n_trials=16, hold_s=(0.1, 0.02), reaction_s=(0.15, 0.02))
# Enough to learn something, for a third less time than the network of the defaults.
SMALL_NETWORK = {"hidden_units": (32, 32)}


def quick_settings(**changes: Any) -> "TrainSettings":
    """Return settings of a brief training, by an ensemble of two."""
    from offline_training.settings import EnsembleSettings, TrainSettings

    ensemble = EnsembleSettings(members=2, distillation_steps=40, distillation_batch=64)
    return TrainSettings(**({"steps": 30, "batch": 64, "ensemble": ensemble} | changes))


def reach_file(name: str) -> Path:
    """Return a real recording's file, or skip the test if there is none."""
    path = _REACH / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"no real recordings here: {path} is absent")
    return path
