"""Send the spikes of several areas as a stream for each area, from one clock."""

from collections.abc import Mapping

import numpy as np
import pylsl

from drivers.encodings import Encoding
from rt_ner.core.arrays import AnyArray
from rt_ner.core.contract.kinds import Kind


class SplitEncoding:
    """An encoding that opens a stream for each area, named after it.

    Parameters
    ----------
    areas
        The encoding of each area's channels, by name, in the order of all channels.
    n_channels
        Number of channels of each area.

    """

    def __init__(
        self, areas: "Mapping[str, Encoding | SplitEncoding]", n_channels: tuple[int, ...]
    ) -> None:
        self._areas = areas
        self._last = np.cumsum(n_channels).tolist()
        first = next(iter(areas.values()))
        self.kind: Kind = first.kind
        self.period_ns: int | None = first.period_ns

    def open(self, source: str, at_once: bool = False) -> "SplitOutlet":
        """Announce and open the streams ``SOURCE-AREA``; ``at_once``: from the sender's thread."""
        outlets = [
            encoding.open(f"{source}-{area}", at_once) for area, encoding in self._areas.items()
        ]
        return SplitOutlet(outlets, self._last, self.kind is Kind.EVENTS)


class SplitOutlet:
    """The outlets of several areas, used as if they were one.

    ``last``: for each area the number of channels up to its last one. ``is_events``: True if the
    rows are spikes with their channel's number, counted from 1.
    """

    def __init__(self, outlets: list[pylsl.StreamOutlet], last: list[int], is_events: bool) -> None:
        self._outlets = outlets
        self._ranges = list(zip([0, *last], last, strict=False))
        self._is_events = is_events

    def push_chunk(self, rows: AnyArray, stamps_s: list[float]) -> None:
        """Send each area its columns, or its spikes, renumbered."""
        for outlet, (first, last) in zip(self._outlets, self._ranges, strict=True):
            if not self._is_events:
                outlet.push_chunk(np.ascontiguousarray(rows[:, first:last]), stamps_s)
                continue
            chosen = (rows[:, 0] > first) & (rows[:, 0] <= last)
            if chosen.any():
                own = rows[chosen]
                own[:, 0] -= first
                outlet.push_chunk(own, [stamps_s[k] for k in np.flatnonzero(chosen)])

    def wait_for_consumers(self, timeout_s: float) -> bool:
        """Return True if each stream has a listener, or gets one in time."""
        return all(outlet.wait_for_consumers(timeout_s) for outlet in self._outlets)

    def get_info(self) -> pylsl.StreamInfo:
        """Return the metadata of the first stream."""
        return self._outlets[0].get_info()
