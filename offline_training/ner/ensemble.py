"""Train an ensemble: encoders that learn side by side from the same session."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn

from offline_training.dataset.outputs import output_scale, ranked_values
from offline_training.dataset.similarity import common_space
from offline_training.ner.auxiliary_targets import auxiliary_targets
from offline_training.ner.loss import label_distances, ner_loss
from offline_training.ner.networks.descent import Descent, disturbed
from offline_training.ner.networks.encoder_network import (
    EncoderNetwork,
    MemberLinear,
    member_latents,
)
from offline_training.ner.networks.features import Features
from offline_training.ner.sampling import RowSampler
from offline_training.settings import TrainSettings
from rt_ner.core.arrays import BoolArray, Int64Array
from rt_ner.decoding.readouts.readout import fit_readout
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels
from rt_ner.offline.scores import r2_score

# Each member leaves out one trial in ten, where there are at least twice as many.
_FOLDS = 10
# Steps between two looks at the trials left out, and looks without progress before learning ends.
_CHECK_STEPS, _PATIENT_CHECKS = 20, 6
# Hops that such a look decodes; of more, every second or third, and so on.
_MOST_CHECKED = 50_000

# Receives the part done, from 0 to 1, and the newest R² of the trials left out.
OnStep = Callable[[float, float | None], None]


class Ensemble:
    """Encoders that learn side by side from one dataset, each from batches of its own."""

    def __init__(
        self, dataset: Dataset, settings: TrainSettings, step_ns: int, device: torch.device
    ) -> None:
        members = settings.ensemble.members
        self.dataset = dataset
        self.settings = settings
        self.network = EncoderNetwork(dataset, settings, members).to(device)
        self.features = Features(self.network, dataset)
        self._checked = slice(None, None, -(-len(self.features) // _MOST_CHECKED))
        checked = np.zeros(len(self.features), dtype=np.bool_)
        checked[self._checked] = True
        self._checked_features = (
            Features(self.network, dataset.where(checked))
            if self._checked.step > 1
            else self.features
        )
        self.left_out = _left_out(dataset.labels, members)
        rng = np.random.default_rng(settings.seed)
        self._samplers = [
            RowSampler(dataset.labels, np.flatnonzero(~left_out), step_ns, rng)
            for left_out in self.left_out
        ]
        self._objective = _Objective(dataset.labels, settings, step_ns).to(device)
        self._descent = Descent(
            [*self.network.parameters(), *self._objective.parameters()], settings, settings.steps
        )

    def step(self) -> None:
        """Learn from one batch per member."""
        drawn = [sampler.draw(self.settings.batch) for sampler in self._samplers]
        rows = np.stack([np.concatenate(pair) for pair in drawn])
        seen = disturbed(self.features[rows], self.settings)
        self.network.train()
        hidden = self.network.hidden(seen)
        self._descent.step(self._objective(hidden, self.network.latents(hidden), rows))

    def average(self, features: torch.Tensor | Features) -> torch.Tensor:
        """Return the members' mean latents ``(batch, latent)``, without dropout."""
        return member_latents(self.network, features).mean(dim=0)

    def settle(self) -> None:
        """Bring the members' latents to one space: fold a similarity into each last layer."""
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
        """Return the R² on the trials that members left out; None without any."""
        if not self.left_out.any():
            return None
        values = self.dataset.labels.values[self._checked]
        decoded, true = [], []
        latents = member_latents(self.network, self._checked_features).cpu().numpy()
        for own, left_out in zip(latents, self.left_out[:, self._checked], strict=True):
            readout = fit_readout(own[~left_out], values[~left_out])
            decoded.append(own[left_out] @ readout.matrix + readout.bias)
            true.append(values[left_out])
        return float(r2_score(np.concatenate(true), np.concatenate(decoded)))


