"""Follow each channel's slow changes of rate and spread, and undo them before the encoder.

Electrodes drift: overnight, and within the hour. An encoder knows channels by the mean and the
standard deviation of their root counts (square roots of the counts in a bin) in training. The
running normalisation keeps both for the present, and maps root counts to what they would have been
in training: root · ``gain`` + ``offset``, per channel. It is slow and bounded, so that it follows
the electrodes and not the movement.
"""

from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.core.compiled.njit import njit

# Added to standard deviations: a silent channel must not blow up its first spike.
SD_FLOOR = 0.05
# A gain stays between the inverse of this and this.
_MOST_GAIN = 4.0


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean root count and mean count (the mean square of the root) per channel, ``(channel,)``."""

    root: FloatArray
    count: FloatArray

    @property
    def sd(self) -> FloatArray:
        """Standard deviation of the root counts, ``(channel,)``."""
        sd: FloatArray = np.sqrt(np.maximum(self.count - self.root**2, 0.0))
        return sd


@dataclass(frozen=True)
class Pace:
    """Pace of a running normalisation, in hops.

    Attributes
    ----------
    update
        Hops between two updates.
    trusted
        Weight of the old moments, in hops, at the start and again after each break of the history:
        the smaller it is, the faster new hops replace them.
    memory
        Time constant with which old hops are forgotten in the long run.

    """

    update: int
    trusted: int
    memory: int


@dataclass(frozen=True, eq=False)
class Normalisation:
    """A running normalisation, as a bundle holds it.

    Attributes
    ----------
    pace
        Its pace.
    reference
        The moments for which the encoder's weights were made.
    start
        The moments with which a decoder begins.

    """

    pace: Pace
    reference: Moments
    start: Moments


class ChannelScale:
    """The map of root counts that an encoder applies: root · ``gain`` + ``offset``.

    Both are ``(channel,)`` and rewritten in place, because encoders are bound to them. At first
    they change nothing.
    """

    def __init__(self, n_channels: int) -> None:
        self.gain: Float32Array = np.ones(n_channels, dtype=np.float32)
        self.offset: Float32Array = np.zeros(n_channels, dtype=np.float32)


class RunningNormaliser:
    """The moments of the present, and the scale that follows from them.

    It depends only on the hops that it takes, and on no clock, so that a replay repeats it bit for
    bit.

    Parameters
    ----------
    normalisation
        Pace, reference and start.

    Attributes
    ----------
    scale
        The present map of root counts; rewritten by an update.
    moments
        The present moments, as of the last update.

    """

    def __init__(self, normalisation: Normalisation) -> None:
        self._pace = normalisation.pace
        self._reference = normalisation.reference
        self.moments = normalisation.start
        self.scale = ChannelScale(self.moments.root.size)
        self._sums = np.zeros((2, self.moments.root.size))
        self._n_taken = 0
        self._trusted = self._pace.trusted
        self._rescale()

    def take(self, bin_counts: Float32Array) -> bool:
        """Take in the counts ``(channel,)`` of a hop's bin; return True if the scale changed."""
        _add(bin_counts, self._sums)
        self._n_taken += 1
        if self._n_taken < self._pace.update:
            return False
        self._update()
        return True

    def begin_again(self) -> None:
        """Trust the moments less, after a break: follow faster for a while."""
        self._trusted = min(self._trusted, self._pace.trusted)
        self._sums[:] = 0.0
        self._n_taken = 0

    def continue_from(self, before: "RunningNormaliser") -> None:
        """Take over the present moments from the normaliser of the bundle used before."""
        self.moments, self._trusted = before.moments, before._trusted
        self._sums[:] = before._sums
        self._n_taken = before._n_taken
        self._rescale()

    def _update(self) -> None:
        newest = self._sums / self._n_taken
        weight = self._n_taken / min(self._trusted + self._n_taken, self._pace.memory)
        self.moments = Moments(
            self.moments.root + weight * (newest[0] - self.moments.root),
            self.moments.count + weight * (newest[1] - self.moments.count),
        )
        self._trusted = min(self._trusted + self._n_taken, self._pace.memory)
        self._sums[:] = 0.0
        self._n_taken = 0
        self._rescale()

    def _rescale(self) -> None:
        self.scale.gain[:], self.scale.offset[:] = scale_between(self.moments, self._reference)


def scale_between(present: Moments, reference: Moments) -> tuple[FloatArray, FloatArray]:
    """Return gains and offsets that turn root counts of the present into those of the reference."""
    gain = (reference.sd + SD_FLOOR) / (present.sd + SD_FLOOR)
    gain = np.clip(gain, 1 / _MOST_GAIN, _MOST_GAIN)
    return gain, reference.root - present.root * gain


@njit(cache=True)
def _add(bin_counts: Float32Array, sums: FloatArray) -> None:
    """Add the root counts of a bin, and their squares, which are the counts themselves."""
    for channel in range(bin_counts.size):
        sums[0, channel] += np.sqrt(np.float64(bin_counts[channel]))
        sums[1, channel] += bin_counts[channel]
