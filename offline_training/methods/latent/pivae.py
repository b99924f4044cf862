"""Embed by pi-VAE, an autoencoder whose prior depends on labels (Zhou & Wei 2020)."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from offline_training.dataset.outputs import output_scale
from offline_training.methods.decoders.learning import Plan, apply, learn
from offline_training.methods.method import FitContext, Fitted, Method
from offline_training.methods.preparation import fit_standardiser
from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels

PLAN = Plan(steps=1000, batch=256, learning_rate=1e-3, weight_decay=1e-4)
_DIMS = 3
_HIDDEN = 64
# Bounds of a latent's log variance, so that precisions stay finite.
_LOG_VARIANCE = (-8.0, 8.0)


@dataclass(frozen=True)
class Normal:
    """Independent normal distributions, ``(batch, latent)``."""

    mean: torch.Tensor
    log_variance: torch.Tensor

    def times(self, other: "Normal") -> "Normal":
        """Return the normalised product of two densities: precisions add, and weight means."""
        mine, theirs = torch.exp(-self.log_variance), torch.exp(-other.log_variance)
        mean = (mine * self.mean + theirs * other.mean) / (mine + theirs)
        return Normal(mean, -torch.log(mine + theirs))

    def divergence(self, other: "Normal") -> torch.Tensor:
        """Return the Kullback–Leibler divergence ``(batch,)`` from the other."""
        ratio = self.log_variance - other.log_variance
        apart = torch.square(self.mean - other.mean) / torch.exp(other.log_variance)
        return 0.5 * (torch.exp(ratio) + apart - 1 - ratio).sum(dim=1)

    def sample(self) -> torch.Tensor:
        """Draw once from each distribution."""
        noise = torch.randn_like(self.mean)
        return self.mean + noise * torch.exp(0.5 * self.log_variance)


class PiVAE(nn.Module):
    """Encoder q(z|x), label prior p(z|u) and decoder of Poisson rates.

    x is a standardised window, flat, and u its labels; the counts are the newest bin's. The
    authors' decoder is an invertible flow, for identifiability; this one is a perceptron.
    """

    def __init__(self, n_features: int, n_labels: int, n_channels: int) -> None:
        super().__init__()
        self.encoder = _perceptron(n_features, 2 * _DIMS)
        self.prior = _perceptron(n_labels, 2 * _DIMS)
        self.decoder = _perceptron(_DIMS, n_channels)

    def encode(self, features: torch.Tensor) -> Normal:
        """Return q(z|x)."""
        return _normal(self.encoder(features))

    def loss(
        self, features: torch.Tensor, labels: torch.Tensor, counts: torch.Tensor
    ) -> torch.Tensor:
        """Return the negative evidence lower bound; the posterior is q(z|x) · p(z|u)."""
        prior = _normal(self.prior(labels))
        posterior = self.encode(features).times(prior)
        log_rate = self.decoder(posterior.sample())
        surprise = nn.functional.poisson_nll_loss(log_rate, counts, reduction="none").sum(dim=1)
        return (surprise + posterior.divergence(prior)).mean()


def pi_vae(plan: Plan = PLAN) -> Method:
    """Return the method, trained to a plan."""
    return Method("pi-vae", _DIMS, partial(_fit, plan=plan))


def _fit(train: Dataset, context: FitContext, plan: Plan) -> Fitted:
    torch.manual_seed(context.seed)
    standardise = fit_standardiser(train.windows)
    features = torch.from_numpy(standardise.flat(train.windows)).to(context.device)
    labels = torch.from_numpy(_label_vector(train.labels)).to(features)
    counts = torch.from_numpy(train.windows[:, -1].astype(np.float32)).to(features)
    model = PiVAE(features.shape[1], labels.shape[1], counts.shape[1]).to(context.device)

    def loss(rows: torch.Tensor) -> torch.Tensor:
        return model.loss(features[rows], labels[rows], counts[rows])

    learn(model, loss, len(features), plan, context)

    def embed(dataset: Dataset) -> FloatArray:
        """Return the means of q(z|x), which uses no labels."""
        flat = standardise.flat(dataset.windows)
        return apply(lambda part: model.encode(part).mean, flat, context.device)

    return embed


def _label_vector(labels: Labels) -> Float32Array:
    """Return labels ``(hop, …)``: outputs in units of their spread, direction's cosine and sine."""
    angle = np.deg2rad(labels.direction_deg)[:, None]
    turn = np.nan_to_num(np.concatenate([np.cos(angle), np.sin(angle)], axis=1))
    standard = output_scale(labels).to_standard(labels.values)
    return np.concatenate([standard, turn], axis=1).astype(np.float32)


def _perceptron(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_in, _HIDDEN),
        nn.Tanh(),
        nn.Linear(_HIDDEN, _HIDDEN),
        nn.Tanh(),
        nn.Linear(_HIDDEN, n_out),
    )


def _normal(moments: torch.Tensor) -> Normal:
    mean, log_variance = moments.chunk(2, dim=1)
    return Normal(mean, log_variance.clamp(*_LOG_VARIANCE))


PI_VAE = pi_vae()
