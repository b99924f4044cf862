"""Publish a simulated subject, who sees the task and fires spikes, as LSL streams."""

from functools import partial
from threading import Event

import numpy as np

from drivers.encodings import RasterEncoding
from drivers.simulated.subject.firing import Firing
from drivers.simulated.subject.intention import Intention, SubjectSettings
from drivers.simulated.subject.neurons import Neurons
from drivers.source import LslSource, opener
from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_MS, next_grid_line_ns, s_from_ns
from rt_ner.core.contract.kinds import CLICK_LABEL, Kind
from rt_ner.lsl.discovery import query_for
from rt_ner.lsl.network.lookout import Lookout
from rt_ner.lsl.simulated_clock import REAL_TIME, KeepingUp, SimulatedClock
from rt_ner.lsl.stream_reader import StreamReader

_STEP_MS = 5
_STEP_NS = _STEP_MS * NS_PER_MS


class Subject(LslSource):
    """Sees the cursor and target of ``task``, and sends spikes, hand and intention under a name.

    Spikes are counts at 1 kHz; ``kinematics`` is the velocity of its own hand and its button, as in
    a recording; ``velocity`` is the intended one and ``classes`` the intended click, as an ideal
    decoder would give them. It clicks if the task selects by clicks. Without a task it rests, and
    its neurons go on firing. All its times are on ``clock``.
    """

    def __init__(
        self,
        neurons: Neurons,
        settings: SubjectSettings,
        task: str,
        name: str,
        seed: int,
        clock: SimulatedClock = REAL_TIME,
    ) -> None:
        self._raster = RasterEncoding(neurons.channel_ids, NS_PER_MS)
        super().__init__(
            name,
            {
                Kind.SPIKES: partial(self._raster.open, at_once=clock.speed <= 1),
                Kind.KINEMATICS: opener(
                    Kind.KINEMATICS, ["vx", "vy", CLICK_LABEL], ["cm/s", "cm/s", ""], None
                ),
                Kind.VELOCITY: opener(Kind.VELOCITY, ["vx", "vy"], "cm/s", _STEP_NS),
                Kind.CLASSES: opener(Kind.CLASSES, ["0", "1"], "probability", _STEP_NS),
            },
        )
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
        self._click_within_cm = 0.0

    def run(self, stop: Event) -> None:
        """See, intend and fire until stopped; no step is left out.

        Raises RtNerError if the computer is too slow for the clock.
        """
        lookout = Lookout(list(self._readers.values()))
        now_ns = next_grid_line_ns(self._clock.now_ns(), _STEP_NS)
        keeping_up = KeepingUp(self._clock.speed)
        try:
            while not self._clock.wait_until(now_ns, stop):
                keeping_up.check(now_ns, self._clock.now_ns())
                self._step(now_ns)
                now_ns += _STEP_NS
        finally:
            lookout.close()

    def _step(self, now_ns: int) -> None:
        """Take the step that ends now."""
        self._see()
        self._intention.step(self._cursor_cm, self._goal_cm, self._click_within_cm)
        intention = self._intention
        spikes = self._firing.fire(
            intention.velocity_cm_s, intention.position_cm, _STEP_MS, intention.click
        )
        stamps_s = [s_from_ns(now_ns + (k + 1 - _STEP_MS) * NS_PER_MS) for k in range(_STEP_MS)]
        self._outlets[Kind.SPIKES].push_chunk(self._raster.encode(spikes), stamps_s)
        for kind, values in (
            (Kind.KINEMATICS, [*intention.hand_cm_s.tolist(), float(intention.hand_click)]),
            (Kind.VELOCITY, intention.velocity_cm_s.tolist()),
            (Kind.CLASSES, [1 - intention.click, intention.click]),
        ):
            self._outlets[kind].push_sample(values, stamps_s[-1])

    def _see(self) -> None:
        """Take in what the screen shows now."""
        _, cursor = self._readers[Kind.CURSOR].numbers()
        if len(cursor):
            self._cursor_cm = cursor[-1, :2]
        _, target = self._readers[Kind.TARGET].numbers()
        if len(target):
            x, y, radius, go = target[-1]
            self._goal_cm = np.array([x, y]) if radius > 0 and go > 0 else None
            is_by_click = self._readers[Kind.TARGET].about.get("selection") == "click"
            self._click_within_cm = radius if is_by_click else 0.0
        if not self._readers[Kind.TARGET].is_connected:
            self._goal_cm = None
