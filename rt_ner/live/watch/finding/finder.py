"""Find the faults of an array's input in the newest seconds of its counts."""

from collections.abc import Collection, Sequence

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray, Int64Array
from rt_ner.core.contract.faults.fault import Fault
from rt_ner.decoding.watch.expectation import (
    NO_CHANGE,
    ArrayChange,
    Expectation,
    FollowedRates,
)
from rt_ner.decoding.watch.recent import N_SECONDS, RecentSeconds
from rt_ner.live.watch.banks import Bank
from rt_ner.live.watch.finding.exchange import ExchangeFinder
from rt_ner.live.watch.finding.extremes import Extremes
from rt_ner.live.watch.finding.fault import ChannelFault

# No silence is a fault before these times, in s: banks are reported first, channels together.
_BANK_S, _CHANNEL_S = 4.0, 7.0
# A silent channel or bank is back once it fires at this fraction of its rate.
_BACK = 0.2
# The array has changed if most channels have, by the first factor at least, and by the second one
# more than in training.
_CHANGED, _MORE_THAN_TRAINING = 1.35, 1.1
# If a larger fraction of the channels is hot at once, it is no fault of single channels.
_MOST_HOT = 0.1
# A reported fault lasts until its evidence falls to this fraction (or power) of the limit.
_LASTS = 0.7
# A bank is dead if all of it is silent for longer than this many of its channels should ever be.
_N_ACTIVE = 4
_OF_BANKS = (Fault.DEAD_BANK, Fault.SWAPPED_BANKS)
# Channels with these faults say nothing about the whole array, nor about usual rates.
_SPOIL = (*_OF_BANKS, Fault.HOT_CHANNELS)


