"""Ensemble: encoders that learn side by side, with all that their learning needs."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from offline_training.dataset.similarity import common_space
from offline_training.ner.auxiliary_targets import auxiliary_targets
from offline_training.ner.loss import label_distances, ner_loss
from offline_training.ner.network import EncoderNetwork, MemberLinear, all_features, member_latents
from offline_training.ner.sampling import PartnerSampler
from offline_training.settings import TrainSettings
from rt_ner.core.arrays import BoolArray, Int64Array
from rt_ner.core.errors import ConfigError
from rt_ner.decoding.readout import fit_readout
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels
from rt_ner.offline.scores import r2_score

# A member leaves out one trial in so many, where there are enough to go round twice.
_FOLDS = 10


class Ensemble:
    """Encoders that learn side by side from one dataset, a batch a member each step."""

    def __init__(
        self, dataset: Dataset, settings: TrainSettings, step_ns: int, device: torch.device
    ) -> None:
        members = settings.ensemble.members
        self.dataset = dataset
        self.settings = settings
        self.network = EncoderNetwork(dataset, settings, members).to(device)
        self.features = all_features(self.network, dataset)
        self.left_out = _left_out(dataset.labels, members)
        rng = np.random.default_rng(settings.seed)
        self._samplers = [
            _RowSampler(dataset.labels, np.flatnonzero(~left_out), step_ns, rng)
            for left_out in self.left_out
        ]
        self._objective = _Objective(dataset.labels, settings, step_ns).to(device)
        self._descent = Descent(
            [*self.network.parameters(), *self._objective.parameters()], settings, settings.steps
        )

    def step(self) -> None:
        """Learn from one batch a member."""
        drawn = [sampler.draw(self.settings.batch) for sampler in self._samplers]
        rows = np.stack([np.concatenate(pair) for pair in drawn])
        seen = disturbed(self.features[torch.from_numpy(rows)], self.settings)
        self.network.train()
        hidden = self.network.hidden(seen)
        self._descent.step(self._objective(hidden, self.network.latents(hidden), rows))

    def average(self, features: torch.Tensor) -> torch.Tensor:
        """The members' mean latents ``(batch, latent)``, nothing at random."""
        return member_latents(self.network, features).mean(dim=0)

    def settle(self) -> None:
        """Bring the members' latents to one space, by a similarity folded into their last layer."""
        if len(self.left_out) == 1:
            return
        own = member_latents(self.network, self.features).double().cpu().numpy()
        layer = self.network.latent
        with torch.no_grad():
            for member, turn in enumerate(common_space(list(own))):
                matrix = torch.tensor(turn.matrix).to(layer.weight)
                layer.weight[member] = layer.weight[member] @ matrix
                layer.bias[member] = layer.bias[member] @ matrix
                layer.bias[member] += torch.tensor(turn.offset).to(matrix)

    def validation_r2(self) -> float | None:
        """R² of velocity on the trials that each member has left out; None where there are none."""
        if not self.left_out.any():
            return None
        velocity = self.dataset.labels.velocity_cm_s
        decoded, true = [], []
        latents = member_latents(self.network, self.features).cpu().numpy()
        for own, left_out in zip(latents, self.left_out, strict=True):
            readout = fit_readout(own[~left_out], velocity[~left_out])
            decoded.append(own[left_out] @ readout.matrix + readout.bias)
            true.append(velocity[left_out])
        return float(r2_score(np.concatenate(true), np.concatenate(decoded)))


@dataclass
class Descent:
    """AdamW with a learning rate that rises and falls once, and an error where it diverges."""

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
        """One step down. Past the planned steps the rate stays at its end."""
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
    """Features ``(…, bump, channel)`` as a network is shown them while it learns.

    Whole channels fall silent at random, so that none becomes indispensable, and noise makes
    neighbours of the few hundred reaches that there are.
    """
    heard = torch.ones_like(features[..., :1, :])
    heard = nn.functional.dropout(heard, settings.channel_dropout)
    return features * heard + settings.input_noise * torch.randn_like(features)


class _Objective(nn.Module):
    """NER loss and the weighted errors of what is learned along, over all members.

    A linear readout of velocity from the latents, and one of the auxiliary targets from the last hidden
    layer.
    """

    def __init__(self, labels: Labels, settings: TrainSettings, step_ns: int) -> None:
        super().__init__()
        self._labels = labels
        self._loss = settings.loss
        members = settings.ensemble.members
        velocity = labels.velocity_cm_s / labels.velocity_cm_s.std()
        targets = auxiliary_targets(labels, step_ns)
        self.readout = MemberLinear(members, settings.latent_dim, 2)
        self.auxiliary_targets = MemberLinear(members, settings.hidden_units[-1], targets.shape[1])
        self.velocity: torch.Tensor
        self.targets: torch.Tensor
        self.register_buffer("velocity", torch.tensor(velocity, dtype=torch.float32))
        self.register_buffer("targets", torch.tensor(targets, dtype=torch.float32))

    def forward(
        self, hidden: torch.Tensor, latents: torch.Tensor, rows: Int64Array
    ) -> torch.Tensor:
        """Loss of ``(member, 2N, …)`` for the dataset's rows ``(member, 2N)``.

        The first N of a member are anchors, the others their partners.
        """
        anchors = rows[:, : rows.shape[1] // 2]
        ranked = [self._ner(*pair) for pair in zip(latents, anchors, strict=True)]
        wanted = self.velocity[np.tile(anchors, 2)]
        error = self._loss.readout_weight * nn.functional.mse_loss(self.readout(latents), wanted)
        ahead = nn.functional.mse_loss(self.auxiliary_targets(hidden), self.targets[rows])
        return torch.stack(ranked).sum() + len(rows) * (error + self._loss.auxiliary_weight * ahead)

    def _ner(self, latents: torch.Tensor, anchors: Int64Array) -> torch.Tensor:
        distance = label_distances(
            self._labels.velocity_cm_s[anchors],
            self._labels.direction_deg[anchors],
            self._loss.velocity_scale,
            self._loss.direction_scale,
        )
        return ner_loss(latents, distance, self._loss.temperature)


class _RowSampler:
    """Anchors and partners among some rows of a dataset."""

    def __init__(
        self, labels: Labels, rows: Int64Array, step_ns: int, rng: np.random.Generator
    ) -> None:
        chosen = np.zeros(len(labels), dtype=np.bool_)
        chosen[rows] = True
        self._rows = rows
        self._sampler = PartnerSampler(labels.where(chosen), step_ns, rng)

    def draw(self, n_anchors: int) -> tuple[Int64Array, Int64Array]:
        anchors, partners = self._sampler.draw(n_anchors)
        return self._rows[anchors], self._rows[partners]


def _left_out(labels: Labels, members: int) -> BoolArray:
    """Which hops each member leaves out, ``(member, hop)``: every tenth trial, another one each."""
    _, rank = np.unique(labels.trial, return_inverse=True)
    if rank.max() + 1 < 2 * _FOLDS:
        return np.zeros((members, len(labels)), dtype=np.bool_)
    return np.asarray(rank % _FOLDS == (np.arange(members) % _FOLDS)[:, None], dtype=np.bool_)