class _Objective(nn.Module):
    """The NER loss plus two weighted errors, summed over all members.

    The errors are those of a linear readout of the outputs from the latents, and of a linear one of
    the auxiliary targets from the last hidden layer.
    """

    def __init__(self, labels: Labels, settings: TrainSettings, step_ns: int) -> None:
        super().__init__()
        self._labels = labels
        self._loss = settings.loss
        members = settings.ensemble.members
        standard = output_scale(labels).to_standard(labels.values)
        targets = auxiliary_targets(labels, step_ns)
        self._ranked = ranked_values(labels)
        self.readout = MemberLinear(members, settings.latent_dim, standard.shape[1])
        self.auxiliary_readout = MemberLinear(members, settings.hidden_units[-1], targets.shape[1])
        self.standard: torch.Tensor
        self.targets: torch.Tensor
        self.register_buffer("standard", torch.tensor(standard, dtype=torch.float32))
        self.register_buffer("targets", torch.tensor(targets, dtype=torch.float32))

    def forward(
        self, hidden: torch.Tensor, latents: torch.Tensor, rows: Int64Array
    ) -> torch.Tensor:
        """Return the loss of ``(member, 2N, …)`` for the dataset's rows ``(member, 2N)``.

        A member's first N rows are anchors, the others their partners.
        """
        anchors = rows[:, : rows.shape[1] // 2]
        ranked = [self._ner(*pair) for pair in zip(latents, anchors, strict=True)]
        wanted = self.standard[np.tile(anchors, 2)]
        error = self._loss.readout_weight * nn.functional.mse_loss(self.readout(latents), wanted)
        auxiliary = nn.functional.mse_loss(self.auxiliary_readout(hidden), self.targets[rows])
        return torch.stack(ranked).sum() + len(rows) * (
            error + self._loss.auxiliary_weight * auxiliary
        )

    def _ner(self, latents: torch.Tensor, anchors: Int64Array) -> torch.Tensor:
        distance = label_distances(
            self._ranked[anchors],
            self._labels.direction_deg[anchors],
            self._loss.velocity_scale,
            self._loss.direction_scale,
        )
        return ner_loss(latents, distance, self._loss.temperature)


def _left_out(labels: Labels, members: int) -> BoolArray:
    """Return a mask ``(member, hop)`` of the trials left out: every tenth, others per member."""
    _, rank = np.unique(labels.trial, return_inverse=True)
    if rank.max() + 1 < 2 * _FOLDS:
        return np.zeros((members, len(labels)), dtype=np.bool_)
    return np.asarray(rank % _FOLDS == (np.arange(members) % _FOLDS)[:, None], dtype=np.bool_)


def train_ensemble(
    dataset: Dataset,
    settings: TrainSettings,
    step_ns: int,
    device: torch.device,
    on_step: OnStep,
) -> tuple[Ensemble, float | None]:
    """Train an ensemble; return it with its R² on the trials that members left out.

    Learning ends when those trials are decoded no better, and goes back to where they were decoded
    best. All members' latents are brought to one space.
    """
    torch.manual_seed(settings.seed)
    ensemble = Ensemble(dataset, settings, step_ns, device)
    best_r2, best_step = ensemble.validation_r2(), 0
    best = _copied(ensemble.network.state_dict())
    for step in range(1, settings.steps + 1):
        ensemble.step()
        if step % _CHECK_STEPS == 0 or step == settings.steps:
            r2 = ensemble.validation_r2()
            if r2 is None or best_r2 is None or r2 > best_r2:
                best_r2, best_step, best = r2, step, _copied(ensemble.network.state_dict())
            if step - best_step >= _PATIENT_CHECKS * _CHECK_STEPS:
                break
        on_step(step / settings.steps, best_r2)
    ensemble.network.load_state_dict(best)
    ensemble.settle()
    return ensemble, best_r2


def training_step(
    dataset: Dataset, settings: TrainSettings, step_ns: int, device: torch.device
) -> Callable[[], None]:
    """Return a function that takes one step: sampling, encoders, loss, gradients, optimiser."""
    torch.manual_seed(settings.seed)
    return Ensemble(dataset, settings, step_ns, device).step


def _copied(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a copy of a network's state."""
    return {name: tensor.clone() for name, tensor in state.items()}