class FaultFinder:
    """Finds the faults of an array, by comparison with what is expected of it.

    Parameters
    ----------
    expectation, banks
        The firing in training, and the array's banks.
    recent
        The newest seconds of counts.

    Attributes
    ----------
    change
        The change of the whole array, as of the last `find`.

    """

    def __init__(
        self, expectation: Expectation, banks: tuple[Bank, ...], recent: RecentSeconds
    ) -> None:
        self._banks = banks
        self._recent = recent
        self._exchanges = ExchangeFinder(banks)
        self._extremes = Extremes(expectation, recent)
        self._rates = FollowedRates(expectation.rate_hz)
        self._rise = max(_CHANGED, _MORE_THAN_TRAINING * expectation.rise)
        self._fall = min(1 / _CHANGED, expectation.fall / _MORE_THAN_TRAINING)
        self._sound_s = np.full(expectation.rate_hz.size, N_SECONDS)
        self.change: ArrayChange = NO_CHANGE

    def find(self, told: set[ChannelFault]) -> set[ChannelFault]:
        """Return the present faults; ``told``: those of the call before.

        Call it after each second. Rates are learned from the channels without a fault.
        """
        recent = self._recent
        if not recent.is_full:
            return told | self._silent_banks(told)
        seen_hz = recent.middle / recent.second_s
        is_clean = self._sound_s >= N_SECONDS
        self.change = self._rates.change(seen_hz, is_clean & (recent.silence_s < _BANK_S / 2))
        found = self._silent_banks(told)
        is_apart = self._mask(found)
        silent = self._silent_channels(told, is_apart)
        is_silent = is_apart | self._mask(silent)
        swapped, is_suspect = self._exchanges.find(seen_hz, self._rates.rate_hz, is_silent, told)
        is_clean &= ~is_suspect
        # Channels of swapped banks may seem silent; faults reported before have not ended by that.
        found |= swapped | {each for each in silent if each in told or not is_suspect[each.of[0]]}
        if self._rates.is_settled:
            found |= self._changed(told, bool(is_suspect.any()))
            found |= self._hot(told, is_silent | is_suspect)
        self._learn(found, is_clean)
        self._sound_s += 1
        self._sound_s[self._mask(found, _SPOIL)] = 0
        return found

    def silence_limit_s(self) -> FloatArray:
        """Return the silence that counts as a fault, ``(channel,)``, in s; inf: none does."""
        return self._extremes.silence_limit_s(self._rates.rate_hz, self.change.factor)

    def silence_s(self, fault: ChannelFault) -> float:
        """Return for how long the channels of a fault have been silent, in s."""
        return float(self._recent.silence_s[self.channels_of(fault)].min())

    def newest_factor(self) -> float:
        """Return the factor by which the array fired more than expected in the newest second."""
        recent = self._recent
        is_active = recent.silence_s < _BANK_S / 2
        return self._rates.change(recent.newest / recent.second_s, is_active).factor

    def rate_hz(self, fault: ChannelFault) -> float:
        """Return the lowest rate of a fault's channels in the newest seconds, in spikes/s."""
        return float(self._recent.middle[self.channels_of(fault)].min() / self._recent.second_s)

    def channels_of(self, fault: ChannelFault) -> list[int]:
        """Return the indices of the channels that a fault concerns; none for the whole array."""
        if fault.kind in _OF_BANKS:
            return [int(channel) for bank in fault.of for channel in self._banks[bank].channels]
        return list(fault.of)

    def _mask(
        self, faults: set[ChannelFault], kinds: Collection[Fault] = tuple(Fault)
    ) -> BoolArray:
        """Return a mask of the channels that faults of some kinds concern."""
        mask = np.zeros(self._recent.middle.size, dtype=np.bool_)
        for fault in faults:
            if fault.kind in kinds:
                mask[self.channels_of(fault)] = True
        return mask

    def _learn(self, found: set[ChannelFault], is_clean: BoolArray) -> None:
        """Learn from the oldest second: any fault that it held has been found by now.

        ``is_clean``: the channels without a fault in all seconds that are kept.
        """
        if any(fault.kind is Fault.GAIN for fault in found):
            return
        # A silent channel that fires now and then may do so all day: its rate is learned.
        is_over = self._mask(found) & (self._recent.silence_s >= _CHANNEL_S)
        is_sound = is_clean & ~self._mask(found, _SPOIL) & ~is_over
        self._extremes.learn(~self._mask(found, _OF_BANKS), is_sound)
        self._rates.learn(self._recent.oldest / self._recent.second_s, is_sound)

    def _silent_banks(self, told: set[ChannelFault]) -> set[ChannelFault]:
        limit_s, found = self.silence_limit_s(), set()
        for number, bank in enumerate(self._banks):
            fault = ChannelFault(Fault.DEAD_BANK, (number,))
            silence_s = self._recent.silence_s[bank.channels].min()
            is_over = silence_s >= bank_limit_s(bank, limit_s)
            lasts = fault in told and not self._is_back(bank.channels)
            if is_over or lasts:
                found.add(fault)
        return found

    def _silent_channels(self, told: set[ChannelFault], is_apart: BoolArray) -> set[ChannelFault]:
        """Return the silent channels, except those of silent banks (``is_apart``)."""
        limit_s = np.maximum(_CHANNEL_S, self.silence_limit_s())
        begins = self._rates.is_settled & ~is_apart & (self._recent.silence_s >= limit_s)
        faults = [ChannelFault(Fault.DEAD_CHANNELS, (k,)) for k in range(limit_s.size)]
        return {
            fault
            for channel, fault in enumerate(faults)
            if begins[channel] or (fault in told and not self._is_back(fault.of))
        }

    def _is_back(self, channels: Sequence[int] | Int64Array) -> bool:
        """Return True if the given channels, which were silent, fire again."""
        recent, some = self._recent, list(channels)
        least = _BACK * self._rates.rate_hz[some].sum() * recent.second_s
        return recent.is_full and bool(recent.middle[some].sum() > least)

    def _changed(self, told: set[ChannelFault], is_mixed_up: bool) -> set[ChannelFault]:
        """Return the change of the whole array, if it is a fault."""
        fault, change = ChannelFault(Fault.GAIN), self.change
        if is_mixed_up and fault not in told:
            return set()
        power = _LASTS if fault in told else 1.0
        is_changed = change.at_least > self._rise**power or change.at_most < self._fall**power
        return {fault} if is_changed else set()

    def _hot(self, told: set[ChannelFault], is_apart: BoolArray) -> set[ChannelFault]:
        """Return the hot channels, except those ``is_apart``; none new if many are hot at once."""
        rate_hz = self._recent.sustained / self._recent.second_s
        limit_hz = self._extremes.rate_limit_hz(self._rates.rate_hz, self.change.factor)
        begins = ~is_apart & (rate_hz > limit_hz)
        if begins.sum() > max(1, _MOST_HOT * rate_hz.size):
            begins[:] = False
        lasts = self._mask(told, (Fault.HOT_CHANNELS,))
        lasts &= rate_hz > _LASTS * limit_hz
        hot = np.flatnonzero(begins | lasts).tolist()
        return {ChannelFault(Fault.HOT_CHANNELS, (channel,)) for channel in hot}


def bank_limit_s(bank: Bank, limit_s: FloatArray) -> float:
    """Return the silence of a bank that counts as a fault, in s; inf: none does.

    ``limit_s``: the same for each channel, ``(channel,)``.
    """
    return max(_BANK_S, float(np.sort(limit_s[bank.channels])[_N_ACTIVE - 1]))
