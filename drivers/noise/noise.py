"""Send random spikes at a stated rate, tick by tick, on absolute deadlines."""

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from threading import Event

import numpy as np

from drivers.noise.faults import FaultyPattern
from drivers.noise.patterns import TICK_NS, Pattern
from drivers.source import LslSource
from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.clock import next_grid_line_ns, s_from_ns
from rt_ner.lsl.streams import local_now_ns

_LINGER_S = 0.5


class NoiseSource(LslSource):
    """Sends random spikes for ``n_ticks`` milliseconds, with faults on request.

    Any thread may append to ``orders`` what `FaultyPattern.order` takes; ``report`` is called after
    each with the exact counts of what was sent, withheld, repeated, … ``pushes``: None, or filled
    with the last stamp of each push and its moment, in LSL seconds. ``at_once``: samples leave in
    the thread that makes them; otherwise in LSL's, as those of most amplifiers' programs.
    """

    def __init__(
        self,
        pattern: Pattern,
        name: str,
        n_ticks: int | None = None,
        report: Callable[[Mapping[str, int]], None] = lambda _: None,
        at_once: bool = False,
    ) -> None:
        encoding = pattern.encoding
        super().__init__(name, {encoding.kind: partial(encoding.open, at_once=at_once)})
        self._n_ticks = n_ticks
        self._report = report
        self.orders: deque[Mapping[str, object]] = deque()
        self.faulty = FaultyPattern(pattern)
        self.pushes: list[tuple[float, float]] | None = None

    def run(self, stop: Event) -> None:
        """Send all ticks, or until stopped, and obey orders meanwhile."""
        begin_ns = next_grid_line_ns(local_now_ns(), TICK_NS)
        tick = 0
        while self._n_ticks is None or tick < self._n_ticks:
            wait_ns = begin_ns + (tick + 1) * TICK_NS - local_now_ns()
            if stop.wait(s_from_ns(wait_ns)) if wait_ns > 0 else stop.is_set():
                break
            self._obey()
            for rows in self.faulty.rows(tick, s_from_ns(begin_ns + tick * TICK_NS)):
                self._push(*rows)
            tick += 1
        # Closing an outlet at once would cut off what its listeners have not read yet.
        stop.wait(_LINGER_S)

    def _obey(self) -> None:
        """Take the orders that have come."""
        while self.orders:
            self.faulty.order(self.orders.popleft())
            self._report(self.faulty.summary())

    def _push(self, stamps_s: FloatArray, values: AnyArray) -> None:
        if not len(values):
            return
        if self.pushes is not None:
            self.pushes.append((float(stamps_s[-1]), s_from_ns(local_now_ns())))
        (outlet,) = self._outlets.values()
        outlet.push_chunk(np.ascontiguousarray(values), stamps_s.tolist())
