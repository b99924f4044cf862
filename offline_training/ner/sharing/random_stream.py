"""Give each session random numbers of its own, which any process draws alike."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

# Distance of the seeds of two sessions.
_APART = 1_000_003


class RandomStream:
    """The random numbers of one session, by its place among all sessions of a training.

    ``rng`` draws those of NumPy. Those of torch on the CPU come from its global generator, which
    is the session's own within `drawn`.
    """

    def __init__(self, seed: int, place: int) -> None:
        self.rng = np.random.default_rng([seed, place])
        self._state = torch.Generator().manual_seed(seed + _APART * place).get_state()

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """Let torch draw the session's numbers within the block, and go on where it left off."""
        before = torch.get_rng_state()
        torch.set_rng_state(self._state)
        try:
            yield
        finally:
            self._state = torch.get_rng_state()
            torch.set_rng_state(before)
