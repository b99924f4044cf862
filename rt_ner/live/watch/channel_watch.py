"""Watch the channels while decoding, and report each fault when it begins and when it ends."""

from collections.abc import Callable, Iterable
from typing import Any

from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.watch.expectation import Expectation
from rt_ner.decoding.watch.recent import RecentSeconds
from rt_ner.live.watch.banks import banks_of
from rt_ner.live.watch.finding.fault import ChannelFault
from rt_ner.live.watch.finding.finder import FaultFinder
from rt_ner.live.watch.notices import Wording


class ChannelWatch:
    """A watch over an array's channels, without labels and without a clock.

    It depends only on the counts that it takes. A hop costs an addition per channel; about once a
    second, all channels are compared with what is expected of them.

    Parameters
    ----------
    channel_ids, hop_ns
        Names of the channels, and width of a hop in ns.
    expectation
        The firing of each channel in training.

    Attributes
    ----------
    faults
        The present faults.

    """

    def __init__(self, channel_ids: tuple[str, ...], hop_ns: int, expectation: Expectation) -> None:
        self._channel_ids = channel_ids
        self._hop_ns = hop_ns
        self._begin(expectation)

    def _begin(self, expectation: Expectation) -> None:
        banks = banks_of(self._channel_ids)
        self._expectation = expectation
        self._recent = RecentSeconds(len(self._channel_ids), self._hop_ns)
        self._finder = FaultFinder(expectation, banks, self._recent)
        self._wording = Wording(self._channel_ids, banks, expectation, self._finder)
        self._is_paused = False
        self._ended: set[ChannelFault] = set()
        self.faults: set[ChannelFault] = set()

    def expect(self, expectation: Expectation | None) -> None:
        """Compare with another bundle's training from now on, and find anew what is wrong.

        None, or the same training: nothing changes, because the channels are the same.
        """
        if expectation is not None and not expectation.is_of_same_firing(self._expectation):
            self._begin(expectation)

    def follow(self, binner: SpikeBinner[Any], is_running: bool) -> Iterable[str]:
        """Take a binner's newest hop, if the decoder is running and the hop is whole."""
        if is_running and not (binner.invalid or binner.is_partial):
            return self.take(binner.counts)
        self.pause()
        return ()

    def take(self, hop_counts: Float32Array) -> Iterable[str]:
        """Take the counts ``(channel,)`` of a hop; return notices, almost always none."""
        if self._is_paused:
            self._is_paused = False
            self._recent.begin_again()
        if not self._recent.take(hop_counts):
            return ()
        before, self.faults = self.faults, self._finder.find(self.faults)
        if self.faults == before and not self._ended:
            return ()
        return self._told(before)

    def _told(self, before: set[ChannelFault]) -> list[str]:
        """Return notices of what has begun since ``before``, and of what has ended.

        Channels come back one after the other, so their ends are reported together, when no more
        follow.
        """
        begun, ended = self.faults - before - self._ended, before - self.faults
        self._ended = (self._ended | ended) - self.faults
        notices = self._wording.begun(begun)
        if not ended:
            notices += self._wording.ended(self._ended)
            self._ended = set()
        return notices

    def silence_limit_s(self) -> FloatArray:
        """Return the silence that counts as a fault, ``(channel,)``, in s; inf: none does."""
        return self._finder.silence_limit_s()

    def pause(self) -> None:
        """Judge nothing until counts come again: the cursor is held, or counts are incomplete."""
        self._is_paused = True


def watch_of(model: DecoderSpecification, tell: Callable[[str], None]) -> ChannelWatch | None:
    """Return the watch over a model's channels; None, and ``tell`` why, if it can't be watched."""
    if model.expectation is not None:
        return ChannelWatch(model.channel_ids, model.window.hop_ns, model.expectation)
    tell(_NO_POWER if model.voltage.is_power else _NOTHING_EXPECTED)
    return None


_NO_POWER = "channels are not watched for faults: they hold spike-band power, not spikes"
_NOTHING_EXPECTED = (
    "channels are not watched for faults: the bundle does not say how they fire; train it again"
)
