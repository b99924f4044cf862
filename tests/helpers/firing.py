"""Arrays of made-up channels that fire at random, and what is expected of them."""

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.names import electrode_names
from rt_ner.decoding.watch.expectation import Expectation
from rt_ner.live.watch.channel_watch import ChannelWatch
from rt_ner.offline.expectation.measured import measured_expectation

HOP_NS, HOPS_PER_S = 50_000_000, 20
N_CHANNELS = 96
NAMES = electrode_names(N_CHANNELS)
# Long enough for single channels to be judged.
SETTLED_S = 100


def rates_hz(seed: int = 0) -> FloatArray:
    """Return rates as different as those of a real array, none so low that silence is usual."""
    return np.random.default_rng(seed).lognormal(2.5, 0.6, N_CHANNELS).clip(4.0, 60.0)


def firing(rate_hz: FloatArray, seconds: float, seed: int = 0) -> FloatArray:
    """Return counts ``(hop, channel)`` of channels that fire independently."""
    shape = (round(seconds * HOPS_PER_S), rate_hz.shape[-1])
    return np.random.default_rng(seed).poisson(rate_hz / HOPS_PER_S, shape).astype(np.float32)


def expected(rate_hz: FloatArray, seconds: float = 120.0) -> Expectation:
    counts = firing(rate_hz, seconds, seed=99)
    expectation = measured_expectation(counts, np.ones(len(counts), dtype=np.bool_), HOP_NS)
    assert expectation is not None
    return expectation


def watch_of_array(expectation: Expectation) -> ChannelWatch:
    return ChannelWatch(NAMES, HOP_NS, expectation)


def told(watch: ChannelWatch, counts: FloatArray) -> list[tuple[float, str]]:
    """Let a watch take counts; return its notices, each with the time in s."""
    notices = []
    for number, hop in enumerate(counts, 1):
        notices += [(number / HOPS_PER_S, notice) for notice in watch.take(hop)]
    return notices
