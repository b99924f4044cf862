"""Learn from several days at once: one encoder, and a read-in for the units of each other day."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from offline_training.dataset.outputs import ranked_values
from offline_training.ner.ensemble import OnStep
from offline_training.ner.networks.descent import disturbed
from offline_training.ner.networks.encoder_network import EncoderNetwork
from offline_training.ner.networks.features import Features
from offline_training.ner.networks.objective import members_ner_loss
from offline_training.ner.sampling import RowSampler
from offline_training.settings import TrainSettings
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.offline.labels import Labels

_STEPS = 250
_READ_IN_RATE, _NETWORK_RATE = 1e-3, 5e-4
# Weight of the alignment penalty in the loss.
_PENALTY_WEIGHT = 0.3


class ReadIn(nn.Module):
    """A linear map of a day's units ``(member, unit, known unit)``, which starts as their match."""

    def __init__(self, match: torch.Tensor, members: int) -> None:
        super().__init__()
        self.match: torch.Tensor
        self.register_buffer("match", match)
        self.matrix = nn.Parameter(match.expand(members, *match.shape).clone())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map ``(member, batch, bump, unit)`` to ``(member, batch, bump, known unit)``."""
        return torch.matmul(features, self.matrix[:, None])

    def penalty(self) -> torch.Tensor:
        """Return the squared distance of the read-in from the match."""
        return ((self.matrix - self.match) ** 2).sum()


@dataclass(frozen=True, eq=False)
class DayToLearn:
    """Labelled features of a day, and the read-in of its units; None: they are the encoder's.

    ``n_anchors`` are drawn per step and member, among the ``rows`` given; None: among all.
    """

    labels: Labels
    features: Features
    read_in: ReadIn | None
    n_anchors: int
    rows: Int64Array | None = None

    def sampler(self, step_ns: int, rng: np.random.Generator) -> RowSampler:
        """Return a sampler of the rows."""
        rows = np.arange(len(self.labels)) if self.rows is None else self.rows
        return RowSampler(self.labels, rows, step_ns, rng)


@dataclass(frozen=True, eq=False)
class Goal:
    """The readout that is kept, the outputs' variance, and the settings of the loss."""

    readout: Readout
    variance: float
    settings: TrainSettings
    step_ns: int


def learn_days(
    network: EncoderNetwork, days: Sequence[DayToLearn], goal: Goal, seed: int, on_step: OnStep
) -> None:
    """Train the network and the days' read-ins, so that the kept readout decodes all days."""
    torch.manual_seed(seed)
    drawn = _DrawnDays(days, goal, np.random.default_rng(seed))
    read_ins = _learning(days)
    groups = [([each.matrix for each in read_ins], _READ_IN_RATE)] if read_ins else []
    groups.append((list(network.parameters()), _NETWORK_RATE))
    optimizer = torch.optim.AdamW(
        [{"params": params, "lr": rate} for params, rate in groups],
        weight_decay=goal.settings.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [rate for _, rate in groups], total_steps=_STEPS + 1, pct_start=0.1
    )
    for step in range(1, _STEPS + 1):
        network.train()
        loss = drawn.loss(network)
        for read_in in read_ins:
            loss = loss + _PENALTY_WEIGHT * read_in.penalty()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        on_step(step / _STEPS, None)


def _learning(days: Sequence[DayToLearn]) -> list[ReadIn]:
    """Return the read-ins that learn, each once."""
    read_ins = [day.read_in for day in days if day.read_in is not None]
    return [each for each in dict.fromkeys(read_ins) if each.matrix.requires_grad]


class _DrawnDays:
    """NER loss over the anchors of all days together, plus the error of the kept readout."""

    def __init__(self, days: Sequence[DayToLearn], goal: Goal, rng: np.random.Generator) -> None:
        like = days[0].features[:1]
        self._goal = goal
        self._days = days
        self._ranked = [ranked_values(day.labels) for day in days]
        self._samplers = [day.sampler(goal.step_ns, rng) for day in days]
        self._matrix = torch.from_numpy(goal.readout.matrix).to(like)
        self._bias = torch.from_numpy(goal.readout.bias).to(like)

    def loss(self, network: EncoderNetwork) -> torch.Tensor:
        """Return the loss of one batch of all days."""
        members = self._goal.settings.ensemble.members
        pairs = [
            [sampler.draw(day.n_anchors) for _ in range(members)]
            for day, sampler in zip(self._days, self._samplers, strict=True)
        ]
        anchors = [np.stack([own for own, _ in day]) for day in pairs]
        latents = [
            self._latents(network, day, np.stack([np.stack(pair) for pair in drawn]))
            for day, drawn in zip(self._days, pairs, strict=True)
        ]
        # (member, anchor or partner, anchor, latent), the days' anchors one after the other.
        both = torch.cat(latents, dim=2)
        values, ranked, directions_deg = (
            self._of_anchors(parts, anchors)
            for parts in (
                [day.labels.values for day in self._days],
                self._ranked,
                [day.labels.direction_deg for day in self._days],
            )
        )
        loss = self._goal.settings.loss
        ner = members_ner_loss(both.flatten(1, 2), ranked, directions_deg, loss)
        return ner + self._error(both, values)

    def _latents(self, network: EncoderNetwork, day: DayToLearn, rows: Int64Array) -> torch.Tensor:
        """Return latents ``(member, anchor or partner, anchor, latent)`` of disturbed features."""
        members = len(rows)
        seen = disturbed(day.features[rows.reshape(members, -1)], self._goal.settings)
        latents: torch.Tensor = network(seen if day.read_in is None else day.read_in(seen))
        return latents.reshape(members, 2, day.n_anchors, -1)

    @staticmethod
    def _of_anchors(parts: Sequence[FloatArray], anchors: Sequence[Int64Array]) -> FloatArray:
        """Return labels ``(member, anchor, …)`` of the days' anchors, one day after the other."""
        chosen = [of_day[rows] for of_day, rows in zip(parts, anchors, strict=True)]
        return np.concatenate(chosen, axis=1)

    def _error(self, latents: torch.Tensor, values: FloatArray) -> torch.Tensor:
        """Return the mean squared error of the kept readout, weighted as that of two days."""
        decoded = latents @ self._matrix + self._bias
        wanted = torch.from_numpy(values).to(decoded)[:, None]
        error: torch.Tensor = ((decoded - wanted) ** 2).mean() / self._goal.variance
        return error * 2 * len(latents) * self._goal.settings.loss.readout_weight
