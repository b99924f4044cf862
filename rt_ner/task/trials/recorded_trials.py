"""Get the trials of a task back from a recording of its streams."""

from collections.abc import Sequence

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_MS
from rt_ner.task.trials.targets import Target
from rt_ner.task.trials.trial_machine import Phase, Trial

# Two streams of the task may differ by so much, because their clocks are measured one by one.
_SAME_NS = 20 * NS_PER_MS
_ENDS = {Phase.SUCCESS: True, Phase.FAILURE: False}
Track = tuple[Int64Array, FloatArray]


def trials_of(
    phases: Sequence[tuple[int, str]], cursor: Track, target: Track, is_square: bool
) -> list[Trial]:
    """Return the trials of which go cue and end were recorded, as the task had them.

    Parameters
    ----------
    phases
        The task's phases, each with the time in ns at which it began, in order.
    cursor, target
        Times in ns with the cursor's positions ``(sample, 2)`` in cm, and with the targets
        ``(sample, ≥ 3)``: x, y and radius in cm.
    is_square
        True if targets are squares.

    Returns
    -------
    list of Trial
        The trials, in order.

    """
    trials: list[Trial] = []
    go_ns: int | None = None
    before = ""
    for time_ns, phase in phases:
        if phase == Phase.REACH and before != Phase.TARGET_HOLD:
            go_ns = time_ns
        elif phase in _ENDS and go_ns is not None:
            if (shown := _shown(target, go_ns, time_ns, is_square)) is not None:
                trial = _trial(shown, cursor, (go_ns, time_ns), _ENDS[Phase(phase)])
                trial.selected = _selected(trial, before)
                trials.append(trial)
            go_ns = None
        before = phase
    return trials


def correct_selections(trials: Sequence[Trial], marked_ns: Int64Array) -> None:
    """Correct what each trial selected by the times of the markers of selections."""
    for trial in trials:
        is_marked = np.abs(marked_ns - trial.end_ns).min(initial=_SAME_NS) < _SAME_NS
        trial.selected = _place(trial) if is_marked else None


def _selected(trial: Trial, before: str) -> Target | None:
    """Return what was selected, as far as phases tell.

    A reach by clicks whose time was up in another cell of a grid counts as a wrong selection.
    """
    is_in_cell = trial.target.is_square and before == Phase.TARGET_HOLD
    return _place(trial) if trial.success or is_in_cell else None


def _place(trial: Trial) -> Target | None:
    """Return the target, or in its place that of the cursor; None if there was no cursor."""
    if trial.success:
        return trial.target
    if not trial.path_cm:
        return None
    x, y = trial.path_cm[-1].tolist()
    return Target(x, y, trial.target.radius, trial.target.is_square)


def _shown(target: Track, go_ns: int, end_ns: int, is_square: bool) -> Target | None:
    """Return the target that was shown at the go cue; None if that was not recorded."""
    stamps_ns, values = target
    row = int(np.searchsorted(stamps_ns, go_ns))
    if row == len(stamps_ns) or stamps_ns[row] > end_ns or not values[row, 2] > 0:
        return None
    x, y, radius = values[row, :3].tolist()
    return Target(x, y, radius, is_square)


def _trial(shown: Target, cursor: Track, span_ns: tuple[int, int], success: bool) -> Trial:
    stamps_ns, places_cm = cursor
    begin, end = np.searchsorted(stamps_ns, [span_ns[0], span_ns[1] + 1])
    path = places_cm[begin:end]
    inside = shown.hold(path)
    # At the go cue itself, the task looks at the time alone.
    inside[:1] = False
    entries = np.flatnonzero(inside[1:] & ~inside[:-1]) + 1
    return Trial(
        shown,
        span_ns[0],
        stamps_ns[begin:end].tolist(),
        list(path),
        stamps_ns[begin:end][entries].tolist(),
        span_ns[1],
        success,
    )
