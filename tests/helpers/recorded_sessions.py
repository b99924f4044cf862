"""Recordings of a decoder and a task, made without LSL: the task's machine is stepped by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.kinds import TARGET_LABELS, TIMING_LABELS
from rt_ner.core.contract.markers import FALSE_CLICK, selection_marker
from rt_ner.live.states import State
from rt_ner.task.settings import TaskSettings
from rt_ner.task.trials.trial_machine import Phase, TrialMachine
from tests.helpers.xdf_files import Stream, xdf

MS = 1_000_000
BEGIN_S = 5000.0
_TICK_MS = 20
_LOST_AT_S, _STALE_AT_S, _SWAP_AT_S = 3.0, 6.0, 4.5
_RUNNING, _WARMING = list(State).index(State.RUNNING), list(State).index(State.WARMING)


@dataclass
class PlayedTask:
    """A task whose cursor goes to each target, but for every third, which it misses.

    If clicks select, it clicks in the target and again after that. Of the reaches that would miss,
    it ends every second one by a click on the way, and the others by none.
    """

    settings: TaskSettings = field(
        default_factory=lambda: TaskSettings(trials=6, target_hold_ms=100.0, timeout_s=1.0)
    )
    phases: list[tuple[int, str]] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)
    cursor: list[list[float]] = field(default_factory=list)
    target: list[list[float]] = field(default_factory=list)
    markers: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = TrialMachine(self.settings)
        place, now_ns = np.zeros(2), int(BEGIN_S * 1000) * MS
        while not self.machine.is_over:
            now_ns += _TICK_MS * MS
            goal = self.machine.goal
            misses = len(self.machine.trials) % 3 == 2 and self.machine.phase is Phase.REACH
            aim = place if goal is None else goal.centre_cm * (0.5 if misses else 1.0)
            place = place + 0.2 * (aim - place)
            phase = self._step(now_ns, place)
            shown = self.machine.target
            self.times_ns.append(now_ns)
            self.cursor.append(place.tolist())
            self.target.append([*shown[:3], 1.0] if shown else [0.0] * 4)
            if not self.phases or self.phases[-1][1] != phase:
                self.phases.append((now_ns, str(phase)))

    def _step(self, now_ns: int, place: FloatArray) -> Phase:
        machine = self.machine
        n_over, n_false = len(machine.trials), machine.n_false_clicks
        phase = machine.step(now_ns, place, self._clicks(place))
        if machine.n_false_clicks > n_false:
            self.markers.append((now_ns, FALSE_CLICK))
        for number, trial in enumerate(machine.trials[n_over:], n_over):
            if trial.selected and self.settings.is_by_click:
                self.markers.append((now_ns, selection_marker(number, bool(trial.success))))
        return phase

    def _clicks(self, place: FloatArray) -> bool:
        machine, number = self.machine, len(self.machine.trials)
        if not self.settings.is_by_click or machine.phase is not Phase.TARGET_HOLD:
            return self.settings.is_by_click and machine.phase is Phase.SUCCESS
        if number % 3 == 2:
            return number % 6 == 5
        return machine.goal is not None and machine.goal.holds(place)


def task_streams(played: PlayedTask, name: str = "task") -> list[bytes]:
    stamps_s = [time_ns / 1e9 for time_ns in played.times_ns]
    cursor = Stream(11, f"{name}/cursor", "Position", ["x", "y"], 50, unit="cm")
    target = Stream(12, f"{name}/target", "Position", TARGET_LABELS, 50, unit="cm")
    phases = Stream(13, f"{name}/task", "Markers", ["phase"], 0, fmt="string")
    markers = Stream(14, f"{name}/markers", "Markers", ["marker"], 0, fmt="string")
    marked = [markers.header(), markers.samples(*_texts(played.markers))] if played.markers else []
    about = f"<about><settings>{escape(played.settings.model_dump_json())}</settings></about>"
    phases.xml = phases.xml.replace("<desc>", f"<desc>{about}")
    return [
        *(stream.header() for stream in (cursor, target, phases)),
        cursor.samples(stamps_s, played.cursor),
        target.samples(stamps_s, played.target),
        phases.samples(*_texts(played.phases)),
        *marked,
    ]


def _texts(said: list[tuple[int, str]]) -> tuple[list[float], list[list[str]]]:
    return [ns / 1e9 for ns, _ in said], [[text] for _, text in said]


def decoder_streams(
    labels: Sequence[str], notice: str, name: str = "dec", seconds: float = 12.0, first: int = 1
) -> list[bytes]:
    """A decoder that loses ten samples, falls silent for a second, and swaps its bundle.

    The last of the channels is silent.
    """
    ends_s = np.arange(1, round(seconds * 50) + 1) / 50
    ends_s = ends_s[(ends_s <= _STALE_AT_S) | (ends_s > _STALE_AT_S + 1)]
    timing = Stream(first, f"{name}/timing", "Timing", TIMING_LABELS, 50)
    counts = Stream(first + 1, f"{name}/counts", "Counts", labels, 50, fmt="float32")
    state = Stream(first + 2, f"{name}/state", "Markers", ["state"], 0, fmt="string")
    notices = Stream(first + 3, f"{name}/notices", "Markers", ["notice"], 0, fmt="string")
    about = "<about><bundle>m1 &lt;b&gt;</bundle><bundle_sha256>ab12</bundle_sha256></about>"
    state.xml = state.xml.replace("<desc>", f"<desc>{about}")
    fired = np.ones((len(ends_s), len(labels)))
    fired[:, -1] = 0
    stamps_s = (BEGIN_S + ends_s).tolist()
    said = [(_STALE_AT_S + 0.2, State.STALE), (_STALE_AT_S + 1.02, State.WARMING)]
    return [
        *(stream.header() for stream in (timing, counts, state, notices)),
        timing.samples(stamps_s, [_timing_row(end_s) for end_s in ends_s.tolist()]),
        counts.samples(stamps_s, fired.tolist()),
        state.samples([BEGIN_S + at_s for at_s, _ in said], [[str(one)] for _, one in said]),
        notices.samples([BEGIN_S + _SWAP_AT_S], [[notice]]),
    ]


def _timing_row(end_s: float) -> list[float]:
    row = dict.fromkeys(TIMING_LABELS, 0.0)
    # Half a millisecond from arrival to push, in four equal stages.
    for number, stage in enumerate(("arrived", "bin_closed", "embedded", "decoded", "pushed")):
        row[stage] = BEGIN_S + end_s + 0.001 + number * 0.000125
    row["used"], row["missing"] = 20 * end_s * 50, 10.0 * (end_s >= _LOST_AT_S)
    is_warming = _STALE_AT_S + 1 < end_s <= _STALE_AT_S + 1.5
    row["state"] = float(_WARMING if is_warming else _RUNNING)
    row["bundle"] = 111.0 + (end_s >= _SWAP_AT_S)
    return list(row.values())


def write_session(folder: Path, *parts: list[bytes], subject: str = "M", run: int = 1) -> Path:
    """Write the streams into a recording of that subject."""
    path = folder / f"sub-{subject}_ses-day1_task-brain_run-{run:03d}_ephys.xdf"
    path.write_bytes(xdf(*(one for part in parts for one in part)))
    return path
