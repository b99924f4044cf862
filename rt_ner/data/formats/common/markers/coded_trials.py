"""Trials in the markers of other programs' tasks, as rules say which marker means what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_MS, NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.markers.marker import Marker, counts_by_source, in_words
from rt_ner.data.formats.common.markers.rules import (
    ROLES,
    MarkersAt,
    Meaning,
    Role,
    masked,
    meanings,
)
from rt_ner.data.formats.common.trials.directions import (
    Directions,
    complete,
    displacements_cm,
    numbered_directions,
    stated_directions,
    way_deg,
)
from rt_ner.data.formats.common.trials.trial_table import TrialTimes, trial_times
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.trials import Trials

# Some programs send a marker several times to be sure, or a state with each of their blocks.
_REPEAT_NS = 250 * NS_PER_MS
# Among markers of one time, those of a trial's end come before the next one's start.
_ORDER = ("success", "failure", "end", "start", "direction", "go")
_Told = tuple[int, Meaning]


@dataclass
class _Trial:
    """A trial as far as its markers tell it: times in ns by role, numbers by name, outcomes."""

    times_ns: dict[str, int]
    numbers: dict[str, float] = field(default_factory=dict)
    outcomes: list[Meaning] = field(default_factory=list)
    has_several: bool = False

    def take(self, time_ns: int, told: Meaning) -> None:
        """Add what a marker tells, the first of each kind; only outcomes may follow the end."""
        if told.role in ("success", "failure"):
            self.outcomes.append(told)
        elif "end" not in self.times_ns:
            self.times_ns.setdefault(told.role, time_ns)
            for name, number in told.numbers.items():
                self.has_several |= self.numbers.setdefault(name, number) != number

    def came_to(self, outcome: str) -> bool:
        """Return True if a marker of an outcome came, with this trial's own numbers."""
        return any(
            each.role == outcome and each.numbers.items() <= self.numbers.items()
            for each in self.outcomes
        )

    def seconds(self, role: str) -> float:
        """Return the time of a role; NaN if it did not come."""
        return self.times_ns[role] / NS_PER_S if role in self.times_ns else np.nan


def coded_trials(
    rules: MarkersAt, markers: Sequence[Marker], behaviour: Behaviour | None
) -> tuple[Trials | None, tuple[str, ...]]:
    """Return the complete, successful trials in a recording's markers, and notes.

    Raises SessionError if the recording lacks a marker that the rules name; the message lists
    those that it holds.
    """
    told, notes = _told(rules, markers)
    trials = _trials(told)
    n_several = sum(trial.has_several for trial in trials)
    _note(notes, "trials with several directions, of which the first is used", n_several)
    kept = [trial for trial in trials if trial.times_ns["start"] >= 0]
    _note(notes, "trials that began before the session, left out", len(trials) - len(kept))
    times = _times(rules, kept)
    notes += times.notes
    if not times.rows.size:
        return None, tuple(notes)
    moved_deg = way_deg(times.go_ns, times.end_ns, behaviour)
    found = _directions(rules, [kept[row] for row in times.rows], moved_deg)
    moved_cm = displacements_cm(times.go_ns, times.end_ns, behaviour)
    whole = Trials(times.start_ns, times.go_ns, times.end_ns, found.degrees, moved_cm)
    return whole, (*notes, *found.notes)


def _told(rules: MarkersAt, markers: Sequence[Marker]) -> tuple[list[_Told], list[str]]:
    """Return what the markers tell, in order of time, and notes."""
    chosen = [masked(one, rules.bits) for one in _of_stream(rules.stream, markers)]
    meaning_of = {one[1:]: meanings(rules, one) for one in chosen}
    notes = _absent(rules, chosen, [each for own in meaning_of.values() for each in own])
    once, again = _once(chosen)
    n_again = sum(bool(meaning_of[one[1:]]) for one in again)
    _note(notes, "markers that repeat the one before within 0.25 s, left out", n_again)
    return [(one.time_ns, each) for one in once for each in meaning_of[one[1:]]], notes


def _note(notes: list[str], finding: str, n: int) -> None:
    if n:
        notes.append(f"{finding}: {n}")


