"""A real session, trained in full: the accuracy that we claim. Too long for the unit tests."""

import torch

from offline_training.settings import TrainSettings
from offline_training.training import train_bundle
from rt_ner.data.loading import load_session
from rt_ner.terminal.progress import no_progress
from tests.helpers.sessions import reach_file


def test_a_recorded_session_is_decoded_as_well_as_we_claim(without_report: None) -> None:
    """Velocity R², causal, three latents, linear readout, last 20 % of the trials."""
    session = load_session(reach_file("Chewie_20161007"), "M1")
    scores = train_bundle(
        session, TrainSettings(), torch.device("cpu"), no_progress
    ).bundle.manifest.scores
    assert scores.r2 >= 0.935
    assert scores.shuffled_r2 <= 0.05
