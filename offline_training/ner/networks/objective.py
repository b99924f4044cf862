"""Define what encoders learn by: the NER loss, and the errors of two linear readouts."""

import numpy as np
import torch
from torch import nn

from offline_training.dataset.outputs import OutputScale, output_scale, ranked_values
from offline_training.ner.auxiliary_targets import auxiliary_targets
from offline_training.ner.loss import label_distances, ner_loss
from offline_training.ner.networks.encoder_network import MemberLinear
from offline_training.settings import TrainSettings
from rt_ner.core.arrays import Int64Array
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.offline.labels import Labels


class Objective(nn.Module):
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

    def keep_readout(self, readout: Readout, scale: OutputScale) -> None:
        """Use a readout in every member, which learns no further."""
        self.readout.set(readout.matrix / scale.spread, scale.to_standard(readout.bias))
        self.readout.requires_grad_(False)

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
