"""Run the task on LSL: velocity in; cursor, target, phase and trial markers out."""

from collections.abc import Callable
from threading import Event

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_MS, NS_PER_S, s_from_ns
from rt_ner.core.contract.kinds import TARGET_LABELS, TASK_KINDS, Kind
from rt_ner.core.contract.markers import (
    FALSE_CLICK,
    TrialEvent,
    TrialMarker,
    scores_marker,
    selection_marker,
)
from rt_ner.lsl.discovery import StreamQuery
from rt_ner.lsl.network.lookout import Lookout
from rt_ner.lsl.network.own_names import OwnNames
from rt_ner.lsl.simulated_clock import REAL_TIME, SimulatedClock
from rt_ner.lsl.stream_reader import StreamReader
from rt_ner.lsl.streams import open_outlet
from rt_ner.task.clicks.click_reader import ClickReader
from rt_ner.task.cursor import Cursor
from rt_ner.task.scores import machine_scores
from rt_ner.task.settings import TaskSettings
from rt_ner.task.trials.trial_machine import Phase, Trial, TrialMachine

_TICK_NS = 5 * NS_PER_MS
# A velocity that is away for less is not worth a line.
_PATIENCE_NS, _SILENT_S = NS_PER_S, 1.0
# Assistance moves towards the target at a speed proportional to the distance, up to a limit.
_ASSIST_S, _ASSIST_MAX_CM_S = 0.3, 30.0


