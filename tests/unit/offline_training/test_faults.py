"""Faults in training: what the exported encoder sees, and what it learns to give."""

import numpy as np
import torch

from offline_training.ner.networks.encoder_network import EncoderNetwork
from offline_training.ner.networks.faults import with_faults
from offline_training.ner.networks.features import Features
from offline_training.settings import FaultSettings, TrainSettings
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels


def features(n_channels: int = 12) -> Features:
    counts = np.random.default_rng(0).poisson(9.0, (300, 4, n_channels)).astype(np.uint16)
    number = np.arange(len(counts))
    labels = Labels(number, np.zeros((len(counts), 2)), 0.0 * number, number)
    dataset = Dataset(counts, labels)
    return Features(EncoderNetwork(dataset, TrainSettings()), dataset)


def test_without_faults_nothing_changes_and_nothing_is_drawn() -> None:
    made = features()
    state = torch.get_rng_state()
    seen = made[:300]
    assert with_faults(seen, made.silence, FaultSettings()) is seen
    assert torch.equal(torch.get_rng_state(), state)


def test_dead_channels_are_as_if_without_a_spike() -> None:
    made = features()
    torch.manual_seed(0)
    seen = with_faults(made[:300], made.silence, FaultSettings(dead_channels=0.2))
    is_dead = (seen == made.silence).all(dim=1)
    assert 0.15 < is_dead.float().mean() < 0.25
    kept = (seen - made[:300]).abs().amax(dim=1)[~is_dead]
    assert kept.max() < 1e-5


def test_a_dead_bank_is_of_neighbours() -> None:
    made = features()
    torch.manual_seed(0)
    seen = with_faults(made[:300], made.silence, FaultSettings(dead_bank=0.5))
    is_dead = (seen == made.silence).all(dim=1)
    assert set(is_dead.sum(dim=1).tolist()) == {0, 4}
    begins = is_dead & ~is_dead.roll(1, dims=1)
    assert (begins.sum(dim=1) <= 1).all()


def test_gain_scales_counts() -> None:
    made = features()
    torch.manual_seed(0)
    seen = with_faults(made[:300], made.silence, FaultSettings(gain_noise=0.3))
    gain = ((seen - made.silence) / (made[:300] - made.silence)) ** 2
    of_case = gain.nanmedian(dim=2).values.nanmedian(dim=1).values
    assert 0.25 < of_case.log().std() < 0.35
    torch.testing.assert_close(gain[0, 0], of_case[0].expand(12), rtol=1e-3, atol=1e-3)
