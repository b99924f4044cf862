"""Train decoders on recorded sessions.

The public names below are loaded when they are first used, so that ``import offline_training`` is
quick and imports neither torch nor scikit-learn.
"""

# ruff: noqa: PLC0415 - public names are imported when they are first used

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offline_training.estimator import NER as NER
    from offline_training.settings import TrainSettings as TrainSettings
    from offline_training.training import train as train

__all__ = ["NER", "TrainSettings", "train"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'offline_training' has no attribute '{name}'")
    value = globals()[name] = _load(name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _load(name: str) -> Any:
    """Import and return a public name; RtNerError if the trainer's packages are missing."""
    if name == "TrainSettings":
        from offline_training.settings import TrainSettings

        return TrainSettings
    from offline_training.options import require_training

    require_training()
    if name == "train":
        from offline_training.training import train

        return train
    from offline_training.estimator import NER

    return NER
