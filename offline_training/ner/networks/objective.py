"""Define what encoders learn by: the NER loss, and the errors of two linear readouts."""

import numpy as np
import torch
from torch import nn

from offline_training.dataset.outputs import OutputScale, output_scale, ranked_values
from offline_training.ner.auxiliary_targets import auxiliary_targets
from offline_training.ner.loss import label_distances, ner_loss
from offline_training.ner.networks.encoder_network import MemberLinear
from offline_training.ner.sharing.share import Share
from offline_training.settings import LossSettings, TrainSettings
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.offline.labels import join_labels


class Objective(nn.Module):
    """The NER loss plus two weighted errors, summed over all members.

    The errors are those of a linear readout of the outputs from the latents, and of a linear one of
    the auxiliary targets from the last hidden layer. Each process computes its own part: the rows
    of the NER loss that belong to its anchors, and the errors of its own latents.
    """

    def __init__(self, share: Share, settings: TrainSettings, step_ns: int, members: int) -> None:
        super().__init__()
        labels = join_labels(share.labels)
        self._share = share
        self._direction_deg = labels.direction_deg
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
        """Return this process's part of the loss of ``(member, 2, anchor, …)``.

        ``rows`` ``(member, 2, anchor)`` are those among all sessions' hops, anchors before their
        partners. Those of other processes are gathered.
        """
        flat, own = latents.flatten(1, 2), rows[:, 0]
        wanted = self.standard[np.tile(own, 2)]
        error = self._loss.readout_weight * nn.functional.mse_loss(self.readout(flat), wanted)
        predicted = self.auxiliary_readout(hidden.flatten(1, 2))
        targets = self.targets[rows.reshape(len(rows), -1)]
        auxiliary = nn.functional.mse_loss(predicted, targets)
        errors = len(rows) * (error + self._loss.auxiliary_weight * auxiliary)
        return self._ranked_loss(latents, own) + self._share.fraction * errors

    def _ranked_loss(self, latents: torch.Tensor, own: Int64Array) -> torch.Tensor:
        """Return this process's rows of the NER loss, which compares the latents of all."""
        share, n_own = self._share, own.shape[1]
        n_each = n_own // len(share.datasets)
        sizes = [n_each] * len(share.labels)
        anchors = share.gathered(torch.from_numpy(own), 1, sizes).numpy()
        every = share.gathered(latents, 2, sizes).flatten(1, 2)
        begin = share.first * n_each
        labels = (self._ranked[anchors], self._direction_deg[anchors])
        return members_ner_loss(every, *labels, self._loss, slice(begin, begin + n_own))


def members_ner_loss(
    latents: torch.Tensor,
    ranked: FloatArray,
    direction_deg: FloatArray,
    settings: LossSettings,
    part: slice = slice(None),
) -> torch.Tensor:
    """Return the NER loss, summed over members, of latents ``(member, 2N, latent)``.

    ``ranked`` ``(member, N, output)`` and ``direction_deg`` ``(member, N)`` label the anchors.
    ``part``: the anchors whose rows of the loss are summed; by default all.
    """
    losses = []
    for member, own in enumerate(latents):
        distance = label_distances(
            ranked[member],
            direction_deg[member],
            settings.velocity_scale,
            settings.direction_scale,
        )
        losses.append(ner_loss(own, distance[part], settings.temperature, part.start or 0))
    return torch.stack(losses).sum()
