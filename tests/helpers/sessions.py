"""Small trainings and real recordings for the tests."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from offline_training.settings import TrainSettings

SHARED = Path(__file__).resolve().parents[3] / "shared"
_REACH = SHARED / "data" / "reach"


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
