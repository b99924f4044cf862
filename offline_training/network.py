"""Network: the encoder while it learns, in torch, and the ONNX graph that it becomes."""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from offline_training.dataset import Dataset
from offline_training.settings import TrainSettings
from rt_ner.arrays import Float32Array, FloatArray
from rt_ner.encoder import INPUT_NAME, OUTPUT_NAME

# What every ONNX Runtime since 1.15 can read.
_OPSET, _IR_VERSION = 17, 9
# Added to each channel's standard deviation: a silent channel must not blow up its first spike.
SD_FLOOR = 0.05


class EncoderNetwork(nn.Module):
    """Raw counts ``(batch, bin, channel)`` to latents ``(batch, latent)``.

    Square root (which evens out Poisson variance), standardisation a channel with the training
    set's moments, a basis of smooth bumps over time (fine for the newest bins, coarse for the
    oldest), and a two-layer perceptron. While training, whole channels fall silent at random, so
    that none becomes indispensable.
    """

    def __init__(self, dataset: Dataset, settings: TrainSettings) -> None:
        super().__init__()
        root = np.sqrt(dataset.windows[:, -1].astype(np.float64))
        self.mean: torch.Tensor
        self.sd: torch.Tensor
        self.basis: torch.Tensor
        self.register_buffer("mean", torch.tensor(root.mean(axis=0), dtype=torch.float32))
        sd = torch.tensor(root.std(axis=0) + SD_FLOOR, dtype=torch.float32)
        self.register_buffer("sd", sd)
        _, n_bins, n_channels = dataset.windows.shape
        basis = temporal_basis(n_bins, settings.temporal_basis)
        self.register_buffer("basis", torch.tensor(basis, dtype=torch.float32))
        first, second = settings.hidden_units
        self.channel_dropout = settings.channel_dropout
        self.layers = nn.Sequential(
            nn.Linear(basis.shape[1] * n_channels, first),
            nn.ReLU(),
            nn.Dropout(settings.hidden_dropout[0]),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Dropout(settings.hidden_dropout[1]),
            nn.Linear(second, settings.latent_dim),
        )

    def forward(self, counts: torch.Tensor) -> torch.Tensor:
        """Latents ``(batch, latent)`` of counts ``(batch, bin, channel)``."""
        standardised = (torch.sqrt(counts) - self.mean) / self.sd
        if self.training:
            heard = torch.ones_like(standardised[:, :1])
            standardised = standardised * nn.functional.dropout(heard, self.channel_dropout)
        smoothed = torch.matmul(self.basis.T, standardised)
        latents: torch.Tensor = self.layers(smoothed.flatten(1))
        return latents


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


def embed(network: EncoderNetwork, dataset: Dataset) -> Float32Array:
    """Latents ``(hop, latent)`` of a whole dataset."""
    device = network.mean.device
    network.eval()
    with torch.no_grad():
        parts = [
            network(torch.from_numpy(windows.astype(np.float32)).to(device)).cpu().numpy()
            for windows in np.array_split(dataset.windows, len(dataset.windows) // 4096 + 1)
        ]
    return np.concatenate(parts)


def export_onnx(network: EncoderNetwork) -> bytes:
    """The trained network as an ONNX graph from raw counts ``[batch, bin, channel]`` to latents.

    Standardisation is folded into the first layer's weights: the same function, fewer steps. The
    graph is written node by node, so that one network gives one file, byte for byte.
    """
    linear = [layer for layer in network.layers if isinstance(layer, nn.Linear)]
    weights = [_array(layer.weight) for layer in linear]
    biases = [_array(layer.bias) for layer in linear]
    mean, sd, basis = _array(network.mean), _array(network.sd), _array(network.basis)
    n_bins, n_channels = len(basis), mean.size
    n_bumps = basis.shape[1]
    weights[0] = weights[0] / np.tile(sd, n_bumps)
    biases[0] = biases[0] - weights[0] @ np.outer(basis.sum(axis=0), mean).ravel()
    nodes = [
        helper.make_node("Sqrt", [INPUT_NAME], ["root"]),
        helper.make_node("MatMul", ["basis", "root"], ["smoothed"]),
        helper.make_node("Flatten", ["smoothed"], ["x0"], axis=1),
    ]
    initializers = [numpy_helper.from_array(basis.T.astype(np.float32).copy(), "basis")]
    for depth, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        last = depth == len(weights) - 1
        out = OUTPUT_NAME if last else f"h{depth}"
        initializers += [
            numpy_helper.from_array(weight.T.astype(np.float32).copy(), f"w{depth}"),
            numpy_helper.from_array(bias.astype(np.float32), f"b{depth}"),
        ]
        nodes.append(helper.make_node("Gemm", [f"x{depth}", f"w{depth}", f"b{depth}"], [out]))
        if not last:
            nodes.append(helper.make_node("Relu", [out], [f"x{depth + 1}"]))
    counts_shape: list[str | int | None] = ["batch", n_bins, n_channels]
    latent_shape: list[str | int | None] = ["batch", biases[-1].size]
    graph = helper.make_graph(
        nodes,
        "rt_ner_encoder",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, counts_shape)],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, latent_shape)],
        initializers,
    )
    model = helper.make_model(
        graph,
        producer_name="rt-ner",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _array(tensor: torch.Tensor) -> FloatArray:
    return tensor.detach().cpu().double().numpy()
