"""Do faults to a rig, drawn at random, and note for each whether all was well again, and when."""

import random
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rt_ner.bench.chaos.faults import Fault, alone, faults_of
from rt_ner.bench.chaos.running_rig import RunningRig
from rt_ner.bench.chaos.witness import Verdict, Witness
from rt_ner.core.errors import RtNerError

_BEGIN_S = 60.0
# Longer than the longest pause before a part is started again.
_LONGEST_S = 60.0

Progress = Callable[[str], object]


@dataclass(frozen=True)
class ChaosPlan:
    """A fault every ``every_s``, for ``seconds``, in an order that ``seed`` gives.

    ``is_alone``: network and mounts are this process's own, so the network is cut and the disk
    filled too.
    """

    bundle: Path
    seconds: float
    every_s: float
    seed: int
    is_alone: bool = False


@dataclass(frozen=True)
class Done:
    """A fault that was done ``at_s`` after the start.

    ``well_s``: time from its end until all was well, None if it never was. ``told``: the lines of
    the rig and notices of the decoder until then.
    """

    name: str
    at_s: float
    well_s: float | None
    told: int


@dataclass(frozen=True)
class Chaos:
    """Outcome of the faults done to a rig."""

    done: tuple[Done, ...]
    left_running: tuple[str, ...]
    verdict: Verdict

    def summary(self) -> dict[str, Any]:
        """Return all as JSON values."""
        by_name = defaultdict(list)
        for each in self.done:
            by_name[each.name].append(each)
        return {
            "faults": {
                name: {
                    "times": len(each),
                    "longest_until_well_s": _longest([one.well_s for one in each]),
                    "not_told": sum(one.told == 0 for one in each),
                }
                for name, each in sorted(by_name.items())
            },
            "longest_until_well_s": _longest([one.well_s for one in self.done]),
            "never_well": sum(one.well_s is None for one in self.done),
            "velocities_not_zero": self.verdict.n_moving,
            "of_these_outside_running": self.verdict.n_wrong,
            "of_these_in_an_unknown_state": self.verdict.n_unknown,
            "oldest_velocity_ms": round(self.verdict.oldest_s * 1e3, 1),
            "left_running": list(self.left_running),
            "done": [vars(one) for one in self.done],
        }


def measure_chaos(plan: ChaosPlan, folder: Path, tell: Progress) -> Chaos:
    """Run a rig in a new folder, do the faults, and end it.

    Raises RtNerError if the rig is not well before the first fault.
    """
    with alone(folder / "recordings") if plan.is_alone else nullcontext():
        rig = RunningRig(plan.bundle, folder)
        witness: Witness | None = None
        try:
            if rig.wait_until_well(_BEGIN_S) is None:
                raise RtNerError(f"the rig was not up in {_BEGIN_S:g} s: {rig.said()[-3:]}")
            faults = faults_of(rig, plan.is_alone)
            witness = Witness(rig.settings.settings.decoder.published_as)
            done = _do_all(plan, rig, faults, witness, tell)
        finally:
            left = rig.finish(tell)
            if witness is not None:
                witness.close()
    return Chaos(tuple(done), tuple(left), witness.verdict)


def _do_all(
    plan: ChaosPlan, rig: RunningRig, faults: list[Fault], witness: Witness, tell: Progress
) -> list[Done]:
    rng, done = random.Random(plan.seed), list[Done]()  # noqa: S311 - no secret
    begun_s = time.monotonic()
    while (at_s := time.monotonic() - begun_s) < plan.seconds:
        fault = rng.choice(faults)
        one = _do(fault, rig, witness, at_s)
        done.append(one)
        well = "never well" if one.well_s is None else f"all well {one.well_s:.1f} s after"
        tell(f"{at_s:6.0f} s: {fault.name}: {well}")
        if one.well_s is None:
            break
        time.sleep(max(0.0, at_s + plan.every_s - (time.monotonic() - begun_s)))
    return done


def _do(fault: Fault, rig: RunningRig, witness: Witness, at_s: float) -> Done:
    n_told = len(rig.said()) + len(witness.notices)
    undo = fault.do(rig)
    time.sleep(fault.lasts_s)
    undo()
    well_s = rig.wait_until_well(_LONGEST_S)
    return Done(fault.name, at_s, well_s, len(rig.said()) + len(witness.notices) - n_told)


def _longest(times_s: list[float | None]) -> float | None:
    known = [time_s for time_s in times_s if time_s is not None]
    return round(max(known), 2) if known else None
