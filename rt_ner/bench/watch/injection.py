"""Add faults to the counts of a session's hops."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.contract.faults.fault import Fault
from rt_ner.live.watch.banks import Bank, swaps_of
from rt_ner.live.watch.finding.fault import ChannelFault
from rt_ner.live.watch.finding.finder import bank_limit_s

# A hot channel fires this much more, in spikes/s: from, to.
_HOT_HZ = (100.0, 300.0)
_MANY_DEAD = 0.2


@dataclass(frozen=True, eq=False)
class Array:
    """The array to which faults are added.

    ``limit_s`` ``(channel,)``: silence that counts as a fault. ``hop_s``: width of a hop, in s.
    ``in_time_s``: only silences with a limit up to this one can be named in time.
    """

    banks: tuple[Bank, ...]
    limit_s: FloatArray
    hop_s: float
    in_time_s: float

    @property
    def quick(self) -> list[int]:
        """The channels whose silence can be named in time."""
        return np.flatnonzero(self.limit_s <= self.in_time_s).tolist()


@dataclass(frozen=True, eq=False)
class Injection:
    """A fault to add to counts.

    ``spoil``: maps counts ``(hop, channel)`` to those with the fault. ``expected``: the faults that
    must be named. ``allowed``: further faults that may be named, because they are true as well.
    """

    spoil: Callable[[AnyArray], AnyArray]
    expected: frozenset[ChannelFault]
    allowed: frozenset[ChannelFault] = frozenset()


Draw = Callable[[Array, np.random.Generator], Injection | None]


def _swapped(array: Array, rng: np.random.Generator) -> Injection | None:
    swaps = [swap for swap in swaps_of(array.banks) if swap.channels.size]
    if not swaps:
        return None
    swap = swaps[rng.integers(len(swaps))]
    source = np.arange(array.limit_s.size)
    source[swap.channels] = swap.partner
    fault = ChannelFault(Fault.SWAPPED_BANKS, swap.banks)
    return Injection(lambda counts: counts[:, source], frozenset({fault}))


def _dead_bank(array: Array, rng: np.random.Generator) -> Injection | None:
    watched = [
        number
        for number, bank in enumerate(array.banks)
        if bank_limit_s(bank, array.limit_s) <= array.in_time_s
    ]
    if not watched:
        return None
    number = watched[rng.integers(len(watched))]
    fault = ChannelFault(Fault.DEAD_BANK, (number,))
    channels = array.banks[number].channels
    each = frozenset(ChannelFault(Fault.DEAD_CHANNELS, (int(channel),)) for channel in channels)
    return Injection(partial(_silenced, channels), frozenset({fault}), each)


def _dead_channel(array: Array, rng: np.random.Generator) -> Injection | None:
    if not array.quick:
        return None
    channel = int(rng.choice(array.quick))
    fault = ChannelFault(Fault.DEAD_CHANNELS, (channel,))
    return Injection(partial(_silenced, np.array([channel])), frozenset({fault}))


def _dead_channels(array: Array, rng: np.random.Generator) -> Injection | None:
    n_channels = array.limit_s.size
    dead = rng.choice(n_channels, max(1, round(_MANY_DEAD * n_channels)), replace=False)
    faults = {int(channel): ChannelFault(Fault.DEAD_CHANNELS, (int(channel),)) for channel in dead}
    quick = frozenset(faults[channel] for channel in set(array.quick) & set(faults))
    if not quick:
        return None
    return Injection(partial(_silenced, dead), quick, frozenset(faults.values()) - quick)


def _hot_channel(array: Array, rng: np.random.Generator) -> Injection:
    channel = int(rng.integers(array.limit_s.size))
    mean = rng.uniform(*_HOT_HZ) * array.hop_s

    def spoil(counts: AnyArray) -> AnyArray:
        spoilt = counts.copy()
        spoilt[:, channel] += rng.poisson(mean, len(counts))
        return spoilt

    return Injection(spoil, frozenset({ChannelFault(Fault.HOT_CHANNELS, (channel,))}))


def _changed(factor: float, array: Array, rng: np.random.Generator) -> Injection:
    whole = int(factor)

    def spoil(counts: AnyArray) -> AnyArray:
        return whole * counts + rng.binomial(counts.astype(np.int64), factor - whole)

    quiet = {ChannelFault(Fault.DEAD_CHANNELS, (k,)) for k in range(array.limit_s.size)}
    return Injection(
        spoil, frozenset({ChannelFault(Fault.GAIN)}), frozenset(quiet if whole < 1 else ())
    )


def _silenced(channels: AnyArray, counts: AnyArray) -> AnyArray:
    silenced = counts.copy()
    silenced[:, channels] = 0
    return silenced


DRAWS: dict[str, Draw] = {
    "swapped_banks": _swapped,
    "dead_bank": _dead_bank,
    "dead_channel": _dead_channel,
    "20_percent_dead": _dead_channels,
    "hot_channel": _hot_channel,
    "gain_0.5": partial(_changed, 0.5),
    "gain_0.7": partial(_changed, 0.7),
    "gain_1.4": partial(_changed, 1.4),
    "gain_2": partial(_changed, 2.0),
    "gain_3": partial(_changed, 3.0),
}
