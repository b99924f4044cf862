"""Bundles of version 0.1, as they were before the reorganisation, still load and decode."""

from pathlib import Path

import numpy as np

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from rt_ner.bundle.storage import load_bundle
from rt_ner.offline.decoding import decode_session

HELPERS = Path(__file__).resolve().parents[2] / "helpers"


def test_a_bundle_of_version_0_1_decodes_as_it_did() -> None:
    """Made by the code before, of `simulate_session(3, …)` with 8 electrodes and 16 trials."""
    bundle = load_bundle(HELPERS / "bundle_0_1")
    session = simulate_session(3, TaskSettings(n_trials=16), ArraySettings(n_electrodes=8))
    decoded = decode_session(bundle.model, session)
    with np.load(HELPERS / "bundle_0_1_velocities.npz", allow_pickle=False) as expected:
        n = expected["end_ns"].size
        np.testing.assert_array_equal(decoded.end_ns[:n], expected["end_ns"])
        np.testing.assert_allclose(
            decoded.values[:n], expected["velocity_cm_s"], rtol=1e-5, atol=1e-5
        )
