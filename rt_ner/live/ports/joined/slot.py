"""Keep one of several sources: found, read, lost, and found again without keeping the loop."""

from collections.abc import Callable
from typing import Any, Protocol

from rt_ner.core.clock import FOREVER_NS, NEVER_NS, NS_PER_S
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import SourceAbsentError, SourceLostError, StreamError
from rt_ner.decoding.joining.source_hops import SourceHops
from rt_ner.live.ports.protocols import InBackground, SpikesIn, SpikeSource
from rt_ner.live.rules.input_watch import InputWatch

_SEEK_EVERY_NS = NS_PER_S


class WatchedSpikesIn(SpikesIn, Protocol):
    """A port for a single source that can be watched beside others."""

    def watch_for_others(self, is_stopped: Callable[[], bool]) -> Callable[[], bool]:
        """Return a function that is True once other sources are there than now.

        Each call of that function takes a moment.
        """
        ...


class Slot:
    """The place of one of several sources.

    Parameters
    ----------
    source_id
        The source_id that the operator named.
    port
        The port at which it is found.
    stale_ns
        Time in ns without data after which it is silent.
    in_background
        Runs work that the loop must not wait for.
    alarm
        Called with a notice for the operator.

    Attributes
    ----------
    port
        The port at which it is found.
    source
        The source while it is connected, else None.
    stream
        The shape of its stream; None until it was first found.
    too_far_behind_ns
        Time in ns by which its newest input can't be behind that of the others while it sends.
    watch
        The watch for signs of life in its input.
    is_left_out
        True if hops are decoded without it.

    """

    def __init__(
        self,
        source_id: str,
        port: WatchedSpikesIn,
        stale_ns: int,
        in_background: InBackground,
        alarm: Callable[[str], None],
    ) -> None:
        self.source_id = source_id
        self.port = port
        self.source: SpikeSource | None = None
        self.stream: Any = None
        self.too_far_behind_ns = 2 * stale_ns
        self.watch = InputWatch(stale_ns)
        self.is_left_out = False
        self._in_background = in_background
        self._alarm = alarm
        self._hops: SourceHops | None = None
        self._step_ns = 0
        self._found: SpikeSource | None = None
        self._is_closed = self._is_seeking = False
        self._seek_at_ns = 0
        self._said = ""

    @property
    def hops(self) -> SourceHops:
        """The source's hops; there are some once it was opened."""
        assert self._hops
        return self._hops

    @property
    def name(self) -> str:
        """The source's source_id and area, for messages."""
        return str(self._hops.name) if self._hops else f"'{self.source_id}'"

    @property
    def newest_ns(self) -> int:
        """Time of the newest input, in ns; `FOREVER_NS` before any."""
        newest_ns = self.hops.binner.newest_ns
        return FOREVER_NS if newest_ns == NEVER_NS else newest_ns

    def find(
        self, wait_s: float, is_stopped: Callable[[], bool], note: Callable[[str], None]
    ) -> bool:
        """Wait for the source; return False if stopped. Raise StreamError as the port does."""
        self.source = self.port.find(wait_s, is_stopped, note)
        if self.source:
            self.stream = self.stream or self.source.stream
        return self.source is not None

    def open(self, hops: SourceHops, step_ns: int, now_ns: int) -> None:
        """Begin to receive, if the source is there."""
        self._hops, self._step_ns = hops, step_ns
        self._found, self._said, self.is_left_out = None, "", False
        hops.is_absent = self.source is None
        if self.source:
            self.source.open(hops.binner, step_ns)
            self.watch.connect(now_ns)

    def waits(self, now_ns: int) -> bool:
        """Return True if samples wait, or if silence has become data."""
        if self.source is None:
            return False
        return self.source.n_waiting() > 0 or self.hops.binner.due_ns(now_ns) <= now_ns

    def is_silent(self, now_ns: int) -> bool:
        """Return True each time that nothing has come for too long, though something had before."""
        counts = self.hops.binner.input_counts
        n_alive = int(counts[InputCounts.USED] + counts[InputCounts.UNDECODABLE])
        return self.watch.is_silent(n_alive, now_ns) and self.watch.is_fed

    def take_found(self, now_ns: int) -> bool:
        """Go over to a source that was found again; return True if there is one, and it is open."""
        if self._found is None:
            self._seek(now_ns)
            return False
        self.source, self._found, self._said = self._found, None, ""
        self.port.pin(self.source)
        self.watch.connect(now_ns)
        return True

    def close(self) -> None:
        """Stop looking."""
        self._is_closed = True
        self.port.close()

    def _seek(self, now_ns: int) -> None:
        """Look for the source now and then, without waiting for it."""
        if not self._is_seeking and now_ns >= self._seek_at_ns:
            self._is_seeking, self._seek_at_ns = True, now_ns + _SEEK_EVERY_NS
            self._in_background(self._find_again)

    def _find_again(self) -> None:
        """Find and open the source if it is there by now; say once why it can't be used."""
        try:
            source = self.port.find(0.0, lambda: self._is_closed, lambda _: None)
            if source and (changes := self.stream.changed(source.stream)):
                raise StreamError(f"came back changed: {changes}. Start it as it was")
            if source:
                source.open(self.hops.binner, self._step_ns)
                # All may have been connected anew meanwhile, this one among them.
                self._found = None if self.source else source
        except (SourceAbsentError, SourceLostError):
            # It has only just ended, or is not there yet; the next attempt finds out.
            pass
        except StreamError as error:
            if str(error) != self._said:
                self._said = str(error)
                self._alarm(f"{self.name}: {error}")
        finally:
            self._is_seeking = False
