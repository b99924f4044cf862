"""Stitch another day's units to a source day's ensemble through a linear read-in.

The source day's readout is kept. The read-in starts as the match of units and is trained together
with the ensemble on the labelled trials of both days.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from offline_training.dataset.outputs import ranked_values
from offline_training.ner.ensemble import Ensemble, OnStep, train_ensemble
from offline_training.ner.loss import label_distances, ner_loss
from offline_training.ner.networks.descent import disturbed
from offline_training.ner.networks.encoder_network import EncoderNetwork
from offline_training.ner.networks.features import Features
from offline_training.ner.sampling import PartnerSampler
from offline_training.settings import TrainSettings
from offline_training.transfer.matching.matching import Matching
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.decoding.readout import Readout, fit_readout
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels

_STEPS, _ANCHORS = 250, 64
_READ_IN_RATE, _NETWORK_RATE = 1e-3, 5e-4
# Weight of the alignment penalty in the loss.
_PENALTY_WEIGHT = 0.3


@dataclass(frozen=True, eq=False)
class SourceDay:
    """A source day: its training windows, its ensemble, and the readout that is kept."""

    dataset: Dataset
    ensemble: Ensemble
    readout: Readout
    step_ns: int

    @property
    def settings(self) -> TrainSettings:
        """Training settings."""
        return self.ensemble.settings


def learn_source_day(
    dataset: Dataset,
    settings: TrainSettings,
    step_ns: int,
    device: torch.device,
    on_step: OnStep,
) -> SourceDay:
    """Train an ensemble and its readout on a day's training windows, whose bins are ``step_ns``."""
    ensemble, _ = train_ensemble(dataset, settings, step_ns, device, on_step)
    latents = ensemble.average(ensemble.features).cpu().numpy()
    readout = fit_readout(latents, dataset.labels.values, dataset.labels.outputs)
    return SourceDay(dataset, ensemble, readout, step_ns)


class Stitched(nn.Module):
    """The source day's ensemble behind a read-in ``(member, target unit, source unit)``."""

    def __init__(self, source: SourceDay, matching: Matching, n_target: int) -> None:
        super().__init__()
        self.network: EncoderNetwork = copy.deepcopy(source.ensemble.network)
        members = source.settings.ensemble.members
        n_source = source.dataset.windows.shape[2]
        match = torch.zeros(n_target, n_source)
        match[matching.pairs[:, 1], matching.pairs[:, 0]] = 1.0
        self.match: torch.Tensor
        self.register_buffer("match", match)
        self.read_in = nn.Parameter(match.expand(members, n_target, n_source).clone())
        self.to(source.ensemble.features.device)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Encode ``(member, batch, basis, target unit)`` as ``(member, batch, latent)``."""
        latents: torch.Tensor = self.network(torch.matmul(features, self.read_in[:, None]))
        return latents

    def average(self, features: torch.Tensor) -> torch.Tensor:
        """Return the members' mean latents ``(batch, latent)``, without dropout or noise."""
        self.eval()
        with torch.no_grad():
            mean: torch.Tensor = self(features.expand(len(self.read_in), *features.shape)).mean(0)
        return mean

    def alignment_penalty(self) -> torch.Tensor:
        """Return the squared distance of the read-in from the match."""
        return ((self.read_in - self.match) ** 2).sum()


