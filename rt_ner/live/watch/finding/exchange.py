"""Find out from the counts if two banks of channels are swapped."""

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.core.contract.faults.fault import Fault
from rt_ner.decoding.watch.recent import N_MIDDLE
from rt_ner.live.watch.banks import Bank, Swap, swaps_of
from rt_ner.live.watch.finding.fault import ChannelFault

# Two banks are swapped if the evidence for it is this fraction of what a swap would give.
_EXCHANGED = 0.3
# Above this fraction, a swap may be beginning: single channels are not judged.
_SUSPECT = -0.4
# A swap must be expected to give at least this evidence, in nats: banks must differ enough.
_FEWEST_NATS = 20.0
# If a larger fraction of the channels is silent, nothing is decided.
_MOST_SILENT = 0.25
# A channel's rate counts as at most this many times the expected one, so that no hot one decides.
_MOST_OF_ONE = 3.0
_LEAST_HZ = 0.3


class ExchangeFinder:
    """Finds swapped banks, by the likelihood of the counts with and without the swap."""

    def __init__(self, banks: tuple[Bank, ...]) -> None:
        self._banks = banks
        self._swaps = swaps_of(banks)

    def find(
        self,
        seen_hz: FloatArray,
        expected_hz: FloatArray,
        is_silent: BoolArray,
        told: set[ChannelFault],
    ) -> tuple[set[ChannelFault], BoolArray]:
        """Return the swapped banks, and a mask of the channels of all banks that may be swapped.

        ``seen_hz``, ``expected_hz``: rates ``(channel,)``; ``told``: faults of the second before.
        """
        found: set[ChannelFault] = set()
        is_suspect = np.zeros(seen_hz.size, dtype=np.bool_)
        expected_hz = np.maximum(expected_hz, _LEAST_HZ)
        candidates = []
        for swap in self._swaps:
            fault = ChannelFault(Fault.SWAPPED_BANKS, swap.banks)
            part = _evidence(swap, seen_hz, expected_hz, is_silent)
            candidates.append((fault in told, part, fault))
        for was_told, part, fault in sorted(candidates, reverse=True):
            channels = np.concatenate([self._banks[bank].channels for bank in fault.of])
            if part <= _SUSPECT or is_suspect[channels].any():
                continue
            is_suspect[channels] = True
            if part > (0.0 if was_told else _EXCHANGED):
                found.add(fault)
        return found, is_suspect


def _evidence(
    swap: Swap, seen_hz: FloatArray, expected_hz: FloatArray, is_silent: BoolArray
) -> float:
    """Return the evidence that two banks are swapped, as a fraction of what a swap would give.

    1: they are swapped; below 0: they are in place. Each bank must look like the other, so the
    weaker evidence of the two counts. −1 if nothing can be decided, because many channels are
    silent or the banks fire alike.
    """
    here, there = swap.channels, swap.partner
    if not here.size or is_silent[here].mean() > _MOST_SILENT:
        return -1.0
    in_place_hz, exchanged_hz = expected_hz[here], expected_hz[there]
    bounded_hz = np.minimum(seen_hz[here], _MOST_OF_ONE * np.maximum(in_place_hz, exchanged_hz))
    factor = bounded_hz.sum() / in_place_hz.sum()
    ratio, more_hz = np.log(exchanged_hz / in_place_hz), factor * (exchanged_hz - in_place_hz)
    # Per bank: log likelihood ratio of Poisson counts, and its expectation if swapped, per s.
    found = (bounded_hz * ratio - more_hz).reshape(2, -1).sum(axis=1)
    expected = (factor * exchanged_hz * ratio - more_hz).reshape(2, -1).sum(axis=1)
    if (expected * N_MIDDLE < _FEWEST_NATS).any():
        return -1.0
    return float((found / expected).min())
