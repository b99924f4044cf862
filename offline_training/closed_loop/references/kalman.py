"""The velocity Kalman filter on binned counts, fitted by hand and recalibrated by ReFIT."""

from offline_training.dataset.split import split_session
from offline_training.ner.export.counts_encoder import counts_encoder
from offline_training.ner.readouts.kalman_readout import fit_kalman
from offline_training.settings import TrainSettings, WindowSettings
from offline_training.training import prove
from rt_ner.core.clock import NS_PER_MS
from rt_ner.data.session.session import Session
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.held_out.proof import Trained
from rt_ner.offline.held_out.split import Split
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.intention.labels import refit_labels
from rt_ner.recalibration.readouts.refit import Recalibrated, compared

# Bins one after the other, as published (Gilja et al. 2012): in the loop that was better here than
# hops of 10 ms, and than square roots of counts.
_BIN_MS = 50.0


def train_kalman(session: Session, bin_ms: float = _BIN_MS) -> Trained:
    """Fit the filter to a session, with bins of ``bin_ms``."""
    window = WindowSettings(hop_ms=bin_ms, bin_ms=bin_ms, history_bins=1)
    settings = TrainSettings(window=window)

    def fit(split: Split, _: str) -> tuple[DecoderSpecification, None]:
        shape = split.shape
        newest = split.train.windows[:, -1]
        readout = fit_kalman(newest, split.train.labels, shape.hop_ns, is_white=True)
        encoder = counts_encoder(shape.history_bins, len(session.channel_ids))
        return DecoderSpecification(session.channel_ids, shape, encoder, readout), None

    return prove(session, split_session(session, settings), settings, fit)


def refit_kalman(block: ClosedLoopBlock, first: Trained) -> Recalibrated:
    """Fit the whole filter again, to the intention as ReFIT finds it, and compare it with a first.

    SessionError if the block holds no reach.
    """
    session = block.session("closed-loop", *refit_labels(block))
    in_use = first.bundle.model
    return compared(train_kalman(session, in_use.window.hop_ns / NS_PER_MS), session, in_use)