def learn_target_day(
    stitched: Stitched, source: SourceDay, target: Dataset, seed: int, on_step: OnStep
) -> None:
    """Train the read-in, and the ensemble at a lower rate, on labelled windows of both days."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    device = source.ensemble.features.device
    own = EncoderNetwork(target, source.settings).to(device)
    days = (
        _Day(source.dataset, source.ensemble.features, source.step_ns, rng),
        _Day(target, Features(own, target), source.step_ns, rng),
    )
    objective = _BothDays(source, days)
    optimizer = torch.optim.AdamW(
        [
            {"params": [stitched.read_in], "lr": _READ_IN_RATE},
            {"params": list(stitched.network.parameters()), "lr": _NETWORK_RATE},
        ],
        weight_decay=source.settings.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [_READ_IN_RATE, _NETWORK_RATE], total_steps=_STEPS + 1, pct_start=0.1
    )
    for step in range(1, _STEPS + 1):
        stitched.train()
        loss = objective(stitched) + _PENALTY_WEIGHT * stitched.alignment_penalty()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        on_step(step / _STEPS, None)


class _Day:
    """One day's labelled features, from which anchors and partners are drawn."""

    def __init__(
        self,
        dataset: Dataset,
        features: Features,
        step_ns: int,
        rng: np.random.Generator,
    ) -> None:
        self.labels: Labels = dataset.labels
        self.ranked = ranked_values(dataset.labels)
        self._features = features
        self._sampler = PartnerSampler(dataset.labels, step_ns, rng)

    def draw(self, settings: TrainSettings) -> tuple[torch.Tensor, Int64Array]:
        """Draw augmented features ``(member, 2 · anchor, …)`` and anchors ``(member, anchor)``."""
        pairs = [self._sampler.draw(_ANCHORS) for _ in range(settings.ensemble.members)]
        rows = np.stack([np.concatenate(pair) for pair in pairs])
        seen = disturbed(self._features[rows], settings)
        return seen, np.stack([anchors for anchors, _ in pairs])


class _BothDays:
    """NER loss over the anchors of both days together, plus the error of the fixed readout."""

    def __init__(self, source: SourceDay, days: tuple[_Day, _Day]) -> None:
        like = source.ensemble.features[:1]
        self._settings = source.settings
        self._days = days
        self._matrix = torch.from_numpy(source.readout.matrix).to(like)
        self._bias = torch.from_numpy(source.readout.bias).to(like)
        self._variance = float(source.dataset.labels.values.var())

    def __call__(self, stitched: Stitched) -> torch.Tensor:
        """Return the loss of one batch of both days."""
        (seen_source, source), (seen_target, target) = (
            day.draw(self._settings) for day in self._days
        )
        latents = (stitched.network(seen_source), stitched(seen_target))
        anchors = (source, target)
        values = self._of_anchors([day.labels.values for day in self._days], anchors)
        ranked = self._of_anchors([day.ranked for day in self._days], anchors)
        direction = self._of_anchors([day.labels.direction_deg for day in self._days], anchors)
        # (member, anchor or partner, day, anchor, latent)
        both = torch.stack([part.reshape(len(part), 2, _ANCHORS, -1) for part in latents], dim=2)
        return self._ner(both.flatten(1, 3), ranked, direction) + self._error(both, values)

    @staticmethod
    def _of_anchors(
        labels: Sequence[FloatArray], anchors: tuple[Int64Array, Int64Array]
    ) -> FloatArray:
        """Return labels ``(member, anchor, …)``: the source day's anchors, then the target's."""
        parts = [of_day[rows] for of_day, rows in zip(labels, anchors, strict=True)]
        return np.concatenate(parts, axis=1)

    def _ner(
        self, latents: torch.Tensor, ranked: FloatArray, direction: FloatArray
    ) -> torch.Tensor:
        loss = self._settings.loss
        losses = []
        for member, own in enumerate(latents):
            distance = label_distances(
                ranked[member], direction[member], loss.velocity_scale, loss.direction_scale
            )
            losses.append(ner_loss(own, distance, loss.temperature))
        return torch.stack(losses).sum()

    def _error(self, latents: torch.Tensor, values: FloatArray) -> torch.Tensor:
        """Return the mean squared error of the fixed readout over both days."""
        decoded = latents @ self._matrix + self._bias
        wanted = torch.from_numpy(values).to(decoded)
        wanted = wanted.reshape(len(decoded), 1, 2, _ANCHORS, values.shape[-1])
        error: torch.Tensor = ((decoded - wanted) ** 2).mean() / self._variance
        # The mean is over two days; each keeps the weight that a single day has in training.
        return error * 2 * len(latents) * self._settings.loss.readout_weight
