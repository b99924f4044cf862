"""Step through trials by the cursor's position and the time, without LSL."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_MS, ns_from_ms, ns_from_s
from rt_ner.task.settings import TaskSettings
from rt_ner.task.trials.targets import Target, Targets


class Phase(StrEnum):
    """Phase of a trial, as the task stream publishes it.

    BETWEEN → (CENTRE → CENTRE_HOLD →) DELAY → REACH ⇄ TARGET_HOLD → SUCCESS or FAILURE → BETWEEN.
    A cursor that leaves the centre too early starts again at CENTRE.
    """

    BETWEEN = "BETWEEN"
    CENTRE = "CENTRE"
    CENTRE_HOLD = "CENTRE_HOLD"
    DELAY = "DELAY"
    REACH = "REACH"
    TARGET_HOLD = "TARGET_HOLD"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


@dataclass(eq=False)
class Trial:
    """One reach from the go cue on, with the cursor's path.

    ``path_cm`` is the cursor's position at each step since the go cue, ``entries_ns`` the times at
    which it entered the target. ``selected`` is the target that was selected, right or wrong; None
    if the time was up before. ``success`` is None until the trial is over.
    """

    target: Target
    go_ns: int
    path_ns: list[int] = field(default_factory=list)
    path_cm: list[FloatArray] = field(default_factory=list)
    entries_ns: list[int] = field(default_factory=list)
    end_ns: int = 0
    success: bool | None = None
    selected: Target | None = None


class TrialMachine:
    """Steps through trials.

    ``trials`` are those that are over, in order. ``n_false_clicks`` counts the clicks since the
    first go cue that did not select the wanted target: those in another one, in none, and between
    reaches.
    """

    def __init__(self, settings: TaskSettings) -> None:
        self.settings = settings
        self._targets = Targets(settings)
        self._since_ns = 0
        self._delay_ns = 0
        self._next = self._targets.centre
        self._trial: Trial | None = None
        self._held: Target | None = None
        self.phase = Phase.BETWEEN
        self.trials: list[Trial] = []
        self.n_false_clicks = 0
        self._is_clicked = False

    @property
    def is_over(self) -> bool:
        """True if all trials of the settings are over."""
        return 0 < self.settings.trials <= len(self.trials)

    @property
    def target(self) -> Target | None:
        """Target that is shown; None between trials."""
        if self.phase in (Phase.CENTRE, Phase.CENTRE_HOLD):
            return self._targets.centre
        if self.phase in (Phase.DELAY, Phase.REACH, Phase.TARGET_HOLD):
            return self._next
        return None

    @property
    def goal(self) -> Target | None:
        """Target to which the cursor should move now; None while it should stay."""
        return None if self.phase is Phase.DELAY else self.target

    @property
    def click_within_cm(self) -> float:
        """Radius of the goal, if there is one and it is selected by a click; else 0."""
        is_by_click = self.settings.is_by_click and self.goal == self._next
        return self._next.radius if is_by_click else 0.0

    def step(self, now_ns: int, cursor_cm: FloatArray, is_clicked: bool = False) -> Phase:
        """Take the cursor's position now, and any click in it; return the phase that follows."""
        n_over, self._is_clicked = len(self.trials), is_clicked
        if self._trial is not None:
            self._trial.path_ns.append(now_ns)
            self._trial.path_cm.append(np.array(cursor_cm))
        getattr(self, f"_in_{self.phase.lower()}")(now_ns, cursor_cm)
        is_right = len(self.trials) > n_over and bool(self.trials[-1].success)
        if is_clicked and not is_right and (self.trials or self._trial):
            self.n_false_clicks += 1
        return self.phase

    def _enter(self, phase: Phase, now_ns: int) -> None:
        self.phase, self._since_ns = phase, now_ns

    def _lasted(self, now_ns: int, ms: float) -> bool:
        return now_ns - self._since_ns >= ns_from_ms(ms)

    def _in_between(self, now_ns: int, cursor_cm: FloatArray) -> None:
        if not self._since_ns:
            self._since_ns = now_ns
        if self.is_over or not self._lasted(now_ns, self.settings.between_ms):
            return
        if self._targets.begins_in_centre:
            self._enter(Phase.CENTRE, now_ns)
        else:
            self._show(now_ns, cursor_cm)

    def _in_centre(self, now_ns: int, cursor_cm: FloatArray) -> None:
        if self._targets.centre.holds(cursor_cm):
            self._enter(Phase.CENTRE_HOLD, now_ns)

    def _in_centre_hold(self, now_ns: int, cursor_cm: FloatArray) -> None:
        if not self._targets.centre.holds(cursor_cm):
            self._enter(Phase.CENTRE, now_ns)
        elif self._lasted(now_ns, self.settings.centre_hold_ms):
            self._show(now_ns, cursor_cm)

    def _show(self, now_ns: int, cursor_cm: FloatArray) -> None:
        """Show the next target, and wait for the go cue."""
        self._next = self._targets.draw(cursor_cm)
        self._delay_ns = round(self._targets.delay_ms() * NS_PER_MS)
        self._enter(Phase.DELAY, now_ns)
        self._in_delay(now_ns, cursor_cm)

    def _in_delay(self, now_ns: int, cursor_cm: FloatArray) -> None:
        if self._targets.begins_in_centre and not self._targets.centre.holds(cursor_cm):
            self._enter(Phase.CENTRE, now_ns)
        elif now_ns - self._since_ns >= self._delay_ns:
            self._trial = Trial(self._next, now_ns, [now_ns], [np.array(cursor_cm)])
            self._enter(Phase.REACH, now_ns)

    def _in_reach(self, now_ns: int, cursor_cm: FloatArray) -> None:
        assert self._trial
        held = self._held_target(cursor_cm)
        if held is not None:
            self._held = held
            if held == self._next:
                self._trial.entries_ns.append(now_ns)
            self._enter(Phase.TARGET_HOLD, now_ns)
            if self._is_clicked:
                self._in_target_hold(now_ns, cursor_cm)
        elif self._is_late(now_ns):
            self._end(None, now_ns)

    def _in_target_hold(self, now_ns: int, cursor_cm: FloatArray) -> None:
        assert self._held
        if not self._held.holds(cursor_cm):
            self._enter(Phase.REACH, now_ns)
            self._in_reach(now_ns, cursor_cm)
        elif self._is_selected(now_ns):
            self._end(self._held, now_ns)
        elif self.settings.is_by_click and self._is_late(now_ns):
            self._end(None, now_ns)

    def _is_selected(self, now_ns: int) -> bool:
        if self.settings.is_by_click:
            return self._is_clicked
        return self._lasted(now_ns, self.settings.target_hold_ms)

    def _is_late(self, now_ns: int) -> bool:
        assert self._trial
        return now_ns - self._trial.go_ns >= ns_from_s(self.settings.timeout_s)

    def _held_target(self, cursor_cm: FloatArray) -> Target | None:
        """Return the target that the cursor is in: any cell of a grid, or the one shown."""
        candidates = self._targets.cells or (self._next,)
        return next((target for target in candidates if target.holds(cursor_cm)), None)

    def _end(self, selected: Target | None, now_ns: int) -> None:
        assert self._trial
        success = selected == self._next
        self._trial.selected, self._trial.success = selected, success
        self._trial.end_ns = now_ns
        self.trials.append(self._trial)
        self._trial = None
        self._enter(Phase.SUCCESS if success else Phase.FAILURE, now_ns)

    def _in_success(self, now_ns: int, _cursor_cm: FloatArray) -> None:
        self._enter(Phase.BETWEEN, now_ns)

    _in_failure = _in_success
