"""Subject: somebody in the loop when nobody is there: sees the task, and fires spikes over LSL."""

from functools import partial
from threading import Event

import numpy as np

from drivers.simulated.intention import Intention, SubjectSettings
from drivers.simulated.neurons import Firing, Neurons
from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_MS, next_grid_line_ns, s_from_ns
from rt_ner.core.contract.kinds import Kind
from rt_ner.lsl.discovery import query_for
from rt_ner.lsl.simulated_clock import REAL_TIME, SimulatedClock
from rt_ner.lsl.stream_reader import Connector, StreamReader
from rt_ner.lsl.streams import open_outlet

_STEP_MS = 5
_STEP_NS = _STEP_MS * NS_PER_MS


class Subject:
    """Looks at the task's cursor and target, and sends spikes, its hand and its intention.

    ``source``: name of its streams: spikes at 1 kHz; ``kinematics``, its own hand's velocity, as in
    a recording; ``velocity``, what it means, as an ideal decoder would give it. Without a task it
    rests, and its neurons go on firing. It lives by the clock of ``clock``.
    """

    def __init__(
        self,
        neurons: Neurons,
        settings: SubjectSettings,
        task: str,
        source: str,
        seed: int,
        clock: SimulatedClock = REAL_TIME,
    ) -> None:
        self._clock = clock
        rng = np.random.default_rng(seed)
        self._intention = Intention(settings, _STEP_MS / 1e3, rng)
        self._firing = Firing(neurons, rng)
        self._readers = {
            kind: StreamReader(partial(query_for, task, kind))
            for kind in (Kind.CURSOR, Kind.TARGET)
        }
        self._cursor_cm = np.zeros(2)
        self._goal_cm: FloatArray | None = None
        channels = neurons.channel_ids
        self._spikes = open_outlet(source, Kind.SPIKES, channels, "spikes", NS_PER_MS)
        self._hand = open_outlet(source, Kind.KINEMATICS, ["vx", "vy"], "cm/s", None)
        self._means = open_outlet(source, Kind.VELOCITY, ["vx", "vy"], "cm/s", _STEP_NS)

    def run(self, stop: Event) -> None:
        """Live until stopped; steps are on an absolute clock, and none is left out."""
        connector = Connector(list(self._readers.values()))
        now_ns = next_grid_line_ns(self._clock.now_ns(), _STEP_NS)
        try:
            while not self._clock.wait_until(now_ns, stop):
                self._step(now_ns)
                now_ns += _STEP_NS
        finally:
            connector.close()

    def _step(self, now_ns: int) -> None:
        """One step that ends now: look, mean, fire."""
        self._look()
        self._intention.step(self._cursor_cm, self._goal_cm)
        intention = self._intention
        spikes = self._firing.fire(intention.velocity_cm_s, intention.position_cm, _STEP_MS)
        stamps_s = [s_from_ns(now_ns + (k + 1 - _STEP_MS) * NS_PER_MS) for k in range(_STEP_MS)]
        self._spikes.push_chunk(spikes.astype(np.int16), stamps_s)
        self._hand.push_sample(intention.hand_cm_s.tolist(), stamps_s[-1])
        self._means.push_sample(intention.velocity_cm_s.tolist(), stamps_s[-1])

    def _look(self) -> None:
        """What the screen shows now."""
        _, cursor = self._readers[Kind.CURSOR].numbers()
        if len(cursor):
            self._cursor_cm = cursor[-1, :2]
        _, target = self._readers[Kind.TARGET].numbers()
        if len(target):
            x, y, radius, go = target[-1]
            self._goal_cm = np.array([x, y]) if radius > 0 and go > 0 else None
        if not self._readers[Kind.TARGET].is_connected:
            self._goal_cm = None
