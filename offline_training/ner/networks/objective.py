"""Define what encoders learn by: the NER loss, and the errors of two linear readouts."""

import numpy as np
import torch
from torch import nn

from offline_training.dataset.outputs import OutputScale, output_scale, ranked_values
from offline_training.ner.auxiliary_targets import auxiliary_targets
from offline_training.ner.loss import label_distances, ner_loss
from offline_training.ner.networks.encoder_network import MemberLinear
from offline_training.settings import LossSettings, TrainSettings
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.offline.labels import Labels


class Objective(nn.Module):
    """The NER loss plus two weighted errors, summed over all members.

    The errors are those of a linear readout of the outputs from the latents, and of a linear one of
    the auxiliary targets from the last hidden layer.
    """

    def __init__(self, labels: Labels, settings: TrainSettings, step_ns: int, members: int) -> None:
        super().__init__()
        self._labels = labels
        self._loss = settings.loss
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
        directions_deg = self._labels.direction_deg[anchors]
        ranked = members_ner_loss(latents, self._ranked[anchors], directions_deg, self._loss)
        wanted = self.standard[np.tile(anchors, 2)]
        error = self._loss.readout_weight * nn.functional.mse_loss(self.readout(latents), wanted)
        auxiliary = nn.functional.mse_loss(self.auxiliary_readout(hidden), self.targets[rows])
        return ranked + len(rows) * (error + self._loss.auxiliary_weight * auxiliary)


def members_ner_loss(
    latents: torch.Tensor, ranked: FloatArray, direction_deg: FloatArray, settings: LossSettings
) -> torch.Tensor:
    """Return the NER loss, summed over members, of latents ``(member, 2N, latent)``.

    ``ranked`` ``(member, N, output)`` and ``direction_deg`` ``(member, N)`` label the anchors.
    """
    losses = []
    for member, own in enumerate(latents):
        distance = label_distances(
            ranked[member],
            direction_deg[member],
            settings.velocity_scale,
            settings.direction_scale,
        )
        losses.append(ner_loss(own, distance, settings.temperature))
    return torch.stack(losses).sum()
