"""Define the encoder as a torch network, several members side by side."""

import numpy as np
import torch
from torch import nn

from offline_training.ner.networks.features import HOPS_AT_ONCE, Features
from offline_training.settings import TrainSettings
from rt_ner.core.arrays import AnyArray, Float32Array, FloatArray
from rt_ner.decoding.encoding.normalisation import SD_FLOOR
from rt_ner.decoding.encoding.weights import EncoderWeights
from rt_ner.offline.dataset import Dataset

_CHANNELS_AT_ONCE = 32
# Places of the linear layers among the hidden ones.
_FIRST, _SECOND = 1, 4


class EncoderNetwork(nn.Module):
    """Encoders side by side, called members: standardised features to latents.

    Counts pass through a square root, which evens out Poisson variance; a standardisation per
    channel with the training set's moments; a basis of smooth bumps over time, fine for the newest
    bins and coarse for the oldest; and a two-layer perceptron per member. Channels that were silent
    in training are ignored.
    """

    def __init__(self, dataset: Dataset, settings: TrainSettings, n_members: int = 1) -> None:
        super().__init__()
        mean, spread = _moments_of_roots(dataset)
        sd = np.where(dataset.windows.any(axis=(0, 1)), spread + SD_FLOOR, np.inf)
        basis = temporal_basis(dataset.windows.shape[1], settings.temporal_basis)
        self.mean: torch.Tensor
        self.sd: torch.Tensor
        self.basis: torch.Tensor
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("sd", torch.tensor(sd, dtype=torch.float32))
        self.register_buffer("basis", torch.tensor(basis, dtype=torch.float32))
        first, second = settings.hidden_units
        self.unit_norm = settings.unit_norm
        self.hidden = nn.Sequential(
            nn.Flatten(2),
            MemberLinear(n_members, basis.shape[1] * sd.size, first),
            nn.ReLU(),
            nn.Dropout(settings.hidden_dropout[0]),
            MemberLinear(n_members, first, second),
            nn.ReLU(),
            nn.Dropout(settings.hidden_dropout[1]),
        )
        self.latent = MemberLinear(n_members, second, settings.latent_dim)

    @property
    def head(self) -> "MemberLinear":
        """The first layer, from a session's channels."""
        return self._layer(_FIRST)

    @property
    def trunk(self) -> "tuple[MemberLinear, MemberLinear]":
        """The second and the last layer, which networks of several sessions share."""
        return self._layer(_SECOND), self.latent

    def _layer(self, place: int) -> "MemberLinear":
        layer = self.hidden[place]
        assert isinstance(layer, MemberLinear)
        return layer

    def share_trunk(self, other: "EncoderNetwork") -> None:
        """Use the trunk of another network from now on, so that both learn one."""
        self.hidden[_SECOND], self.latent = other.trunk

    def keep_trunk(self, kept: EncoderWeights) -> None:
        """Take over the trunk of an encoder, in every member; it learns no further."""
        second, latent = self.trunk
        second.set(kept.second, kept.second_bias)
        latent.set(kept.latent, kept.latent_bias)
        for layer in self.trunk:
            layer.requires_grad_(False)

    def keep_members(self, n: int) -> None:
        """Keep the first ``n`` members alone."""
        for layer in self.modules():
            if isinstance(layer, MemberLinear):
                layer.keep_members(n)

    def features(
        self, counts: torch.Tensor, scale: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> torch.Tensor:
        """Return standardised features ``(…, bump, channel)`` of counts ``(…, bin, channel)``.

        ``scale``: gain and offset of root counts by the running normalisation, ``(…, 1, channel)``.
        """
        roots = torch.sqrt(counts)
        if scale is not None:
            roots = roots * scale[0] + scale[1]
        return torch.matmul(self.basis.T, (roots - self.mean) / self.sd)

    def latents(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return latents ``(member, batch, latent)`` of the last hidden layer."""
        latents: torch.Tensor = self.latent(hidden)
        return nn.functional.normalize(latents, dim=-1) if self.unit_norm else latents

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map features ``(member, batch, bump, channel)`` to ``(member, batch, latent)``."""
        return self.latents(self.hidden(features))


class MemberLinear(nn.Module):
    """A linear layer per member: ``(member, batch, in)`` to ``(member, batch, out)``."""

    def __init__(self, n_members: int, n_in: int, n_out: int) -> None:
        super().__init__()
        bound = n_in**-0.5
        self.weight = nn.Parameter(torch.empty(n_members, n_in, n_out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_members, 1, n_out).uniform_(-bound, bound))

    def set(self, weight: AnyArray, bias: AnyArray) -> None:
        """Set weights ``(in, out)`` and bias ``(out,)`` of every member."""
        with torch.no_grad():
            self.weight.copy_(torch.tensor(weight))
            self.bias.copy_(torch.tensor(bias))

    def keep_members(self, n: int) -> None:
        """Keep the first ``n`` members alone."""
        for name, parameter in [*self.named_parameters()]:
            fewer = nn.Parameter(parameter[:n].detach().clone(), parameter.requires_grad)
            setattr(self, name, fewer)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Apply each member's own layer."""
        return torch.baddbmm(self.bias, inputs, self.weight)


def temporal_basis(n_bins: int, n_bumps: int) -> FloatArray:
    """Return raised-cosine bumps ``(bin, bump)``, of unit norm and even in log time.

    The newest bin is the last (Pillow et al. 2008). Where there are as many bumps as bins or more,
    the basis is the bins themselves.
    """
    if n_bumps >= n_bins:
        return np.eye(n_bins)
    age = np.log(np.arange(n_bins)[::-1] + 1.5)[:, None]
    centres = np.linspace(age.min(), age.max(), n_bumps)
    width = 2 * (age.max() - age.min()) / max(n_bumps - 1, 1)
    bumps = 0.5 * (1 + np.cos(np.pi * ((age - centres) / width).clip(-1, 1)))
    basis: FloatArray = bumps / np.linalg.norm(bumps, axis=0)
    return basis


def _moments_of_roots(dataset: Dataset) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of each channel's square-root counts in the newest bin.

    A running normalisation has a reference to which it brings them. Some channels at a time,
    because those of a long recording would fill the memory.
    """
    if dataset.scales is not None:
        reference = dataset.scales.normalisation.reference
        return reference.root, reference.sd
    counts = dataset.windows[:, -1]
    n_groups = max(1, counts.shape[1] // _CHANNELS_AT_ONCE)
    groups = np.array_split(np.arange(counts.shape[1]), n_groups)
    roots = (np.sqrt(counts[:, group[0] : group[-1] + 1].astype(np.float64)) for group in groups)
    moments = [(root.mean(axis=0), root.std(axis=0)) for root in roots]
    mean, spread = (np.concatenate(parts) for parts in zip(*moments, strict=True))
    return mean, spread


def member_latents(network: EncoderNetwork, features: torch.Tensor | Features) -> torch.Tensor:
    """Return latents ``(member, hop, latent)`` of ``(hop, bump, channel)``, without dropout."""
    learning = network.training
    network.eval()
    n_members = len(network.latent.weight)
    with torch.no_grad():
        parts = [
            network(part.expand(n_members, *part.shape)) for part in features.split(HOPS_AT_ONCE)
        ]
    network.train(learning)
    return torch.cat(parts, dim=1)


def embed(network: EncoderNetwork, dataset: Dataset) -> Float32Array:
    """Return latents ``(hop, latent)`` of a dataset, by a network of one member."""
    latents: Float32Array = member_latents(network, Features(network, dataset))[0].cpu().numpy()
    return latents
