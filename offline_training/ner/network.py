"""Network: the encoder while it learns, in torch, and the ONNX graph that it becomes."""

import numpy as np
import torch
from onnx import helper, numpy_helper
from torch import nn

from offline_training.ner.onnx_graph import encoder_file
from offline_training.settings import TrainSettings
from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.decoding.encoding.encoder import INPUT_NAME, OUTPUT_NAME
from rt_ner.decoding.encoding.weights import EncoderWeights
from rt_ner.offline.dataset import Dataset

# Added to each channel's standard deviation: a silent channel must not blow up its first spike.
SD_FLOOR = 0.05
_HOPS_AT_ONCE = 4096


class EncoderNetwork(nn.Module):
    """Encoders side by side: standardised features to latents, a *member* each.

    Square root (which evens out Poisson variance), standardisation a channel with the training
    set's moments, a basis of smooth bumps over time (fine for the newest bins, coarse for the
    oldest), and a two-layer perceptron a member. Channels that were silent in training are not
    listened to.
    """

    def __init__(self, dataset: Dataset, settings: TrainSettings, n_members: int = 1) -> None:
        super().__init__()
        root = np.sqrt(dataset.windows[:, -1].astype(np.float64))
        sd = np.where(dataset.windows.any(axis=(0, 1)), root.std(axis=0) + SD_FLOOR, np.inf)
        basis = temporal_basis(dataset.windows.shape[1], settings.temporal_basis)
        self.mean: torch.Tensor
        self.sd: torch.Tensor
        self.basis: torch.Tensor
        self.register_buffer("mean", torch.tensor(root.mean(axis=0), dtype=torch.float32))
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

    def features(self, counts: torch.Tensor) -> torch.Tensor:
        """Standardised features ``(…, bump, channel)`` of counts ``(…, bin, channel)``."""
        return torch.matmul(self.basis.T, (torch.sqrt(counts) - self.mean) / self.sd)

    def latents(self, hidden: torch.Tensor) -> torch.Tensor:
        """Latents ``(member, batch, latent)`` of the last hidden layer."""
        latents: torch.Tensor = self.latent(hidden)
        return nn.functional.normalize(latents, dim=-1) if self.unit_norm else latents

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Latents ``(member, batch, latent)`` of features ``(member, batch, bump, channel)``."""
        return self.latents(self.hidden(features))


class MemberLinear(nn.Module):
    """A linear layer a member: ``(member, batch, in)`` to ``(member, batch, out)``."""

    def __init__(self, n_members: int, n_in: int, n_out: int) -> None:
        super().__init__()
        bound = n_in**-0.5
        self.weight = nn.Parameter(torch.empty(n_members, n_in, n_out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_members, 1, n_out).uniform_(-bound, bound))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Each member its own."""
        return torch.baddbmm(self.bias, inputs, self.weight)


def temporal_basis(n_bins: int, n_bumps: int) -> FloatArray:
    """Raised-cosine bumps of unit norm, even in log time, ``(bin, bump)``, newest bin last.

    After Pillow et al. 2008. With as many bumps as bins or more, the bins themselves.
    """
    if n_bumps >= n_bins:
        return np.eye(n_bins)
    age = np.log(np.arange(n_bins)[::-1] + 1.5)[:, None]
    centres = np.linspace(age.min(), age.max(), n_bumps)
    width = 2 * (age.max() - age.min()) / max(n_bumps - 1, 1)
    bumps = 0.5 * (1 + np.cos(np.pi * ((age - centres) / width).clip(-1, 1)))
    basis: FloatArray = bumps / np.linalg.norm(bumps, axis=0)
    return basis


