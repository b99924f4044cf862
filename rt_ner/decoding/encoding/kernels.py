"""Run a three-layer perceptron spike by spike, in compiled code."""

import numpy as np

from rt_ner.core.arrays import Float32Array, Int64Array
from rt_ner.core.compiled.njit import njit

# Weights (of the first layer: its basis) and bias.
_Layer = tuple[Float32Array, Float32Array]


@njit(cache=True)
def project_offset(offset: Float32Array, weights: Float32Array, silence: Float32Array) -> None:
    """Write a silent bin's part of the first layer: the channels' offsets times the weights."""
    silence[:] = 0
    for channel in range(offset.size):
        if offset[channel]:
            for unit in range(silence.size):
                silence[unit] += offset[channel] * weights[channel, unit]


@njit(cache=True)
def project(
    counts: Float32Array,
    gain: Float32Array,
    weights: Float32Array,
    silence: Float32Array,
    slot: Int64Array,
    parts: Float32Array,
) -> None:
    """Write one bin's part of the first layer: scaled roots of its counts times the weights."""
    part = parts[slot[0]]
    part[:] = silence
    for channel in range(counts.size):
        if counts[channel]:
            root = gain[channel] * np.sqrt(counts[channel])
            row = weights[channel]
            for unit in range(part.size):
                part[unit] += root * row[unit]


@njit(cache=True)
def run_layers(
    parts: Float32Array,
    slot: Int64Array,
    hops_per_bin: int,
    network: tuple[_Layer, _Layer, _Layer],
    outputs: tuple[Float32Array, Float32Array, Float32Array],
) -> None:
    """Run all layers in one call, because a call from Python costs as much as a layer."""
    (basis, bias), second, latent = network
    _add_up(parts, slot[0], hops_per_bin, basis, bias, outputs[0])
    _through(outputs[0], second[0], second[1], outputs[1])
    _through(outputs[1], latent[0], latent[1], outputs[2])


@njit(cache=True)
def _add_up(
    parts: Float32Array,
    at: int,
    hops_per_bin: int,
    basis: Float32Array,
    bias: Float32Array,
    hidden: Float32Array,
) -> None:
    """Write the first layer: its bins' parts, newest first, times the basis' weights."""
    hidden[:] = bias
    n = bias.size
    for back in range(basis.shape[0]):
        part = parts[at]
        for bump in range(basis.shape[1]):
            weight = basis[basis.shape[0] - 1 - back, bump]
            if weight:
                for unit in range(n):
                    hidden[unit] += weight * part[bump * n + unit]
        at -= hops_per_bin
        if at < 0:
            at += parts.shape[0]


@njit(cache=True)
def _through(
    inputs: Float32Array, weights: Float32Array, bias: Float32Array, outputs: Float32Array
) -> None:
    """Apply a rectifier, then a dense layer."""
    outputs[:] = bias
    for unit in range(inputs.size):
        value = inputs[unit]
        if value > 0:
            for out in range(outputs.size):
                outputs[out] += value * weights[unit, out]
