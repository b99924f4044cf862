"""Play a session over and over, with channels that drift on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.decoding.chunks import RasterChunk

_LEAST_GAIN, _MOST_GAIN = 0.7, 1.4
_MOST_ADDED = 0.2


@dataclass(frozen=True, eq=False)
class ChannelDrift:
    """The drift of each channel at its end.

    Attributes
    ----------
    gain
        Factor of the spike counts, ``(channel,)``; it changes by equal ratios in equal times.
    added
        Spikes added per raster sample, on average, ``(channel,)``; they rise evenly from none.

    """

    gain: FloatArray
    added: FloatArray

    def applied(
        self, counts: AnyArray, part: float | FloatArray, rng: np.random.Generator
    ) -> npt.NDArray[np.uint16]:
        """Return counts ``(sample, channel)`` as they are after a part of the drift, 0 to 1.

        ``part``: one for all samples, or ``(sample, 1)``.
        """
        gain = self.gain**part
        kept = rng.binomial(counts, np.minimum(gain, 1.0))
        more = rng.poisson(counts * np.maximum(gain - 1.0, 0.0) + part * self.added)
        drifted: npt.NDArray[np.uint16] = (kept + more).astype(np.uint16)
        return drifted


def random_drift(session: Session, rng: np.random.Generator) -> ChannelDrift:
    """Return a drift to gains of 0.7 to 1.4 and to 0 to 20 % more spikes, at random per channel."""
    chunks = session.spikes.raster(0, session.end_ns)
    mean = np.concatenate([chunk.counts for chunk in chunks]).mean(axis=0)
    gain = np.exp(rng.uniform(np.log(_LEAST_GAIN), np.log(_MOST_GAIN), mean.size))
    return ChannelDrift(gain, rng.uniform(0, _MOST_ADDED, mean.size) * mean)


@dataclass(frozen=True)
class Rounds:
    """A session played over and over, from its start to its end without a pause between.

    Attributes
    ----------
    session
        The session.
    length_ns
        Length of a round in ns, a whole number of hops.
    number
        Number of rounds.

    """

    session: Session
    length_ns: int
    number: int

    @property
    def last_ns(self) -> int:
        """Begin of the last round, in ns."""
        return (self.number - 1) * self.length_ns

    def chunks(self) -> Iterator[RasterChunk]:
        """Yield the rasters of all rounds, in order."""
        for begin_ns in range(0, self.number * self.length_ns, self.length_ns):
            for chunk in self.session.spikes.raster(0, self.length_ns):
                yield RasterChunk(chunk.stamp_ns + begin_ns, chunk.counts)

    def drifting(self, drift: ChannelDrift, seed: int) -> Iterator[RasterChunk]:
        """Yield the rasters of all rounds, drifting from none to all of a drift.

        Equal seeds give equal spikes.
        """
        rng = np.random.default_rng(seed)
        for stamp_ns, counts, _ in self.chunks():
            part = stamp_ns[:, None] / (self.number * self.length_ns)
            yield RasterChunk(stamp_ns, drift.applied(counts, part, rng))

    def at_the_end(self, drift: ChannelDrift, seed: int) -> "Rounds":
        """Return one round, with all channels as they are at the end of a drift."""
        spikes, rng = self.session.spikes, np.random.default_rng(seed)
        period_ns = spikes.raster_period_ns
        counts = np.zeros((self.length_ns // period_ns, drift.gain.size), dtype=np.uint16)
        for stamp_ns, before, _ in spikes.raster(0, self.length_ns):
            counts[stamp_ns // period_ns - 1] = drift.applied(before, 1.0, rng)
        drifted = SpikeCounts(counts, period_ns, spikes.gaps_ns)
        return Rounds(replace(self.session, spikes=drifted), self.length_ns, 1)


def rounds_of(session: Session, hop_ns: int, duration_ns: int) -> Rounds:
    """Return the whole rounds of a session that come nearest to a duration; at least one."""
    length_ns = session.end_ns // hop_ns * hop_ns
    return Rounds(session, length_ns, max(1, round(duration_ns / length_ns)))
