"""Play a session as live LSL streams, on one clock with absolute deadlines.

Session time is moved by a whole number of bins. So every spike keeps its place on the global grid,
and a decoder gives exactly the velocities of the offline evaluation. At other speeds only the
pushing is faster or slower: the stamps keep the session's own time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from threading import Event

import numpy as np
import pylsl

from drivers.replay.packets import Packet, Packets
from drivers.source import LslSource, Opener, opener
from rt_ner.core.arrays import AnyArray, Int64Array
from rt_ner.core.clock import next_grid_line_ns, s_from_ns
from rt_ner.core.contract.kinds import REPLAY_GRID_NS, Kind
from rt_ner.core.contract.markers import SESSION_END, SESSION_ZERO, TrialEvent, TrialMarker
from rt_ner.core.errors import ConfigError
from rt_ner.data.session.session import Session
from rt_ner.lsl.streams import local_now_ns

# For unusual sample periods: bins of 1, 2, 3, 4, 5, 6, 8, 10, 12, … samples keep their phase.
_GRID_SAMPLES = 120
_LINGER_S = 1.0

# Receives the session time that has been reached, in ns.
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Part:
    """A stretch of a session, in session time, and how it is played."""

    begin_ns: int
    end_ns: int
    speed: float = 1.0
    loop: bool = False


class Replay(LslSource):
    """Plays a part of a session under a name; a part that loops is played until stopped."""

    def __init__(
        self,
        session: Session,
        packets: Packets,
        name: str,
        part: Part,
        progress: Progress = lambda _: None,
    ) -> None:
        super().__init__(
            name,
            {
                packets.encoding.kind: partial(packets.encoding.open, at_once=part.speed <= 1),
                Kind.KINEMATICS: _behaviour_opener(session),
                Kind.MARKERS: opener(Kind.MARKERS, ["event"], "", None),
                Kind.PUSHED: opener(Kind.PUSHED, ["pushed"], "seconds", packets.encoding.period_ns),
            },
        )
        self._session = session
        self._packets = packets
        self._progress = progress
        raster_ns = session.spikes.raster_period_ns
        self._grid_ns = (
            REPLAY_GRID_NS if REPLAY_GRID_NS % raster_ns == 0 else _GRID_SAMPLES * raster_ns
        )
        self._part = self._seamless(part) if part.loop else part

    def run(self, stop: Event) -> None:
        """Play the part, again and again if it loops, until stopped."""
        part = self._part
        shift_ns = next_grid_line_ns(local_now_ns() - part.begin_ns, self._grid_ns)
        clock = _Clock(shift_ns + part.begin_ns, part.speed)
        while not stop.is_set():
            one_pass = _Pass(self._session, self._packets, self._outlets, part, shift_ns)
            one_pass.play(clock, stop, self._progress)
            if not part.loop:
                break
            shift_ns += part.end_ns - part.begin_ns
        # Closing an outlet at once would cut off what its listeners have not read yet.
        stop.wait(_LINGER_S)

    def _seamless(self, part: Part) -> Part:
        """Cut a part so that its next pass follows on the grid without a gap."""
        n_grids = (part.end_ns - part.begin_ns) // self._grid_ns
        if not n_grids:
            raise ConfigError(
                f"{(part.end_ns - part.begin_ns) / 1e9:g} s are too short to loop without a gap: "
                f"play at least {self._grid_ns / 1e9:g} s, or leave out --loop"
            )
        return replace(part, end_ns=part.begin_ns + n_grids * self._grid_ns)


@dataclass(frozen=True)
class _Clock:
    """Turns stamps into moments at which they are due, both in ns of the LSL clock."""

    started_ns: int
    speed: float

    def due_ns(self, stamp_ns: int) -> int:
        """Return when a stamp is due; absolute, so that lateness never adds up."""
        return self.started_ns + round((stamp_ns - self.started_ns) / self.speed)

    def reached_ns(self) -> int:
        """Return the stamp that is due now."""
        return self.started_ns + round((local_now_ns() - self.started_ns) * self.speed)


class _Pass:
    """One pass over a part of a session; ``shift_ns`` is session zero on the LSL clock."""

    def __init__(
        self,
        session: Session,
        packets: Packets,
        outlets: Mapping[Kind, pylsl.StreamOutlet],
        part: Part,
        shift_ns: int,
    ) -> None:
        self._packets = packets
        self._outlets = outlets
        self._part = part
        self._shift_ns = shift_ns
        self._kinematics_ns = session.behaviour.time_ns
        self._values = session.behaviour.values
        self._next_kinematics = int(np.searchsorted(self._kinematics_ns, part.begin_ns, "right"))
        self._markers = _markers_between(session, part.begin_ns, part.end_ns)

    def play(self, clock: _Clock, stop: Event, progress: Progress) -> None:
        """Push everything when it is due."""
        self._push_marker(SESSION_ZERO, 0)
        for packet in self._packets.between(self._part.begin_ns, self._part.end_ns):
            if not self._play_packet(packet, clock, stop, progress):
                return
        self._push_until(self._part.end_ns)
        self._push_marker(SESSION_END, self._part.end_ns)

    def _play_packet(self, packet: Packet, clock: _Clock, stop: Event, progress: Progress) -> bool:
        """Push a packet's rows, each group when its last row is due; return False if stopped."""
        stamp_ns = packet.stamp_ns
        first = 0
        while first < stamp_ns.size:
            last = min(first + self._packets.at_once, stamp_ns.size)
            due_ns = clock.due_ns(int(stamp_ns[last - 1]) + self._shift_ns)
            wait_ns = due_ns - local_now_ns()
            if wait_ns > 0 and stop.wait(s_from_ns(wait_ns)):
                return False
            # Usually these alone; all that are due where the machine was late.
            reached_ns = clock.reached_ns() - self._shift_ns
            last = max(last, int(np.searchsorted(stamp_ns, reached_ns, "right")))
            self._push_spikes(packet.values[first:last], stamp_ns[first:last])
            self._push_until(int(stamp_ns[last - 1]))
            progress(int(stamp_ns[last - 1]))
            first = last
        return not stop.is_set()

    def _push_spikes(self, values: AnyArray, stamp_ns: Int64Array) -> None:
        stamps_s = [s_from_ns(stamp + self._shift_ns) for stamp in stamp_ns.tolist()]
        pushed_s = pylsl.local_clock()
        self._outlets[self._packets.encoding.kind].push_chunk(values, stamps_s)
        self._outlets[Kind.PUSHED].push_chunk([pushed_s] * len(stamps_s), stamps_s)

    def _push_until(self, session_ns: int) -> None:
        """Push kinematics and markers up to a session time."""
        while (
            self._next_kinematics < len(self._kinematics_ns)
            and self._kinematics_ns[self._next_kinematics] <= session_ns
        ):
            stamp_s = s_from_ns(int(self._kinematics_ns[self._next_kinematics]) + self._shift_ns)
            values = self._values[self._next_kinematics]
            self._outlets[Kind.KINEMATICS].push_sample(values, stamp_s)
            self._next_kinematics += 1
        while self._markers and self._markers[0][0] <= session_ns:
            marker_ns, text = self._markers.pop(0)
            self._push_marker(text, marker_ns)

    def _push_marker(self, text: str, session_ns: int) -> None:
        self._outlets[Kind.MARKERS].push_sample([text], s_from_ns(session_ns + self._shift_ns))


def _behaviour_opener(session: Session) -> Opener:
    """Return what opens the stream of the behaviour, whatever it is."""
    outputs = session.behaviour.outputs
    names, units = ([str(output[column]) for output in outputs] for column in (0, 1))
    return opener(Kind.KINEMATICS, names, units, None)


def _markers_between(session: Session, begin_ns: int, end_ns: int) -> list[tuple[int, str]]:
    """Return the markers of a stretch, both ends included, as (session time, text) in order."""
    trials = session.trials
    if trials.are_blocks:
        return []
    markers = []
    for trial in range(len(trials)):
        direction_deg = float(trials.direction_deg[trial])
        for time_ns, marker in (
            (trials.start_ns[trial], TrialMarker(TrialEvent.START, trial)),
            (trials.go_ns[trial], TrialMarker(TrialEvent.GO, trial, direction_deg)),
            (trials.end_ns[trial], TrialMarker(TrialEvent.END, trial)),
        ):
            markers.append((int(time_ns), str(marker)))
    return [marker for marker in sorted(markers) if begin_ns <= marker[0] <= end_ns]
