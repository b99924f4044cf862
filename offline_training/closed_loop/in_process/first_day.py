"""The first day of a simulated subject: its neurons, and a decoder trained on its own hand."""

from collections.abc import Callable

import numpy as np
import torch

from drivers.simulated.subject.neurons import Neurons, fitted, made_up
from offline_training.settings import TrainSettings
from offline_training.training import train_bundle
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.clock import ns_from_s
from rt_ner.data.session.session import Session
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.intention.labels import hand_ahead
from rt_ner.recalibration.intention.reach_model import HAND_ANSWER_S
from rt_ner.terminal.progress import no_progress


def neurons_of(session: Session | None) -> Callable[[int], Neurons]:
    """Return the neurons of day one for a seed: those of a session, or made-up ones."""
    if session is None:
        return lambda seed: made_up(np.random.default_rng(seed))
    same = fitted(session)
    return lambda _seed: same


def calibration_session(block: ClosedLoopBlock, lead_s: float) -> Session:
    """Return a calibration as a session, with the hand's velocity ``lead_s`` later."""
    return block.session("closed-loop", *hand_ahead(block, ns_from_s(lead_s)))


def trained_on_hand(
    calibration: ClosedLoopBlock, settings: TrainSettings, device: torch.device
) -> Bundle:
    """Return NER trained on a calibration, whose hand lags the intention."""
    session = calibration_session(calibration, HAND_ANSWER_S)
    return train_bundle(session, settings, device, no_progress).bundle
