"""Learn by gradient descent, from disturbed input."""

from dataclasses import dataclass, field

import torch
from torch import nn

from offline_training.settings import TrainSettings
from rt_ner.core.errors import ConfigError


@dataclass
class Descent:
    """AdamW whose learning rate rises and falls once; ConfigError where the loss diverges."""

    parameters: list[nn.Parameter]
    settings: TrainSettings
    steps: int
    n_done: int = 0
    _optimizer: torch.optim.Optimizer = field(init=False)
    _schedule: torch.optim.lr_scheduler.LRScheduler = field(init=False)

    def __post_init__(self) -> None:
        rate = self.settings.learning_rate
        self._optimizer = torch.optim.AdamW(
            self.parameters, lr=rate, weight_decay=self.settings.weight_decay, fused=True
        )
        # The rise of the learning rate needs a step of its own, however short the training.
        rise = max(0.1, 2 / (self.steps + 1))
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, rate, total_steps=self.steps + 1, pct_start=rise
        )

    def step(self, loss: torch.Tensor) -> None:
        """Take one step. Past the planned steps the learning rate stays at its last value."""
        self.n_done += 1
        if not torch.isfinite(loss):
            raise ConfigError(
                f"the loss became {loss.item():g} at step {self.n_done}: training diverged, lower "
                f"learning_rate = {self.settings.learning_rate:g}"
            )
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()
        if self.n_done <= self.steps:
            self._schedule.step()


def disturbed(features: torch.Tensor, settings: TrainSettings) -> torch.Tensor:
    """Return features ``(…, bump, channel)`` with dropout of whole channels and added noise.

    Channels fall silent at random, so that none becomes indispensable. The noise fills the space
    between the few hundred reaches of a session.
    """
    heard = torch.ones_like(features[..., :1, :])
    heard = nn.functional.dropout(heard, settings.channel_dropout)
    return features * heard + settings.input_noise * torch.randn_like(features)
