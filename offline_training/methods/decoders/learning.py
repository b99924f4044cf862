"""Train and apply the methods that are networks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from offline_training.methods.method import FitContext
from rt_ner.core.arrays import Float32Array, FloatArray

_APPLY_HOPS = 4096


@dataclass(frozen=True)
class Plan:
    """The length and speed of a training: AdamW whose rate rises and falls once."""

    steps: int
    batch: int
    learning_rate: float
    weight_decay: float


def learn(
    network: nn.Module,
    loss: Callable[[torch.Tensor], torch.Tensor],
    n_hops: int,
    plan: Plan,
    context: FitContext,
) -> None:
    """Lower the ``loss`` of rows ``(batch,)`` drawn from ``n_hops``; end in evaluation mode."""
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
    )
    # The rise of the learning rate needs a step of its own, however short the training.
    rise = max(0.1, 2 / (plan.steps + 1))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, plan.learning_rate, total_steps=plan.steps + 1, pct_start=rise
    )
    network.train()
    for step in range(1, plan.steps + 1):
        value = loss(torch.randint(n_hops, (plan.batch,)))
        optimizer.zero_grad()
        torch.autograd.backward(value)
        optimizer.step()
        schedule.step()
        context.progress(step / plan.steps)
    network.eval()


def apply(
    network: Callable[[torch.Tensor], torch.Tensor], inputs: Float32Array, device: torch.device
) -> FloatArray:
    """Return the network's outputs ``(hop, …)`` for inputs ``(hop, …)``, batch by batch."""
    with torch.no_grad():
        parts = [
            network(torch.from_numpy(part).to(device)).cpu().numpy()
            for part in np.array_split(inputs, len(inputs) // _APPLY_HOPS + 1)
        ]
    return np.concatenate(parts).astype(np.float64)
