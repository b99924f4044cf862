"""Write an untrained bundle of the usual size for any number of channels, for timing."""

from pathlib import Path

import numpy as np

from offline_training.ner.networks.encoder_network import EncoderNetwork
from offline_training.settings import TrainSettings
from offline_training.training import exported_model
from rt_ner.bundle.assembly import assemble_bundle
from rt_ner.bundle.manifest import Scores, TrainingEntry
from rt_ner.bundle.storage import save_bundle
from rt_ner.core.clock import ns_from_ms
from rt_ner.core.contract.names import electrode_names
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels

_HOPS_PER_BIN = 3
_COUNTS_PER_BIN, _N_WINDOWS = 0.3, 8


def untrained_bundle(channels: int, hop_ms: float, folder: Path) -> None:
    """Write a bundle whose encoder has the usual size and random weights."""
    rng, settings = np.random.default_rng(0), TrainSettings()
    hop_ns = ns_from_ms(hop_ms)
    shape = WindowShape(
        hop_ns=hop_ns,
        bin_ns=_HOPS_PER_BIN * hop_ns,
        history_bins=settings.window.history_bins,
    )
    windows = rng.poisson(_COUNTS_PER_BIN, (_N_WINDOWS, shape.history_bins, channels))
    zeros = np.zeros((_N_WINDOWS, 2))
    labels = Labels(np.arange(_N_WINDOWS), zeros, zeros[:, 0], np.arange(_N_WINDOWS))
    network = EncoderNetwork(Dataset(windows.astype(np.uint16), labels), settings)
    ids = electrode_names(channels)
    readout = Readout(rng.normal(size=(settings.latent_dim, 2)), np.zeros(2))
    model = exported_model(network, ids, shape, readout)
    training = TrainingEntry(
        session="untrained",
        session_sha256="0" * 64,
        area="none",
        n_train_trials=0,
        n_test_trials=0,
        settings=settings.model_dump(mode="json"),
    )
    scores = Scores(r2=0.0, path_r2=0.0, train_r2=0.0, shuffled_r2=0.0)
    save_bundle(assemble_bundle(model, windows, training, scores), folder, {}, overwrite=False)
