"""Follow the running normalisation through a session, and keep its scale for each hop."""

from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import AnyArray, BoolArray, Float32Array, Int64Array
from rt_ner.decoding.encoding.normalisation import (
    Moments,
    Normalisation,
    Pace,
    RunningNormaliser,
    scale_between,
)


@dataclass(frozen=True, eq=False)
class HopScales:
    """The scale of root counts in force at each hop.

    Attributes
    ----------
    gain, offset
        Scales in the order of the updates, ``(update, channel)``.
    update
        Update in force at each hop, ``(hop,)``.
    normalisation
        The running normalisation of a decoder that goes on after these hops.

    """

    gain: Float32Array
    offset: Float32Array
    update: Int64Array
    normalisation: Normalisation

    def where(self, chosen: BoolArray | Int64Array) -> "HopScales":
        """Return the scales of the chosen hops."""
        return HopScales(self.gain, self.offset, self.update[chosen], self.normalisation)


def follow(bins: AnyArray, is_ready: BoolArray, pace: Pace, n_known: int) -> HopScales:
    """Return the scales of all hops, as a decoder has them that decodes the session from its start.

    The normalisation begins with the moments of the ``n_known`` first hops, and the reference is
    what it has come to after them.

    Parameters
    ----------
    bins
        Counts of the newest bin at each hop, ``(hop, channel)``.
    is_ready
        True for the hops with a full history, ``(hop,)``.
    pace
        How fast it follows.
    n_known
        Number of hops, from the first, that the encoder may know.

    """
    start = moments_of(bins[_first_run(is_ready[:n_known])])
    normaliser = RunningNormaliser(Normalisation(pace, start, start))
    moments, update = [start], np.zeros(len(bins), dtype=np.int64)
    reference = start
    for hop, ready in enumerate(is_ready.tolist()):
        update[hop] = len(moments) - 1
        if not ready:
            normaliser.begin_again()
        elif normaliser.take(bins[hop].astype(np.float32)):
            moments.append(normaliser.moments)
        if hop < n_known:
            reference = normaliser.moments
    scales = [scale_between(each, reference) for each in moments]
    gain, offset = (np.array(each, dtype=np.float32) for each in zip(*scales, strict=True))
    return HopScales(gain, offset, update, Normalisation(pace, reference, reference))


def moments_of(bins: AnyArray) -> Moments:
    """Return the moments of counts ``(hop, channel)``."""
    counts = bins.astype(np.float64)
    return Moments(np.sqrt(counts).mean(axis=0), counts.mean(axis=0))


def _first_run(is_ready: BoolArray) -> Int64Array:
    """Return the ready hops before the first break among them."""
    ready = np.flatnonzero(is_ready)
    return np.split(ready, np.flatnonzero(np.diff(ready) > 1) + 1)[0]
