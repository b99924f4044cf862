"""Smooth counts as in the NER paper, for comparison with its figures. Not causal."""

from dataclasses import replace

import numpy as np

from offline_training.dataset.split import split_session
from offline_training.settings import TrainSettings, WindowSettings
from rt_ner.core.arrays import FloatArray
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.held_out.split import Split

# A centred Gaussian of nine bins of 30 ms with a standard deviation of 45 ms (1.5 bins).
_TAPS, _SD_BINS = 9, 1.5
FUTURE_BINS = _TAPS // 2


def paper_split(session: Session) -> Split:
    """Split a session, with windows ``(hop, 1, channel)`` of smoothed counts.

    The smoothed bin is the centre of a window that ends four bins later, so kinematics are
    stamped four bins later too. Not causal: 120 ms of the future are used.
    """
    settings = TrainSettings(window=WindowSettings(history_bins=_TAPS))
    bin_ns = split_session(session, settings).shape.bin_ns
    seen_late = Behaviour(
        session.behaviour.time_ns + FUTURE_BINS * bin_ns, session.behaviour.values
    )
    split = split_session(replace(session, behaviour=seen_late), settings)
    return replace(split, train=_smoothed(split.train), test=_smoothed(split.test), causal=False)


def _smoothed(dataset: Dataset) -> Dataset:
    windows = np.einsum("hbc,b->hc", dataset.windows, _kernel()).astype(np.float32)
    return Dataset(windows[:, None], dataset.labels)


def _kernel() -> FloatArray:
    bins = np.arange(_TAPS) - FUTURE_BINS
    weights = np.exp(-0.5 * (bins / _SD_BINS) ** 2)
    kernel: FloatArray = weights / weights.sum()
    return kernel
