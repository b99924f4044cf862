"""Define the method: a way to decode, as the comparison uses it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from offline_training.settings import TrainSettings
from rt_ner.core.arrays import FloatArray
from rt_ner.offline.dataset import Dataset


@dataclass(frozen=True)
class FitContext:
    """The conditions of a fit, besides its training data.

    ``step_ns`` is the time over which changes of velocity are taken (one bin). ``progress``
    receives the part done, from 0 to 1.
    """

    seed: int
    device: torch.device
    step_ns: int
    progress: Callable[[float], None]


class Fitted(Protocol):
    """A fitted method."""

    def __call__(self, dataset: Dataset) -> FloatArray:
        """Return values ``(hop, dims)`` of the dataset's hops, without looking at its labels."""


@dataclass(frozen=True)
class Method:
    """A way to decode, which ``fit`` learns from labelled windows.

    A ``direct`` method gives the outputs themselves, and no latents. ``needs`` names a package that
    it uses and that may not be installed. ``by_direction``: it learns from reach directions, which
    a continuous recording has not. ``settings`` are those of a training, for the methods that have
    them. ``version`` is raised when a method's results change: a sweep then fits it anew.
    """

    name: str
    dims: int
    fit: Callable[[Dataset, FitContext], Fitted]
    direct: bool = False
    needs: str = ""
    by_direction: bool = False
    settings: TrainSettings | None = None
    version: int = 1
