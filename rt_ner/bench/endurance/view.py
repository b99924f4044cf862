"""Measure the decoder's step beside a live window that draws, and beside one that hangs."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rt_ner.bench.rig import Rig, open_rig
from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.kinds import TIMING_LABELS
from rt_ner.core.errors import RtNerError
from rt_ner.live.states import State
from rt_ner.system.processes import ChildProcess, child_process

# Without a view, beside one, and beside one whose process is stopped.
ALONE, SHOWN, STOPPED = "alone", "view", "stopped view"
_WARM_UP_S = 5.0
_MARGIN_S = 30.0
_STEP = [TIMING_LABELS.index(stage) for stage in ("bin_closed", "decoded")]
_MISSED = TIMING_LABELS.index("missed")


@dataclass
class Condition:
    """Steps under one condition, in µs, with lost bins and missed deadlines."""

    step_us: list[float] = field(default_factory=list)
    lost_bins: int = 0
    missed_deadlines: int = 0


@dataclass
class ViewCost:
    """All conditions, measured in turns, and the window's frame rate."""

    conditions: dict[str, Condition]
    frames_per_s: float = np.nan

    def step_us(self, condition: str) -> FloatArray:
        """Return the median and 99th percentile of the step, in µs."""
        step_us: FloatArray = np.percentile(self.conditions[condition].step_us, [50, 99])
        return step_us


def measure_view(
    bundle: Path,
    n_channels: int,
    folder: Path,
    plan: tuple[float, int],
    progress: Callable[[str], None],
) -> ViewCost:
    """Time the decoder's step under each condition; ``plan`` is seconds per turn, and turns."""
    seconds, turns = plan
    warm_up_s = min(_WARM_UP_S, seconds)
    cost = ViewCost({name: Condition() for name in (ALONE, SHOWN, STOPPED)})
    with open_rig(bundle, n_channels, folder) as rig, rig.noise():
        rig.observer.wait_for_state(State.RUNNING)
        rig.observer.listen_for(warm_up_s)
        for turn in range(turns):
            progress(f"turn {turn + 1} of {turns}")
            _listen(rig, seconds, cost.conditions[ALONE])
            arguments = ["view", str(bundle), "--decoder", rig.decoder_name]
            with child_process(arguments, folder) as view:
                _wait_until_shown(rig, view)
                rig.observer.listen_for(warm_up_s)
                _listen(rig, seconds, cost.conditions[SHOWN])
                os.kill(view.pid, signal.SIGSTOP)
                _listen(rig, seconds, cost.conditions[STOPPED])
                os.kill(view.pid, signal.SIGCONT)
                view.interrupt()
                view.finish(_MARGIN_S)
                cost.frames_per_s = float(view.events("frames")[-1]["per_s"])
        rig.finish()
    return cost


def _wait_until_shown(rig: Rig, view: ChildProcess) -> None:
    def shown() -> bool:
        if view.has_ended():
            raise RtNerError(f"the view ended early; {view.last_words()}")
        return bool(view.events("shown"))

    rig.observer.wait_until(shown, "the view's first frame")


def _listen(rig: Rig, seconds: float, condition: Condition) -> None:
    """Add the decoder's steps of some seconds to a condition."""
    stamps_s, rows = rig.observer.listen_for(seconds)
    closed, decoded = rows[:, _STEP].T
    condition.step_us += ((decoded - closed) * 1e6).tolist()
    hops = np.diff(stamps_s)
    condition.lost_bins += int(np.rint(hops / np.median(hops) - 1).sum())
    condition.missed_deadlines += int(rows[-1, _MISSED] - rows[0, _MISSED])
