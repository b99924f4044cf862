"""Trainer: one encoder learns from one labelled dataset."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from offline_training.dataset import Dataset
from offline_training.loss import label_distances, ner_loss
from offline_training.network import EncoderNetwork
from offline_training.sampling import PartnerSampler
from offline_training.settings import TrainSettings
from rt_ner.arrays import Int64Array
from rt_ner.errors import ConfigError


def train_encoder(
    dataset: Dataset,
    settings: TrainSettings,
    step_ns: int,
    device: torch.device,
    on_step: Callable[[int, EncoderNetwork], None],
) -> EncoderNetwork:
    """Learn an encoder with the NER loss and, beside it, a linear readout of velocity.

    ``step_ns``: over how long the velocity changes that pair anchors and partners. ``on_step`` is
    told after each step. The same seed gives the same weights on one machine.
    """
    torch.manual_seed(settings.seed)
    sampler = PartnerSampler(dataset.labels, step_ns, np.random.default_rng(settings.seed))
    network = EncoderNetwork(dataset, settings).to(device)
    objective = _Objective(dataset, settings).to(device)
    optimizer = torch.optim.AdamW(
        [*network.parameters(), *objective.parameters()],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    # The rise of the learning rate needs a step of its own, however short the training.
    rise = max(0.1, 2 / (settings.steps + 1))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.steps + 1, pct_start=rise
    )
    windows = torch.from_numpy(dataset.windows.astype(np.float32))
    for step in range(1, settings.steps + 1):
        anchors, partners = sampler.draw(settings.batch)
        network.train()
        embeddings = network(windows[np.concatenate([anchors, partners])].to(device))
        loss = objective(embeddings, anchors)
        if not torch.isfinite(loss):
            raise ConfigError(
                f"the loss became {loss.item():g} at step {step}: training diverged, lower "
                f"learning_rate = {settings.learning_rate:g}"
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        on_step(step, network)
    return network


def pick_device(name: str) -> torch.device:
    """The torch device of that name; ConfigError if there is none here."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"--device {name}: {reason}; use --device cpu") from error
    return device


class _Objective(nn.Module):
    """NER loss plus the weighted error of a linear readout that learns along."""

    def __init__(self, dataset: Dataset, settings: TrainSettings) -> None:
        super().__init__()
        self._labels = dataset.labels
        self._loss = settings.loss
        self.readout = nn.Linear(settings.latent_dim, 2)
        velocity = dataset.labels.velocity_cm_s / dataset.labels.velocity_cm_s.std()
        self.velocity: torch.Tensor
        self.register_buffer("velocity", torch.tensor(velocity, dtype=torch.float32))

    def forward(self, embeddings: torch.Tensor, anchors: Int64Array) -> torch.Tensor:
        """Loss of embeddings ``(2N, latent)``: the anchors', then their partners'."""
        distance = label_distances(
            self._labels.velocity_cm_s[anchors],
            self._labels.direction_deg[anchors],
            self._loss.velocity_scale,
            self._loss.direction_scale,
        )
        loss = ner_loss(embeddings, distance, self._loss.temperature)
        wanted = self.velocity[np.concatenate([anchors, anchors])]
        error = nn.functional.mse_loss(self.readout(embeddings), wanted)
        return loss + self._loss.readout_weight * error
