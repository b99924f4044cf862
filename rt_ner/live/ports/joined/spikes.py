"""Find several sources, each at a port of its own, as if they were one."""

from collections import deque
from collections.abc import Callable, Sequence

from rt_ner.core.clock import ns_from_ms
from rt_ner.core.errors import SourceAbsentError
from rt_ner.decoding.input.settings import MissingSource
from rt_ner.live.ports.joined.slot import Slot, WatchedSpikesIn
from rt_ner.live.ports.joined.source import JoinedSource
from rt_ner.live.ports.protocols import Clock, InBackground, SpikeSource, in_a_thread
from rt_ner.live.settings import DecodeSettings

# One turn of the search for any of several sources.
_TURN_S = 0.25


class JoinedSpikes:
    """The spikes port of several sources.

    The first time all of them must appear, so that a wrong name can't pass for an outage.

    Parameters
    ----------
    slots
        The places of the sources, in the order of the bundle's areas.
    goes_on_without
        True to go on with the others if one is lost.
    now_ns
        The loop's clock.
    alarm
        Called with a notice for the operator.

    """

    def __init__(
        self,
        slots: Sequence[Slot],
        goes_on_without: bool,
        now_ns: Callable[[], int],
        alarm: Callable[[str], None],
    ) -> None:
        self._slots = tuple(slots)
        self._goes_on_without = goes_on_without
        self._now_ns = now_ns
        self._alarm = alarm

    def find(
        self, wait_s: float, is_stopped: Callable[[], bool], note: Callable[[str], None]
    ) -> JoinedSource | None:
        """Return the sources, all or as many as are enough; None if stopped meanwhile.

        Raises StreamError and SourceLostError as the port of a single source does.
        """
        are_known = all(slot.stream for slot in self._slots)
        if are_known and self._goes_on_without:
            found = self._find_any(is_stopped, note)
        else:
            found = all(slot.find(wait_s, is_stopped, note) for slot in self._slots)
        if not found:
            return None
        return JoinedSource(self._slots, self._goes_on_without, self._now_ns, self._alarm)

    def pin(self, source: SpikeSource) -> None:  # noqa: ARG002 - the slots know their sources
        """Find these very sources alone from now on, should they go and come back."""
        for slot in self._slots:
            if slot.source:
                slot.port.pin(slot.source)

    @property
    def source_came_back(self) -> bool:
        """True if one of the sources is back, so that its old connection is dead."""
        return any(slot.source and slot.port.source_came_back for slot in self._slots)

    def wait_for_others(self, is_stopped: Callable[[], bool]) -> None:
        """Wait until other sources are there than now, or until stopped."""
        changed = [slot.port.watch_for_others(is_stopped) for slot in self._slots]
        while not is_stopped():
            if any(has_changed() for has_changed in changed):
                return

    def close(self) -> None:
        """Stop looking."""
        for slot in self._slots:
            slot.close()

    def _find_any(self, is_stopped: Callable[[], bool], note: Callable[[str], None]) -> bool:
        """Wait until at least one source is there; return False if stopped."""
        while not is_stopped():
            for slot in self._slots:
                try:
                    slot.find(_TURN_S, is_stopped, note)
                except SourceAbsentError as error:
                    note(str(error))
            if any(slot.source for slot in self._slots):
                return True
        return False


def join_spikes(
    singles: Sequence[WatchedSpikesIn],
    settings: DecodeSettings,
    clock: Clock,
    alarms: deque[str],
    in_background: InBackground = in_a_thread,
) -> JoinedSpikes:
    """Return the port that joins those of single sources.

    Parameters
    ----------
    singles
        The ports, in the order of the sources in the settings.
    settings
        The settings, which name the sources and tell what to do if one is missing.
    clock
        The loop's clock.
    alarms
        Notices for the operator.
    in_background
        Runs work that the loop must not wait for.

    Returns
    -------
    JoinedSpikes
        The port of all of them.

    """
    stale_ns = ns_from_ms(settings.safety.stale_ms)
    slots = [
        Slot(source_id, port, stale_ns, in_background, alarms.append)
        for source_id, port in zip(settings.input.sources, singles, strict=True)
    ]
    goes_on_without = settings.input.missing_source is MissingSource.WITHOUT
    return JoinedSpikes(slots, goes_on_without, clock.now_ns, alarms.append)
