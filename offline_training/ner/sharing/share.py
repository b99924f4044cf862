"""Divide the sessions of a training among processes, which together learn as one process would.

Each process holds some of the sessions, and a copy of all that the sessions share. It computes the
gradients of its own part of the loss. Those of shared parameters are added up over the processes,
so that all copies take the same step.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels

# Replaces a contiguous tensor by its sum over all processes, with the same bits in each of them.
AddUp = Callable[[torch.Tensor], None]


def _keep(_: torch.Tensor) -> None:
    """Leave a tensor as it is: the sum over a single process."""


@dataclass(frozen=True, eq=False)
class Share:
    """The sessions that this process learns from, and the labels of all sessions.

    ``first`` is the place of the first of ``datasets`` among all sessions; the others follow it.
    """

    datasets: Sequence[Dataset]
    labels: Sequence[Labels]
    first: int = 0
    add_up: AddUp = _keep

    @classmethod
    def whole(cls, datasets: Sequence[Dataset]) -> "Share":
        """Return the share of a process that learns from all sessions."""
        return cls(datasets, [dataset.labels for dataset in datasets])

    @property
    def own(self) -> slice:
        """Places of this process's sessions among all."""
        return slice(self.first, self.first + len(self.datasets))

    @property
    def fraction(self) -> float:
        """Number of this process's sessions, as a fraction of all."""
        return len(self.datasets) / len(self.labels)

    def gathered(self, own: torch.Tensor, dim: int, sizes: Sequence[int]) -> torch.Tensor:
        """Return the rows of all sessions along ``dim``, each process giving its own.

        ``sizes`` are the numbers of rows of all sessions. The gradient by this process's rows is
        that of the sum of all processes' losses.
        """
        if self.fraction == 1:
            return own
        place = _Place(self.add_up, dim, sum(sizes[: self.first]), sum(sizes))
        apply: Callable[..., torch.Tensor] = _Gathered.apply
        return apply(own, place)

    def agree(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give tensors the values that they have in the process of the first session."""
        for tensor in tensors:
            values = tensor.detach()
            if self.first:
                values.zero_()
            self.add_up(values)

    def pooled(self, shared: Sequence[nn.Parameter], loss: torch.Tensor) -> torch.Tensor:
        """Add up the gradients of shared parameters over all processes; return the whole loss."""
        if self.fraction == 1:
            return loss.detach()
        gradients = [each.grad for each in shared if each.grad is not None]
        whole = torch.cat([loss.detach().view(1), *(each.flatten() for each in gradients)])
        self.add_up(whole)
        begin = 1
        for gradient in gradients:
            gradient.copy_(whole[begin : begin + gradient.numel()].view_as(gradient))
            begin += gradient.numel()
        return whole[0]


@dataclass(frozen=True)
class _Place:
    """The place of a process's rows, from ``begin``, among ``n_rows`` of all processes."""

    add_up: AddUp
    dim: int
    begin: int
    n_rows: int


class _Gathered(torch.autograd.Function):
    """The rows of all processes, as a torch function: zeros but for the own ones, added up."""

    @staticmethod
    def forward(ctx: Any, own: torch.Tensor, place: _Place) -> torch.Tensor:
        ctx.place, ctx.n_own = place, own.shape[place.dim]
        shape = [*own.shape]
        shape[place.dim] = place.n_rows
        whole = own.new_zeros(shape)
        whole.narrow(place.dim, place.begin, ctx.n_own).copy_(own)
        place.add_up(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor, None]:
        whole = grad_outputs[0].clone(memory_format=torch.contiguous_format)
        ctx.place.add_up(whole)
        return whole.narrow(ctx.place.dim, ctx.place.begin, ctx.n_own), None