def all_features(network: EncoderNetwork, dataset: Dataset) -> torch.Tensor:
    """Features ``(hop, bump, channel)`` of a whole dataset, on the network's device."""
    parts = [
        network.features(torch.from_numpy(windows.astype(np.float32)).to(network.mean.device))
        for windows in np.array_split(dataset.windows, len(dataset.windows) // _HOPS_AT_ONCE + 1)
    ]
    return torch.cat(parts)


def member_latents(network: EncoderNetwork, features: torch.Tensor) -> torch.Tensor:
    """Latents ``(member, hop, latent)`` of features ``(hop, bump, channel)``, nothing at random."""
    learning = network.training
    network.eval()
    n_members = len(network.latent.weight)
    with torch.no_grad():
        parts = [
            network(part.expand(n_members, *part.shape))
            for part in torch.split(features, _HOPS_AT_ONCE)
        ]
    network.train(learning)
    return torch.cat(parts, dim=1)


def embed(network: EncoderNetwork, dataset: Dataset) -> Float32Array:
    """Latents ``(hop, latent)`` of a whole dataset, by a network of one member."""
    latents: Float32Array = member_latents(network, all_features(network, dataset))[0].cpu().numpy()
    return latents


def export_onnx(network: EncoderNetwork) -> bytes:
    """The trained network as an ONNX graph from raw counts ``[batch, bin, channel]`` to latents.

    Standardisation is folded into the first layer's weights: the same function, fewer steps. The
    graph is written node by node, so that one network gives one file, byte for byte.
    """
    weights, biases, basis = _folded(network)
    n_bins, n_channels = len(basis), network.mean.numel()
    nodes = [
        helper.make_node("Sqrt", [INPUT_NAME], ["root"]),
        helper.make_node("MatMul", ["basis", "root"], ["smoothed"]),
        helper.make_node("Flatten", ["smoothed"], ["x0"], axis=1),
    ]
    initializers = [numpy_helper.from_array(basis.T.astype(np.float32).copy(), "basis")]
    for depth, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        last = depth == len(weights) - 1
        out = f"h{depth}" if not last else "latent_unscaled" if network.unit_norm else OUTPUT_NAME
        initializers += [
            numpy_helper.from_array(weight.T.astype(np.float32).copy(), f"w{depth}"),
            numpy_helper.from_array(bias.astype(np.float32), f"b{depth}"),
        ]
        nodes.append(helper.make_node("Gemm", [f"x{depth}", f"w{depth}", f"b{depth}"], [out]))
        if not last:
            nodes.append(helper.make_node("Relu", [out], [f"x{depth + 1}"]))
    if network.unit_norm:
        unscaled = ["latent_unscaled"]
        nodes.append(helper.make_node("LpNormalization", unscaled, [OUTPUT_NAME], axis=1, p=2))
    return encoder_file(nodes, initializers, (n_bins, n_channels), biases[-1].size)


def export_weights(network: EncoderNetwork) -> EncoderWeights | None:
    """The same network as plain arrays; None for one that ends in unit vectors."""
    if network.unit_norm:
        return None
    weights, biases, basis = _folded(network)
    hidden, n_bumps = biases[0].size, basis.shape[1]
    first = weights[0].reshape(hidden, n_bumps, -1).transpose(2, 1, 0).reshape(-1, n_bumps * hidden)
    arrays = (basis, first, biases[0], weights[1].T, biases[1], weights[2].T, biases[2])
    return EncoderWeights(*(np.ascontiguousarray(array, dtype=np.float32) for array in arrays))


def _folded(network: EncoderNetwork) -> tuple[list[FloatArray], list[FloatArray], FloatArray]:
    """Weights ``(out, in)`` and biases of the layers, and the basis; standardisation folded in."""
    layers = [*network.hidden, network.latent]
    linear = [layer for layer in layers if isinstance(layer, MemberLinear)]
    weights = [_array(layer.weight[0]).T for layer in linear]
    biases = [_array(layer.bias[0, 0]) for layer in linear]
    mean, sd, basis = _array(network.mean), _array(network.sd), _array(network.basis)
    weights[0] = weights[0] / np.tile(sd, basis.shape[1])
    biases[0] = biases[0] - weights[0] @ np.outer(basis.sum(axis=0), mean).ravel()
    return weights, biases, basis


def _array(tensor: torch.Tensor) -> FloatArray:
    return tensor.detach().cpu().double().numpy()