class TaskRunner:
    """Runs trials with the velocity of a decoder or of a hand.

    ``query`` finds the velocity stream. Trials begin with its first sample. It may disappear and
    return; without it the cursor stands still. ``source`` is the name of the task's own streams,
    ``clock`` the clock of the velocity's time stamps. ``classes`` finds the decoder's classes, if
    targets are selected by clicks; None for a hand, whose button is in the stream of its velocity.
    """

    def __init__(
        self,
        settings: TaskSettings,
        query: StreamQuery,
        source: str,
        clock: SimulatedClock = REAL_TIME,
        classes: StreamQuery | None = None,
    ) -> None:
        self._settings = settings
        self._clicks = ClickReader(settings.click, classes) if settings.is_by_click else None
        self._clock = clock
        self._reader = StreamReader(lambda: query)
        self._cursor = Cursor()
        self._names = OwnNames(source, TASK_KINDS)
        self._cursor_out = open_outlet(source, Kind.CURSOR, ["x", "y"], "cm", _TICK_NS)
        self._target_out = open_outlet(
            source, Kind.TARGET, TARGET_LABELS, "cm", _TICK_NS, settings.about()
        )
        about = {"settings": settings.model_dump_json()}
        self._phase_out = open_outlet(source, Kind.TASK, ["phase"], "", None, about)
        self._markers_out = open_outlet(source, Kind.MARKERS, ["event"], "", None)
        for outlet in (self._cursor_out, self._target_out, self._phase_out, self._markers_out):
            self._names.add(outlet)
        self._phase: Phase | None = None
        self._has_begun = False
        self._query = query
        self._awaited, self._told, self._since_ns = "", "", 0
        self.machine = TrialMachine(settings)

    def run(
        self,
        stop: Event,
        tell: Callable[[Trial], None],
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Run all trials, or until ``stop``.

        Parameters
        ----------
        stop
            The event that ends the task.
        tell
            Called with each trial that is over.
        note
            Called with what the task waits for, when it waits no more, and if somebody else begins
            to publish under the task's name.

        """
        self._names.alarm = note
        clicks = self._clicks.readers if self._clicks else []
        lookout = Lookout([self._reader, *clicks, self._names], self._names.search)
        due_ns = self._clock.now_ns()
        try:
            while not (stop.is_set() or self.machine.is_over):
                now_ns = self._clock.now_ns()
                self._tick(now_ns, tell)
                self._tell_awaited(now_ns, note)
                # Ticks are on a fixed grid; missed ones are left out.
                due_ns += max(1, -(-(now_ns - due_ns) // _TICK_NS)) * _TICK_NS
                self._clock.wait_until(due_ns, stop)
            if self.machine.trials:
                scores = scores_marker(machine_scores(self.machine))
                # By the task's own clock as all else: XDF takes a step back for a damaged clock.
                self._markers_out.push_sample([scores], s_from_ns(self._clock.now_ns()))
        finally:
            lookout.close()

    def _tick(self, now_ns: int, tell: Callable[[Trial], None]) -> None:
        is_clicked = self._move()
        n_over, n_false = len(self.machine.trials), self.machine.n_false_clicks
        cursor_cm, phase = self._cursor.position_cm, self.machine.phase
        # No trial begins before there is a velocity, and clicks if targets need them.
        if self._has_begun:
            phase = self.machine.step(now_ns, cursor_cm, is_clicked)
        stamp_s = s_from_ns(now_ns)
        if self.machine.n_false_clicks > n_false:
            self._markers_out.push_sample([FALSE_CLICK], stamp_s)
        self._cursor_out.push_sample(cursor_cm.tolist(), stamp_s)
        self._target_out.push_sample(self._shown(), stamp_s)
        if phase is not self._phase:
            self._enter(phase, stamp_s)
        for trial in self.machine.trials[n_over:]:
            tell(trial)

    def awaited(self) -> str:
        """Return why no velocity comes, with the remedy; empty if it comes."""
        name = self._query.source_id
        if self._reader.is_connected:
            if self._reader.age_s() < _SILENT_S:
                return self._clicks.problem(self._reader) if self._clicks else ""
            return f"waiting for a velocity: '{name}' sends nothing; look at its source"
        return (
            f"waiting for a velocity: {self._reader.problem or f'no stream {name!r}'}; start its "
            "source, or name another with --decoder or --hand"
        )

    def _tell_awaited(self, now_ns: int, note: Callable[[str], None]) -> None:
        awaited = self.awaited()
        if awaited != self._awaited:
            self._awaited, self._since_ns = awaited, now_ns
        if awaited != self._told and now_ns - self._since_ns >= _PATIENCE_NS:
            note(awaited or f"the velocity '{self._query.source_id}' moves the cursor")
            self._told = awaited

    def _move(self) -> bool:
        """Move the cursor by the velocities that came, within the workspace; True: a click came."""
        stamps_s, velocity = self._reader.numbers()
        is_clicked = bool(
            self._clicks and self._clicks.is_clicked(self._reader, stamps_s, velocity)
        )
        if not len(stamps_s):
            return is_clicked
        self._has_begun |= not (self._clicks and self._clicks.problem(self._reader))
        velocity_cm_s = velocity[:, :2] * self._reader.cm_per_unit
        self._cursor.move(stamps_s, self._assisted(velocity_cm_s))
        edge_cm = self._settings.workspace_cm / 2
        self._cursor.position_cm = self._cursor.position_cm.clip(-edge_cm, edge_cm)
        return is_clicked

    def _assisted(self, velocity_cm_s: FloatArray) -> FloatArray:
        goal, assist = self.machine.goal, self._settings.assist
        if goal is None or not assist:
            return velocity_cm_s
        help_cm_s = (goal.centre_cm - self._cursor.position_cm) / _ASSIST_S
        speed = float(np.hypot(*help_cm_s))
        help_cm_s = help_cm_s * min(1.0, _ASSIST_MAX_CM_S / max(speed, 1e-9))
        return (1 - assist) * velocity_cm_s + assist * help_cm_s

    def _enter(self, phase: Phase, stamp_s: float) -> None:
        """Publish the phase, and the trial markers that a replay would send for it."""
        before, self._phase = self._phase, phase
        number, target = len(self.machine.trials), self.machine.target
        if phase is Phase.DELAY or (phase is Phase.REACH and before is not Phase.TARGET_HOLD):
            if before is not Phase.DELAY:
                self._markers_out.push_sample([str(TrialMarker(TrialEvent.START, number))], stamp_s)
            if phase is Phase.REACH and target is not None:
                angle = np.rad2deg(np.arctan2(*target.centre_cm[::-1])) % 360.0
                go = TrialMarker(TrialEvent.GO, number, float(angle))
                self._markers_out.push_sample([str(go)], stamp_s)
        elif phase in (Phase.SUCCESS, Phase.FAILURE):
            if self.machine.trials[-1].selected:
                selected = selection_marker(number - 1, phase is Phase.SUCCESS)
                self._markers_out.push_sample([selected], stamp_s)
            self._markers_out.push_sample([str(TrialMarker(TrialEvent.END, number - 1))], stamp_s)
        self._phase_out.push_sample([str(phase)], stamp_s)

    def _shown(self) -> list[float]:
        """Return the target as it is sent; a radius of 0 stands for none."""
        target = self.machine.target
        if target is None:
            return [0.0, 0.0, 0.0, 0.0]
        return [target.x, target.y, target.radius, float(self.machine.goal is not None)]
