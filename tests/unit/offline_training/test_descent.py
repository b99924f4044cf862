"""Test that the cycle of a training takes the very steps of torch's own optimiser and schedule."""

import pytest
import torch
from torch import nn

from offline_training.ner.networks.descent import OneCycle

_RATE, _WEIGHT_DECAY = 0.02, 0.05


def _network() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(7, 3)


@pytest.mark.parametrize("steps", [1, 2, 20, 57])
def test_steps_are_those_of_torch_bit_for_bit(steps: int) -> None:
    """AdamW and OneCycleLR of torch are the oracle, also past the end of the cycle."""
    ours, theirs = _network(), _network()
    cycle = OneCycle(ours.parameters(), _RATE, steps, weight_decay=_WEIGHT_DECAY)
    optimizer = torch.optim.AdamW(
        theirs.parameters(), lr=_RATE, weight_decay=_WEIGHT_DECAY, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _RATE, total_steps=steps + 1, pct_start=max(0.1, 2 / (steps + 1))
    )
    inputs = torch.randn(steps + 3, 16, 7, generator=torch.Generator().manual_seed(1))
    for step, each in enumerate(inputs):
        cycle.clear()
        torch.autograd.backward(ours(each).square().sum())
        cycle.step()
        optimizer.zero_grad()
        torch.autograd.backward(theirs(each).square().sum())
        optimizer.step()
        if step < steps:
            schedule.step()
        assert torch.equal(ours.weight, theirs.weight), step
        assert torch.equal(ours.bias, theirs.bias), step


def test_parameter_without_a_gradient_stays() -> None:
    """A frozen part is neither moved nor decayed."""
    network = _network()
    network.bias.requires_grad_(requires_grad=False)
    before = network.bias.clone()
    cycle = OneCycle(network.parameters(), _RATE, 5, weight_decay=_WEIGHT_DECAY)
    torch.autograd.backward(network(torch.ones(1, 7)).sum())
    cycle.step()
    assert torch.equal(network.bias, before)
    assert not torch.equal(network.weight, _network().weight)
