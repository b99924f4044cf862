"""Put faults of the input into words: the channels, what to check, and what the fault costs."""

from collections.abc import Iterable, Sequence

from rt_ner.core.contract.faults.fault import Fault
from rt_ner.decoding.watch.expectation import Expectation
from rt_ner.live.watch.banks import Bank
from rt_ner.live.watch.finding.fault import ChannelFault
from rt_ner.live.watch.finding.finder import FaultFinder

_MOST_NAMED = 8


class Wording:
    """The notices on faults of one array.

    Parameters
    ----------
    channel_ids, banks
        Names of the channels, and the array's banks.
    expectation
        The firing in training, with the held-out scores under faults.
    finder
        The finder of the faults, which holds the newest rates and silences.

    """

    def __init__(
        self,
        channel_ids: tuple[str, ...],
        banks: tuple[Bank, ...],
        expectation: Expectation,
        finder: FaultFinder,
    ) -> None:
        self._names = channel_ids
        self._banks = banks
        self._expectation = expectation
        self._finder = finder

    def begun(self, faults: Iterable[ChannelFault]) -> list[str]:
        """Return a notice for each kind of fault that has begun."""
        return [
            f"{self._problem(kind, of_kind)}{self._cost(kind, of_kind)}"
            for kind, of_kind in _by_kind(faults)
        ]

    def ended(self, faults: Iterable[ChannelFault]) -> list[str]:
        """Return a notice for each kind of fault that has ended."""
        return [f"{self._all_of(of_kind)} {_ENDED[kind]}" for kind, of_kind in _by_kind(faults)]

    def _problem(self, kind: Fault, faults: list[ChannelFault]) -> str:
        whole = self._all_of(faults)
        if kind is Fault.SWAPPED_BANKS:
            return f"{whole} seem swapped: check which connector is plugged in where"
        if kind is Fault.GAIN:
            return (
                f"{whole} fire at {self._finder.newest_factor():.2g} times the expected rate: "
                "check gain, thresholds and reference, and whether the subject is resting"
            )
        if kind is Fault.HOT_CHANNELS:
            return (
                f"{whole} firing far more than in training, at {self._least_hz(faults):.0f} "
                "spikes/s or more: look for noise, and check thresholds"
            )
        silent_s = min(self._finder.silence_s(fault) for fault in faults)
        part = "cable" if kind is Fault.DEAD_BANK else "electrodes and thresholds"
        return f"{whole} silent for {silent_s:.0f} s: check {part}"

    def _cost(self, kind: Fault, faults: list[ChannelFault]) -> str:
        """Return the end of a notice: the held-out R² with such a fault; empty if not known."""
        known = self._expectation
        if known.r2 is None or known.r2_with is None:
            return ""
        r2 = known.r2_with(kind, self._severity(kind, faults))
        if r2 is None:
            return ""
        return f"; held-out R² was {r2:.2f} with {_SUCH[kind]}, {known.r2:.2f} without"

    def _severity(self, kind: Fault, faults: list[ChannelFault]) -> float:
        """Return the severity: banks, a fraction of the channels, or a factor, as `Fault` says."""
        if kind is Fault.GAIN:
            return self._finder.newest_factor()
        if kind in (Fault.DEAD_BANK, Fault.SWAPPED_BANKS):
            return len({bank for fault in faults for bank in fault.of})
        return len(faults) / len(self._names)

    def _least_hz(self, faults: list[ChannelFault]) -> float:
        return min(self._finder.rate_hz(fault) for fault in faults)

    def _all_of(self, faults: list[ChannelFault]) -> str:
        """Return the names of the channels or banks that faults of one kind concern."""
        if faults[0].kind is Fault.GAIN:
            return "most channels"
        if faults[0].kind is Fault.DEAD_BANK:
            return _listed([self._whole_bank(bank) for fault in faults for bank in fault.of])
        if faults[0].kind is Fault.SWAPPED_BANKS:
            return ", ".join(
                " and ".join(self._whole_bank(bank) for bank in fault.of) for fault in faults
            )
        return _listed([self._names[channel] for fault in faults for channel in fault.of])

    def _whole_bank(self, bank: int) -> str:
        name, channels, _ = self._banks[bank]
        return f"{self._names[channels[0]]} … {self._names[channels[-1]]} ({name})"


_ENDED = {
    Fault.DEAD_BANK: "no longer silent",
    Fault.DEAD_CHANNELS: "no longer silent",
    Fault.SWAPPED_BANKS: "in place again",
    Fault.GAIN: "fire as expected again",
    Fault.HOT_CHANNELS: "no longer firing far more than in training",
}
_SUCH = {
    Fault.DEAD_BANK: "a dead bank",
    Fault.DEAD_CHANNELS: "so many dead channels",
    Fault.SWAPPED_BANKS: "swapped banks",
    Fault.GAIN: "such a change",
}


def _by_kind(faults: Iterable[ChannelFault]) -> list[tuple[Fault, list[ChannelFault]]]:
    """Return faults by kind, in the order of the kinds."""
    in_order = sorted(faults)
    kinds = [kind for kind in Fault if any(fault.kind is kind for fault in in_order)]
    return [(kind, [fault for fault in in_order if fault.kind is kind]) for kind in kinds]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
