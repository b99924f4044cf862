"""Write a trained encoder as an ONNX graph and as plain arrays."""

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from offline_training.ner.export.onnx_graph import encoder_file
from offline_training.ner.networks.encoder_network import EncoderNetwork, MemberLinear
from rt_ner.core.arrays import FloatArray
from rt_ner.decoding.encoding.encoder import GAIN_NAME, INPUT_NAME, OFFSET_NAME, OUTPUT_NAME
from rt_ner.decoding.encoding.weights import EncoderWeights


def export_onnx(network: EncoderNetwork, is_scaled: bool = False) -> bytes:
    """Return the ONNX graph of a network, from raw counts ``[batch, bin, channel]`` to latents.

    Standardisation is folded into the first layer's weights: the same function in fewer steps. The
    graph is written node by node, so that the same network gives the same file, byte for byte.
    ``is_scaled``: the graph also takes the gains and offsets of a running normalisation.
    """
    weights, biases, basis = _folded(network)
    n_bins, n_channels = len(basis), network.mean.numel()
    nodes = [
        helper.make_node("Sqrt", [INPUT_NAME], ["root"]),
        *(_scaling("root", "scaled") if is_scaled else ()),
        helper.make_node("MatMul", ["basis", "scaled" if is_scaled else "root"], ["smoothed"]),
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
    return encoder_file(nodes, initializers, (n_bins, n_channels), biases[-1].size, is_scaled)


def _scaling(root: str, scaled: str) -> tuple[onnx.NodeProto, onnx.NodeProto]:
    """Return the nodes of a running normalisation."""
    return (
        helper.make_node("Mul", [root, GAIN_NAME], ["gained"]),
        helper.make_node("Add", ["gained", OFFSET_NAME], [scaled]),
    )


def export_weights(network: EncoderNetwork) -> EncoderWeights | None:
    """Return the network as plain arrays; None for one that gives unit vectors."""
    if network.unit_norm:
        return None
    weights, biases, basis = _folded(network)
    hidden, n_bumps = biases[0].size, basis.shape[1]
    first = weights[0].reshape(hidden, n_bumps, -1).transpose(2, 1, 0).reshape(-1, n_bumps * hidden)
    arrays = (basis, first, biases[0], weights[1].T, biases[1], weights[2].T, biases[2])
    return EncoderWeights(*(np.ascontiguousarray(array, dtype=np.float32) for array in arrays))


def _folded(network: EncoderNetwork) -> tuple[list[FloatArray], list[FloatArray], FloatArray]:
    """Return weights ``(out, in)``, biases and the basis, with standardisation folded in."""
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
