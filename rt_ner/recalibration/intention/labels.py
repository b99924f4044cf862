"""The velocity that a subject intended: by ReFIT, or its own hand a little later."""

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.offline.scores import Comparison
from rt_ner.recalibration.block import ClosedLoopBlock


def refit_labels(block: ClosedLoopBlock) -> tuple[FloatArray, BoolArray]:
    """Return the intended velocity ``(hop, 2)``, and where it is known, ``(hop,)``.

    ReFIT (Gilja et al. 2012): the decoded velocity, turned towards the target; zero inside the
    target. It is known where there was a target to aim at and the cursor was decoded: a decoder on
    hold sends zeros.
    """
    way_cm = block.target[:, :2] - block.cursor_cm
    distance_cm = np.hypot(*way_cm.T)
    speed_cm_s = np.hypot(*block.decoded_cm_s.T)
    known = np.isfinite(distance_cm) & (speed_cm_s > 0)
    towards = way_cm / np.maximum(distance_cm, 1e-9)[:, None]
    outside = distance_cm > block.target[:, 2]
    labels: FloatArray = np.where((known & outside)[:, None], towards * speed_cm_s[:, None], 0.0)
    return labels, known


def hand_ahead(block: ClosedLoopBlock, lead_ns: int) -> tuple[FloatArray, BoolArray]:
    """Return the hand's velocity ``lead_ns`` later ``(hop, 2)``, and where it is known, ``(hop,)``.

    The hand lags the intention, and the cursor should not.
    """
    hops = lead_ns // block.hop_ns
    known = np.ones(len(block.counts), dtype=np.bool_)
    known[len(known) - hops :] = False
    return np.roll(block.hand_cm_s, -hops, axis=0), known


def mean_angle_deg(comparison: Comparison) -> float:
    """Return the mean angle in degrees between decoded and intended velocity.

    Only while the subject aimed, that is, where the intended velocity is not zero. A decoder that
    knows nothing scores 90° in a task with targets all around.
    """
    intended, decoded = comparison.labels.values, comparison.decoded
    meant = intended.any(axis=1)
    norms = np.hypot(*intended[meant].T) * np.hypot(*decoded[meant].T)
    cosine = (intended[meant] * decoded[meant]).sum(axis=1) / np.maximum(norms, 1e-12)
    return float(np.rad2deg(np.arccos(cosine.clip(-1, 1))).mean())
