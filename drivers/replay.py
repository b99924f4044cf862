"""Replay: a session as live LSL streams, on one master clock with absolute deadlines.

Session time is moved by a whole number of bins, so that every spike keeps its place on the
global grid and a decoder gives the very velocities that the offline evaluation gives. At other
speeds only the pushing is faster or slower: the stamps keep the session's own time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Event

import numpy as np
import pylsl

from drivers.encodings import Form, Packet, RasterForm
from rt_ner.core.arrays import AnyArray, Int64Array
from rt_ner.core.clock import next_grid_line_ns, s_from_ns
from rt_ner.core.contract.kinds import REPLAY_GRID_NS, Kind
from rt_ner.core.contract.markers import SESSION_END, SESSION_ZERO, TrialEvent, TrialMarker
from rt_ner.core.errors import ConfigError
from rt_ner.data.session.session import Session
from rt_ner.lsl.streams import local_now_ns, open_outlet

# For stranger sample periods: bins of 1, 2, 3, 4, 5, 6, 8, 10, 12, … samples keep their phase.
_GRID_SAMPLES = 120
_LISTENER_POLL_S = 0.1
_LINGER_S = 1.0


@dataclass(frozen=True)
class Part:
    """Which stretch of a session to play, in session time, and how."""

    begin_ns: int
    end_ns: int
    speed: float = 1.0
    loop: bool = False


class Replay:
    """Plays a session under the source name ``source`` until it ends or ``stop`` is set.

    ``form``: how its spikes are sent; None: as a raster.
    """

    def __init__(
        self, session: Session, source: str, stop: Event, form: Form | None = None
    ) -> None:
        self._session = session
        self._stop = stop
        self._form = form or RasterForm(session)
        period_ns = self._form.period_ns
        self._outlets = {
            Kind.SPIKES: self._form.open(source),
            Kind.KINEMATICS: open_outlet(source, Kind.KINEMATICS, ["vx", "vy"], "cm/s", None),
            Kind.MARKERS: open_outlet(source, Kind.MARKERS, ["event"], "", None),
            Kind.PUSHED: open_outlet(source, Kind.PUSHED, ["pushed"], "seconds", period_ns),
        }
        raster_ns = session.spikes.raster_period_ns
        self._grid_ns = (
            REPLAY_GRID_NS if REPLAY_GRID_NS % raster_ns == 0 else _GRID_SAMPLES * raster_ns
        )

    def wait_for_listeners(self, kinds: Sequence[Kind]) -> None:
        """Return once each of these streams has a listener (or on stop)."""
        for kind in kinds:
            while not self._stop.is_set():
                if self._outlets[kind].wait_for_consumers(_LISTENER_POLL_S):
                    break

    def play(self, part: Part, progress: Callable[[int], None]) -> None:
        """Play a part, again and again if it loops; ``progress`` gets the session time reached."""
        if part.loop:
            part = replace(part, end_ns=self._seamless_end_ns(part))
        now_ns = local_now_ns()
        shift_ns = next_grid_line_ns(now_ns - part.begin_ns, self._grid_ns)
        started_ns = shift_ns + part.begin_ns
        while not self._stop.is_set():
            player = _Player(self._session, self._outlets, part, shift_ns, started_ns)
            player.play(self._form, self._stop, progress)
            if not part.loop:
                break
            shift_ns += part.end_ns - part.begin_ns
        # Closing an outlet at once would cut off what its listeners have not read yet.
        self._stop.wait(_LINGER_S)

    def _seamless_end_ns(self, part: Part) -> int:
        """Where to cut a looping part so that the next pass follows on the grid without a gap."""
        n_grids = (part.end_ns - part.begin_ns) // self._grid_ns
        if not n_grids:
            raise ConfigError(
                f"{(part.end_ns - part.begin_ns) / 1e9:g} s are too short to loop without a gap: "
                f"play at least {self._grid_ns / 1e9:g} s, or leave out --loop"
            )
        return part.begin_ns + n_grids * self._grid_ns


class _Player:
    """One pass over a part of a session; ``shift_ns`` is session zero on the LSL clock."""

    def __init__(
        self,
        session: Session,
        outlets: dict[Kind, pylsl.StreamOutlet],
        part: Part,
        shift_ns: int,
        started_ns: int,
    ) -> None:
        self._session = session
        self._outlets = outlets
        self._part = part
        self._shift_ns = shift_ns
        self._started_ns = started_ns
        kinematics = session.kinematics
        self._kinematics_ns = kinematics.time_ns
        self._velocity_cm_s = kinematics.velocity_cm_s
        self._next_kinematics = int(np.searchsorted(self._kinematics_ns, part.begin_ns, "right"))
        self._markers = _markers_between(session, part.begin_ns, part.end_ns)

    def play(self, form: Form, stop: Event, progress: Callable[[int], None]) -> None:
        """Push everything when it is due."""
        self._push_marker(SESSION_ZERO, 0)
        for packet in form.packets(self._part.begin_ns, self._part.end_ns):
            if not self._play_packet(packet, form.at_once, stop, progress):
                return
        self._push_until(self._part.end_ns)
        self._push_marker(SESSION_END, self._part.end_ns)

    def _play_packet(
        self, packet: Packet, at_once: int, stop: Event, progress: Callable[[int], None]
    ) -> bool:
        """Push a packet's rows, so many at once, when the last of them is due; False if stopped."""
        stamp_ns = packet.stamp_ns
        first = 0
        while first < stamp_ns.size:
            last = min(first + at_once, stamp_ns.size)
            wait_ns = self._due_ns(int(stamp_ns[last - 1])) - local_now_ns()
            if wait_ns > 0 and stop.wait(s_from_ns(wait_ns)):
                return False
            # Usually these alone; all that are due where the machine was late.
            last = max(last, int(np.searchsorted(stamp_ns, self._reached_ns(), "right")))
            self._push_spikes(packet.values[first:last], stamp_ns[first:last])
            self._push_until(int(stamp_ns[last - 1]))
            progress(int(stamp_ns[last - 1]))
            first = last
        return not stop.is_set()

    def _due_ns(self, session_ns: int) -> int:
        """When a session time is due on the LSL clock; absolute, so that lateness never adds up."""
        elapsed_ns = session_ns + self._shift_ns - self._started_ns
        return self._started_ns + round(elapsed_ns / self._part.speed)

    def _reached_ns(self) -> int:
        """The session time that is due now."""
        elapsed_ns = local_now_ns() - self._started_ns
        return self._started_ns + round(elapsed_ns * self._part.speed) - self._shift_ns

    def _push_spikes(self, values: AnyArray, stamp_ns: Int64Array) -> None:
        stamps_s = [s_from_ns(stamp + self._shift_ns) for stamp in stamp_ns.tolist()]
        pushed_s = pylsl.local_clock()
        self._outlets[Kind.SPIKES].push_chunk(values, stamps_s)
        self._outlets[Kind.PUSHED].push_chunk([pushed_s] * len(stamps_s), stamps_s)

    def _push_until(self, session_ns: int) -> None:
        """Push kinematics and markers up to a session time."""
        while (
            self._next_kinematics < len(self._kinematics_ns)
            and self._kinematics_ns[self._next_kinematics] <= session_ns
        ):
            stamp_s = s_from_ns(int(self._kinematics_ns[self._next_kinematics]) + self._shift_ns)
            velocity_cm_s = self._velocity_cm_s[self._next_kinematics]
            self._outlets[Kind.KINEMATICS].push_sample(velocity_cm_s, stamp_s)
            self._next_kinematics += 1
        while self._markers and self._markers[0][0] <= session_ns:
            marker_ns, text = self._markers.pop(0)
            self._push_marker(text, marker_ns)

    def _push_marker(self, text: str, session_ns: int) -> None:
        self._outlets[Kind.MARKERS].push_sample([text], s_from_ns(session_ns + self._shift_ns))


def _markers_between(session: Session, begin_ns: int, end_ns: int) -> list[tuple[int, str]]:
    """Trial events within ``[begin_ns, end_ns]`` in order of time: ``(session time, text)``."""
    trials = session.trials
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
