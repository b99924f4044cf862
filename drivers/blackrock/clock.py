"""Follow a device's clock by the arrival of its heartbeats."""

from collections import deque

from rt_ner.core.clock import NS_PER_S, ClockOffset

_ACQUIRE_NS = NS_PER_S // 2
# Long enough to meet a packet that came undelayed, short enough that drift is small within it.
_WINDOW_NS = 2 * NS_PER_S
_RESET_NS = NS_PER_S


class DeviceClock:
    """Turns the device's time (ns) into the LSL clock's.

    A packet can come late, never early. So the least of arrival − device time over two seconds is
    the offset, to the network's shortest delay. It is known after half a second, and from then on
    only slewed.
    """

    def __init__(self) -> None:
        # Those of the window that no later one undercuts: (arrival, difference), both ascending.
        self._least: deque[tuple[int, int]] = deque()
        self._begun_ns: int | None = None
        self._newest_ns: int | None = None
        self._offset: ClockOffset | None = None

    @property
    def is_known(self) -> bool:
        """True if the offset is known."""
        return self._offset is not None

    def local_ns(self, device_ns: int) -> int:
        """Return a device's time on the LSL clock."""
        assert self._offset is not None
        return device_ns + self._offset.ns

    def was_reset(self, device_ns: int, arrival_ns: int) -> bool:
        """Return True if a time shows that the device's clock was set, back or ahead."""
        if self._newest_ns is None:
            return False
        least_ns = self._least[0][1]
        back = device_ns < self._newest_ns - _RESET_NS
        return back or arrival_ns - device_ns < least_ns - _RESET_NS

    def take(self, device_ns: int, arrival_ns: int) -> None:
        """Learn from a heartbeat that arrived at ``arrival_ns`` of the LSL clock."""
        if self._begun_ns is None:
            self._begun_ns = arrival_ns
        self._newest_ns = max(device_ns, device_ns if self._newest_ns is None else self._newest_ns)
        difference_ns = arrival_ns - device_ns
        while self._least and self._least[-1][1] >= difference_ns:
            self._least.pop()
        self._least.append((arrival_ns, difference_ns))
        while self._least[0][0] < arrival_ns - _WINDOW_NS:
            self._least.popleft()
        estimate_ns = self._least[0][1]
        if self._offset is not None:
            self._offset.follow(estimate_ns, arrival_ns)
        elif arrival_ns - self._begun_ns >= _ACQUIRE_NS:
            self._offset = ClockOffset(estimate_ns, arrival_ns, _RESET_NS)
