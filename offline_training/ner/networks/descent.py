"""Learn by gradient descent, from disturbed input."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import compress

import torch
from torch import nn
from torch.optim.adam import adam

from offline_training.settings import TrainSettings
from rt_ner.core.errors import ConfigError

_SECOND_MOMENT = 0.999
_EPSILON = 1e-8
_HIGH_MOMENTUM, _LOW_MOMENTUM = 0.95, 0.85
# The rate begins at the highest over the first number, and ends at that over the second.
_BELOW_HIGHEST, _BELOW_FIRST = 25, 1e4
_RISE = 0.1


class OneCycle:
    """AdamW whose learning rate rises and falls once, its momentum the other way.

    The steps and rates are those of `torch.optim.AdamW` and `torch.optim.lr_scheduler.OneCycleLR`
    (Smith and Topin 2018, arXiv:1708.07120). Those two load torch's compiler at their first use,
    which takes longer than a fifth of a training.

    Parameters
    ----------
    parameters
        Parameters to learn.
    rate
        The highest learning rate.
    steps
        Number of steps of the cycle. Later steps keep its last learning rate.
    weight_decay
        Part of the weights that a step at a learning rate of 1 takes away.

    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        rate: float,
        steps: int,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        self._parameters = list(parameters)
        self._means = [torch.zeros_like(each) for each in self._parameters]
        self._squares = [torch.zeros_like(each) for each in self._parameters]
        self._counts = [torch.zeros((), device=each.device) for each in self._parameters]
        first = rate / _BELOW_HIGHEST
        self._rates = first, rate, first / _BELOW_FIRST
        self._weight_decay = weight_decay
        # The rise needs a step of its own, however short the training.
        self._peak = max(_RISE, 2 / (steps + 1)) * (steps + 1) - 1
        self._n_steps = steps
        self._n_done = 0

    def clear(self) -> None:
        """Forget the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters by their gradients; those without one stay."""
        rate, momentum = self._rate_and_momentum()
        learning = [each.grad is not None for each in self._parameters]
        adam(
            list(compress(self._parameters, learning)),
            [each.grad for each in self._parameters if each.grad is not None],
            list(compress(self._means, learning)),
            list(compress(self._squares, learning)),
            [],
            list(compress(self._counts, learning)),
            fused=True,
            decoupled_weight_decay=True,
            amsgrad=False,
            beta1=momentum,
            beta2=_SECOND_MOMENT,
            lr=rate,
            weight_decay=self._weight_decay,
            eps=_EPSILON,
            maximize=False,
        )
        self._n_done = min(self._n_done + 1, self._n_steps)

    def _rate_and_momentum(self) -> tuple[float, float]:
        """Return both along half a cosine each, up to the peak and down from it."""
        first, highest, last = self._rates
        peak, done = self._peak, self._n_done
        if done <= peak:
            part = done / peak
            return _along(part, first, highest), _along(part, _HIGH_MOMENTUM, _LOW_MOMENTUM)
        part = (done - peak) / (self._n_steps - peak)
        return _along(part, highest, last), _along(part, _LOW_MOMENTUM, _HIGH_MOMENTUM)


def _along(part: float, start: float, end: float) -> float:
    """Return the value at a part (0 to 1) of half a cosine from start to end."""
    return end + (start - end) / 2 * (math.cos(math.pi * part) + 1)


@dataclass
class Descent:
    """The cycle of a training; ConfigError where the loss diverges.

    ``pool`` adds to the gradients those of other processes, and returns the loss of all.
    """

    parameters: list[nn.Parameter]
    settings: TrainSettings
    steps: int
    pool: Callable[[torch.Tensor], torch.Tensor] = torch.Tensor.detach
    n_done: int = 0
    _cycle: OneCycle = field(init=False)

    def __post_init__(self) -> None:
        self._cycle = OneCycle(
            self.parameters,
            self.settings.learning_rate,
            self.steps,
            weight_decay=self.settings.weight_decay,
        )

    def step(self, loss: torch.Tensor) -> None:
        """Take one step. Past the planned steps the learning rate stays at its last value."""
        self.n_done += 1
        self._cycle.clear()
        torch.autograd.backward(loss)
        loss = self.pool(loss)
        if not torch.isfinite(loss):
            raise ConfigError(
                f"the loss became {loss.item():g} at step {self.n_done}: training diverged, lower "
                f"learning_rate = {self.settings.learning_rate:g}"
            )
        self._cycle.step()


def disturbed(features: torch.Tensor, settings: TrainSettings) -> torch.Tensor:
    """Return features ``(…, bump, channel)`` with dropout of whole channels and added noise.

    Channels fall silent at random, so that none becomes indispensable. The noise fills the space
    between the few hundred reaches of a session.
    """
    heard = torch.ones_like(features[..., :1, :])
    heard = nn.functional.dropout(heard, settings.channel_dropout)
    return features * heard + settings.input_noise * torch.randn_like(features)
