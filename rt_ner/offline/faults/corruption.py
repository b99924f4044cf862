"""Corrupt counts ``(hop, channel)`` as faults of the input do.

Pure functions: the counts given stay as they are, and everything random comes from the generator.
"""

from collections.abc import Callable

import numpy as np

from rt_ner.core.arrays import AnyArray, Int64Array
from rt_ner.core.clock import NS_PER_MS, NS_PER_S
from rt_ner.core.contract.faults.fault import Fault
from rt_ner.decoding.binning.voltage.settings import USUAL_BANK

_MAINS_HZ = 60
_LOST_NS = 100 * NS_PER_MS

_SEVERITIES: dict[Fault, tuple[float, ...]] = {
    Fault.DEAD_BANK: (1, 2),
    Fault.DEAD_CHANNELS: (0.1, 0.2, 0.4),
    Fault.SWAPPED_BANKS: (2, 3),
    Fault.SWAPPED_CHANNELS: (0.1, 0.2, 0.4),
    Fault.GAIN: (0.5, 0.7, 1.4, 2.0),
    Fault.COMMON_NOISE: (2, 10, 30),
    Fault.LOST_PACKETS: (0.02, 0.1, 0.3),
    Fault.MAINS: (0.1, 0.3, 1.0),
}


def bank_size(n_channels: int) -> int:
    """Return the number of neighbouring channels that share a connector.

    It is 32, or a third of the array if it has fewer than two such banks.
    """
    return USUAL_BANK if n_channels >= 2 * USUAL_BANK else max(1, n_channels // 3)


def banks(n_channels: int) -> list[slice]:
    """Return the banks of neighbouring channels; channels left over at the end are in no bank."""
    size = bank_size(n_channels)
    return [slice(first, first + size) for first in range(0, n_channels - size + 1, size)]


def severities(fault: Fault, n_channels: int) -> tuple[float, ...]:
    """Return the severities to measure on an array; none if it is too small for the fault."""
    n_banks = len(banks(n_channels))
    most = {Fault.DEAD_BANK: n_banks - 1, Fault.SWAPPED_BANKS: n_banks}.get(fault, np.inf)
    if n_channels == 1 and depends_on_channels(fault):
        return ()
    return tuple(severity for severity in _SEVERITIES.get(fault, ()) if severity <= most)


def depends_on_channels(fault: Fault) -> bool:
    """Return True if it matters which channels, drawn at random, have the fault."""
    return fault in (
        Fault.DEAD_BANK,
        Fault.DEAD_CHANNELS,
        Fault.SWAPPED_BANKS,
        Fault.SWAPPED_CHANNELS,
    )


def corrupted(
    counts: AnyArray, fault: Fault, severity: float, hop_ns: int, rng: np.random.Generator
) -> AnyArray:
    """Return a corrupted copy of spike counts ``(hop, channel)``, of hops of ``hop_ns``.

    ``severity``: see `Fault`.
    """
    if fault is Fault.GAIN:
        return _with_gain(counts, severity, rng)
    if fault is Fault.LOST_PACKETS:
        return _with_gaps(counts, severity, hop_ns, rng)
    if fault in _ADDED:
        added = _ADDED[fault](counts.shape, severity, hop_ns, rng)
        return np.add(counts, added, dtype=counts.dtype, casting="unsafe")
    source = _SOURCES[fault](counts.shape[1], severity, rng)
    return np.where(source < 0, np.zeros((), counts.dtype), counts[:, source])


def _dead_bank(n_channels: int, n_dead: float, rng: np.random.Generator) -> Int64Array:
    source, every = np.arange(n_channels), banks(n_channels)
    for dead in rng.choice(len(every), int(n_dead), replace=False):
        source[every[dead]] = -1
    return source


def _dead_channels(n_channels: int, part: float, rng: np.random.Generator) -> Int64Array:
    source = np.arange(n_channels)
    source[rng.choice(n_channels, max(1, round(part * n_channels)), replace=False)] = -1
    return source


def _swapped_banks(n_channels: int, n_swapped: float, rng: np.random.Generator) -> Int64Array:
    source, every = np.arange(n_channels), banks(n_channels)
    chosen = rng.choice(len(every), int(n_swapped), replace=False)
    for one, other in zip(chosen, np.roll(chosen, 1), strict=True):
        source[every[one]] = np.arange(n_channels)[every[other]]
    return source


def _swapped_channels(n_channels: int, part: float, rng: np.random.Generator) -> Int64Array:
    source, n_pairs = np.arange(n_channels), max(1, round(part * n_channels / 2))
    ones, others = np.split(rng.choice(n_channels, 2 * n_pairs, replace=False), 2)
    source[ones], source[others] = others, ones
    return source


# Fault → the channel that each channel gets its counts from; −1: from none.
_SOURCES: dict[Fault, Callable[[int, float, np.random.Generator], Int64Array]] = {
    Fault.DEAD_BANK: _dead_bank,
    Fault.DEAD_CHANNELS: _dead_channels,
    Fault.SWAPPED_BANKS: _swapped_banks,
    Fault.SWAPPED_CHANNELS: _swapped_channels,
}


def _with_gain(counts: AnyArray, factor: float, rng: np.random.Generator) -> AnyArray:
    """Return counts in which each spike is kept, or doubled, with the probability for a factor."""
    kept, added = min(factor, 1.0), max(factor - 1.0, 0.0)
    drawn = rng.binomial(counts, kept if factor < 1 else added)
    return (drawn if factor < 1 else counts + drawn).astype(counts.dtype)


def _with_gaps(counts: AnyArray, part: float, hop_ns: int, rng: np.random.Generator) -> AnyArray:
    n_lost = max(1, _LOST_NS // hop_ns)
    stretches = rng.random(-(-len(counts) // n_lost)) < part
    is_lost = np.repeat(stretches, n_lost)[: len(counts)]
    return np.where(is_lost[:, None], np.zeros((), counts.dtype), counts)


def _common_noise(
    shape: tuple[int, ...], per_s: float, hop_ns: int, rng: np.random.Generator
) -> Int64Array:
    return rng.poisson(per_s * hop_ns / NS_PER_S, (shape[0], 1))


def _mains(
    shape: tuple[int, ...], part: float, hop_ns: int, rng: np.random.Generator
) -> Int64Array:
    n_cycles = np.diff(np.arange(shape[0] + 1) * hop_ns * _MAINS_HZ // NS_PER_S)
    return rng.binomial(n_cycles[:, None], part, shape)


# Fault → the spikes that it adds.
_ADDED: dict[Fault, Callable[[tuple[int, ...], float, int, np.random.Generator], Int64Array]] = {
    Fault.COMMON_NOISE: _common_noise,
    Fault.MAINS: _mains,
}
