"""Define the ensemble of one session: encoders that learn side by side, and a witness."""

from dataclasses import dataclass

import numpy as np
import torch

from offline_training.ner.networks.encoder_network import EncoderNetwork, member_latents
from offline_training.ner.networks.features import Features
from offline_training.ner.sampling import RowSampler
from offline_training.ner.sharing.random_stream import RandomStream
from offline_training.settings import TrainSettings
from rt_ner.core.arrays import BoolArray, Int64Array
from rt_ner.decoding.encoding.weights import EncoderWeights
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels

# The witness leaves out one trial in ten, where there are at least twice as many.
FOLDS = 10
# Hops that a look at the witness decodes; of more, every second or third, and so on.
_MOST_CHECKED = 20_000


class Ensemble:
    """Encoders that learn side by side from one session, each from batches of its own."""

    def __init__(
        self,
        dataset: Dataset,
        settings: TrainSettings,
        device: torch.device,
        with_witness: bool,
        place: int = 0,
    ) -> None:
        self.dataset = dataset
        self.settings = settings
        self.random = RandomStream(settings.seed, place)
        self.left_out = np.zeros((settings.ensemble.members, len(dataset.labels)), dtype=np.bool_)
        if with_witness:
            self.left_out = np.concatenate([self.left_out, every_tenth(dataset.labels)[None]])
        with self.random.drawn():
            self.network = EncoderNetwork(dataset, settings, len(self.left_out)).to(device)
        self.features = Features(self.network, dataset)

    def samplers(self, step_ns: int) -> list[RowSampler]:
        """Return a sampler per member, of the trials that it does not leave out."""
        return [
            RowSampler(self.dataset.labels, np.flatnonzero(~left_out), step_ns, self.random.rng)
            for left_out in self.left_out
        ]

    def average(self, features: torch.Tensor | Features) -> torch.Tensor:
        """Return the members' mean latents ``(batch, latent)``, without dropout."""
        return member_latents(self.network, features).mean(dim=0)

    def witnessed(self, rows: Int64Array) -> torch.Tensor:
        """Return the witness's latents ``(hop, latent)`` of some rows."""
        return member_latents(self.network, self.features[rows])[-1]


@dataclass(frozen=True, eq=False)
class Kept:
    """A trunk and its readout, which stay as they are while the heads of a session learn."""

    weights: EncoderWeights
    readout: Readout


def every_tenth(labels: Labels) -> BoolArray:
    """Return a mask ``(hop,)`` of every tenth trial, which the witness leaves out."""
    _, rank = np.unique(labels.trial, return_inverse=True)
    return np.asarray(rank % FOLDS == FOLDS // 2, dtype=np.bool_)


def looked_at(labels: Labels) -> Int64Array:
    """Return the rows of the hops by which the witness is judged in between."""
    return np.arange(0, len(labels), -(-len(labels) // _MOST_CHECKED))