def _of_stream(name: str, markers: Sequence[Marker]) -> list[Marker]:
    """Return the markers of a stream, in order of time; all of them without a name."""
    found = [one for one in markers if name in ("", one.source)]
    if not found:
        held = ", ".join(map(repr, dict.fromkeys(one.source for one in markers)))
        wanted = f"no markers of '{name}'" if name and held else "no markers"
        raise SessionError(
            f"{wanted} in this file{f'; it holds those of {held}' if held else ''}: record the "
            "stream of the task's program too, or take [markers] out of the recipe"
        )
    return sorted(found, key=lambda one: one.time_ns)


def _absent(rules: MarkersAt, chosen: list[Marker], found: Sequence[Meaning]) -> list[str]:
    """Return a note on named markers that never come. Raise SessionError if a role has no other."""
    seen = {(each.role, each.pattern) for each in found}
    wanted: list[tuple[str, Role, Iterable[str]]] = [
        *((role, role, rules.patterns(role)) for role in ROLES),
        ("degrees", "direction", rules.degrees),
    ]
    notes = []
    for name, role, patterns in wanted:
        absent = [pattern for pattern in patterns if (role, pattern) not in seen]
        if not absent:
            continue
        notes.append(f"no marker {', '.join(map(repr, absent))} ({name}) in this file")
        if set(absent) == set(patterns) and role != "failure":
            raise SessionError(f"{notes[-1]}; it holds: {_held(chosen)}")
    return notes


def _held(markers: Sequence[Marker]) -> str:
    """Return the markers of a file with their counts, in words."""
    sources = counts_by_source(markers)
    if len(sources) == 1:
        return in_words(next(iter(sources.values())))
    return "; ".join(f"{name!r}: {in_words(counts)}" for name, counts in sources.items())


def _once(markers: Sequence[Marker]) -> tuple[list[Marker], list[Marker]]:
    """Divide markers in order into those that are new, and those that repeat the one before.

    A state, such as ``TargetCode 3``, repeats the one before of the same name.
    """
    last: dict[tuple[str, str], tuple[int, str]] = {}
    once: list[Marker] = []
    again: list[Marker] = []
    for one in markers:
        text = one.labelled or one.text
        name, _, value = text.rpartition(" ")
        key = (one.source, name if value.isdecimal() else "")
        before_ns, before = last.get(key, (0, ""))
        is_new = text != before or one.time_ns - before_ns >= _REPEAT_NS
        (once if is_new else again).append(one)
        last[key] = (one.time_ns, text)
    return once, again


def _trials(told: list[_Told]) -> list[_Trial]:
    """Return the trials that markers in order tell; an outcome may come after a trial's end."""
    trials: list[_Trial] = []
    for time_ns, at_once in groupby(told, key=lambda one: one[0]):
        for _, each in sorted(at_once, key=lambda one: _ORDER.index(one[1].role)):
            if each.role == "start":
                trials.append(_Trial({}))
            if trials:
                trials[-1].take(time_ns, each)
    return trials


def _times(rules: MarkersAt, trials: Sequence[_Trial]) -> TrialTimes:
    """Return the times of the complete, successful trials."""
    start_s, go_s, end_s = (
        np.array([trial.seconds(role) for trial in trials], dtype=np.float64)
        for role in ("start", "go" if rules.go else "start", "end")
    )
    succeeded = [
        (not rules.success or trial.came_to("success")) and not trial.came_to("failure")
        for trial in trials
    ]
    return trial_times(start_s, go_s, end_s, np.array(succeeded, dtype=np.bool_))


def _directions(rules: MarkersAt, trials: Sequence[_Trial], moved_deg: FloatArray) -> Directions:
    """Return the directions that markers tell, or else those of the movement."""
    degrees, target = (
        np.array([trial.numbers.get(name, np.nan) for trial in trials])
        for name in ("direction", "target")
    )
    if np.isfinite(degrees).any():
        notes: list[str] = []
        _note(
            notes,
            "trials without a direction, that of the movement is used",
            int((~np.isfinite(degrees)).sum()),
        )
        return complete(np.where(np.isfinite(degrees), degrees % 360.0, moved_deg), *notes)
    if rules.targets:
        return numbered_directions("{target}", target, rules.targets, moved_deg)
    return stated_directions("{target}", target, moved_deg)
