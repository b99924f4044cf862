"""Intention: what a subject in the loop must have meant, whatever was decoded."""

import numpy as np

from offline_training.closed_loop.recording import Block
from rt_ner.arrays import BoolArray, FloatArray


def refit_labels(block: Block) -> tuple[FloatArray, BoolArray]:
    """Intended velocity ``(hop, 2)``, and where it is known (ReFIT; Gilja et al. 2012).

    The decoded velocity, turned towards the target; zero in the target. Known where the subject was
    to aim at one and something was decoded.
    """
    way_cm = block.target[:, :2] - block.cursor_cm
    distance_cm = np.hypot(*way_cm.T)
    speed_cm_s = np.hypot(*block.decoded_cm_s.T)
    known = np.isfinite(distance_cm) & np.isfinite(speed_cm_s)
    towards = way_cm / np.maximum(distance_cm, 1e-9)[:, None]
    outside = distance_cm > block.target[:, 2]
    labels: FloatArray = np.where((known & outside)[:, None], towards * speed_cm_s[:, None], 0.0)
    return labels, known
