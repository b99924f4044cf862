"""Train the encoder in use further, from use in the loop, in seconds."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from offline_training.ner.networks.descent import OneCycle, disturbed
from offline_training.ner.networks.encoder_network import EncoderNetwork
from offline_training.ner.networks.features import Features
from offline_training.settings import TrainSettings
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.decoding.encoding.normalisation import SD_FLOOR
from rt_ner.decoding.encoding.weights import EncoderWeights
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.dataset import Dataset

_BATCH, _RATE = 256, 1e-3
# Weight of the squared distance from the weights in use: minutes of data can't fit all of them.
_PULL = 1e-3


def refined(
    in_use: EncoderNetwork,
    use: Dataset,
    readout: Readout,
    settings: TrainSettings,
    steps: int,
    on_part: Callable[[float], None],
) -> EncoderNetwork:
    """Return an encoder trained so that a readout, which is kept, decodes the intended outputs.

    Parameters
    ----------
    in_use
        The encoder to start from, and to stay close to.
    use
        Windows from the loop, with the intended outputs.
    readout
        The readout, without memory.
    settings
        They say how much the input is disturbed, and give the seed.
    steps
        Number of steps to take.
    on_part
        Called with the part that is done, 0 to 1.

    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    network = copy.deepcopy(in_use)
    features = Features(network, use)
    objective = _Objective(network, use.labels.values, readout)
    cycle = OneCycle(network.parameters(), _RATE, steps)
    network.train()
    for step in range(1, steps + 1):
        rows = rng.integers(0, len(features), _BATCH)
        loss = objective(network, disturbed(features[rows], settings), rows)
        cycle.clear()
        torch.autograd.backward(loss)
        cycle.step()
        on_part(step / steps)
    network.eval()
    return network


class _Objective:
    """The readout's mean squared error over the variance, plus the distance from the start."""

    def __init__(self, network: EncoderNetwork, values: FloatArray, readout: Readout) -> None:
        self._start = [parameter.detach().clone() for parameter in network.parameters()]
        like = self._start[0]
        self._values = torch.from_numpy(values).to(like)
        self._variance = max(float(values.var()), 1e-9)
        self._matrix = torch.from_numpy(readout.matrix).to(like)
        self._bias = torch.from_numpy(readout.bias).to(like)

    def __call__(
        self, network: EncoderNetwork, features: torch.Tensor, rows: Int64Array
    ) -> torch.Tensor:
        decoded = network(features[None])[0] @ self._matrix + self._bias
        error = nn.functional.mse_loss(decoded, self._values[rows]) / self._variance
        pairs = zip(network.parameters(), self._start, strict=True)
        away = torch.stack([((now - start) ** 2).sum() for now, start in pairs]).sum()
        return error + _PULL * away


def network_of(
    model: DecoderSpecification, weights: EncoderWeights, use: Dataset, settings: TrainSettings
) -> EncoderNetwork:
    """Return a decoder's encoder as a network to train; its features are standardised by ``use``.

    With a running normalisation, the features come out as in training once it has followed the
    channels, so the weights are those of training. Without one, the weights are rescaled to the
    mean and SD of ``use``, so that the network computes what the decoder did.
    """
    network = EncoderNetwork(use, settings)
    if model.normalisation is not None:
        reference = model.normalisation.reference
        mean, sd = reference.root, reference.sd + SD_FLOOR
    else:
        mean, sd = (each.double().cpu().numpy() for each in (network.mean, network.sd))
    n_channels, n_bumps = len(weights.first), weights.basis.shape[1]
    # (bump, channel, hidden); a channel that was silent in use contributes nothing.
    folded = weights.first.reshape(n_channels, n_bumps, -1).transpose(1, 0, 2).astype(np.float64)
    heard = np.where(np.isinf(sd), 1.0, sd)
    first = (folded * heard[:, None]).reshape(n_bumps * n_channels, -1)
    shift = np.einsum("b,c,bch->h", weights.basis.sum(axis=0), mean, folded)
    network.head.set(first, weights.first_bias + shift)
    second, latent = network.trunk
    second.set(weights.second, weights.second_bias)
    latent.set(weights.latent, weights.latent_bias)
    return network
