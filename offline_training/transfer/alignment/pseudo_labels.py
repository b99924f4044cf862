"""Label a day with what the known days' decoder gives for it.

The outputs of such a decoder are right on the whole, but noisy, and too small or too large.
Smoothed over time, and scaled to the spread that the outputs have on known days, they are labels
from which an encoder can learn the day's own units (self-training). No label of the day is needed.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from rt_ner.core.arrays import BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_MS
from rt_ner.offline.labels import Labels

# Decoded outputs are smoothed by Gaussians of these standard deviations. Positions and forces
# change more slowly than velocities.
_SMOOTHING_NS, _RATE_SMOOTHING_NS = 300 * NS_PER_MS, 150 * NS_PER_MS
# The standard deviation of decoded values is smaller than that of true ones, by about √R².
_DECODED_SPREAD = 0.94
_CONSTANT = 1e-9


@dataclass(frozen=True, eq=False)
class KnownOutputs:
    """Mean and standard deviation of the outputs on known days, and the directions of reaches."""

    mean: FloatArray
    sd: FloatArray
    directions_deg: FloatArray


def known_outputs(labels: Labels) -> KnownOutputs:
    """Return what is known of the outputs from labels of known days."""
    directions_deg = np.unique(labels.direction_deg[np.isfinite(labels.direction_deg)])
    return KnownOutputs(labels.values.mean(axis=0), labels.values.std(axis=0), directions_deg)


def pseudo_labels(decoded: FloatArray, labels: Labels, known: KnownOutputs) -> Labels:
    """Return labels with decoded values and directions; those of ``labels`` are not looked at.

    Parameters
    ----------
    decoded
        Decoded outputs of the hops, ``(hop, output)``.
    labels
        The hops and their trials.
    known
        The outputs on known days.

    """
    values = _smoothed(decoded.astype(np.float64), labels)
    sd = values.std(axis=0)
    gain = _DECODED_SPREAD * known.sd / np.where(sd > _CONSTANT, sd, np.inf)
    values = (values - values.mean(axis=0)) * gain + known.mean
    return replace(labels, values=values, direction_deg=_directions_deg(values, labels, known))


def with_true_labels(guessed: Labels, true: Labels, is_labelled: BoolArray) -> Labels:
    """Return pseudo-labels, with the true ones at the hops that are labelled."""
    chosen = is_labelled[:, None]
    return replace(
        guessed,
        values=np.where(chosen, true.values, guessed.values),
        direction_deg=np.where(is_labelled, true.direction_deg, guessed.direction_deg),
    )


def _smoothed(values: FloatArray, labels: Labels) -> FloatArray:
    """Smooth over time, within each run of hops that follow one another."""
    hop_ns = int(np.diff(labels.end_ns).min()) if len(labels) > 1 else 1
    smoothed = np.empty_like(values)
    ends = np.flatnonzero(np.diff(labels.end_ns) > hop_ns) + 1
    for column, output in enumerate(labels.outputs):
        sd_hops = (_RATE_SMOOTHING_NS if output.is_rate else _SMOOTHING_NS) / hop_ns
        for run in np.split(np.arange(len(values)), ends):
            smoothed[run, column] = gaussian_filter1d(values[run, column], sd_hops)
    return smoothed


def _directions_deg(values: FloatArray, labels: Labels, known: KnownOutputs) -> FloatArray:
    """Return each trial's direction: of those known, the nearest to its mean decoded velocity."""
    if labels.are_blocks or values.shape[1] != 2 or not known.directions_deg.size:
        return np.full(len(values), np.nan)
    _, trial = np.unique(labels.trial, return_inverse=True)
    sums = np.stack([np.bincount(trial, column) for column in values.T], axis=1)
    angle_deg = np.rad2deg(np.arctan2(sums[:, 1], sums[:, 0]))
    nearest = _nearest(angle_deg, known.directions_deg)
    directions_deg: FloatArray = known.directions_deg[nearest][trial]
    return directions_deg


def _nearest(angle_deg: FloatArray, directions_deg: FloatArray) -> Int64Array:
    """Return the index of the direction that is nearest to each angle."""
    turn = np.deg2rad(angle_deg[:, None] - directions_deg)
    nearest: Int64Array = np.argmax(np.cos(turn), axis=1)
    return nearest
