"""Method: what the comparison asks of any way to decode."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from rt_ner.core.arrays import FloatArray
from rt_ner.offline.dataset import Dataset


@dataclass(frozen=True)
class FitContext:
    """What a method is told besides its training data.

    ``step_ns``: over how long a change of velocity is looked at (a bin). ``progress`` is told the
    part done, 0 to 1.
    """

    seed: int
    device: torch.device
    step_ns: int
    progress: Callable[[float], None]


class Fitted(Protocol):
    """What a method has learned."""

    def __call__(self, dataset: Dataset) -> FloatArray:
        """Values ``(hop, dims)`` of the dataset's hops, in order of time; its labels are unseen."""
        ...


@dataclass(frozen=True)
class Method:
    """A way to decode.

    ``fit`` learns from labelled windows. ``direct``: what it gives is the velocity in cm/s, two
    dimensions, no latents. ``needs``: a package that it takes and that may not be installed.
    """

    name: str
    dims: int
    fit: Callable[[Dataset, FitContext], Fitted]
    direct: bool = False
    needs: str = ""
