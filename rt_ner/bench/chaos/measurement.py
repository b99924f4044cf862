"""Do faults to a rig, drawn at random, and note for each whether all was well again, and when."""

import random
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rt_ner.bench.chaos.account.account import Cause, Trouble, told_troubles, unexplained
from rt_ner.bench.chaos.clock.settable import settable_clock
from rt_ner.bench.chaos.faults import Fault, alone, faults_of
from rt_ner.bench.chaos.running_rig import RunningRig
from rt_ner.bench.chaos.witness import Verdict, Witness
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import RtNerError
from rt_ner.lsl.streams import local_now_ns

_BEGIN_S = 60.0
# Longer than the longest pause before a part is started again.
_LONGEST_S = 60.0
_LAST_WORDS = 5

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

    ``well_s``: time from its end until all was well, None if it never was. ``cause``: how the
    report must tell of it.
    """

    name: str
    at_s: float
    well_s: float | None
    cause: Cause


@dataclass(frozen=True)
class Chaos:
    """Outcome of the faults done to a rig.

    Attributes
    ----------
    done
        The faults.
    parts
        The names of the rig's parts.
    troubles, has_report
        What the report tells of, and True if the rig has written its page.
    left_running
        Parts that ran on at the end.
    overwritten
        Recordings that did not stay what they were.
    n_admitted
        Number of second decoders that were not refused.
    verdict
        What became of the velocities.

    """

    done: tuple[Done, ...]
    parts: tuple[str, ...]
    troubles: tuple[Trouble, ...]
    has_report: bool
    left_running: tuple[str, ...]
    overwritten: tuple[str, ...]
    n_admitted: int
    verdict: Verdict

    def summary(self) -> dict[str, Any]:
        """Return all as JSON values."""
        by_name = defaultdict(list)
        for each in self.done:
            by_name[each.name].append(each)
        causes = [one.cause for one in self.done]
        odd = unexplained(self.troubles, causes, self.parts)
        return {
            "faults": {
                name: {
                    "times": len(each),
                    "longest_until_well_s": _longest([one.well_s for one in each]),
                    "not_reported": sum(not one.cause.is_in(self.troubles) for one in each),
                }
                for name, each in sorted(by_name.items())
            },
            "longest_until_well_s": _longest([one.well_s for one in self.done]),
            "never_well": sum(one.well_s is None for one in self.done),
            "reported": sum(cause.is_in(self.troubles) for cause in causes),
            "report_written": self.has_report,
            "troubles_in_report": [vars(one) for one in self.troubles],
            "unexplained": [f"{one.of} {one.kind}: {one.text}" for one in odd],
            "velocities_not_zero": self.verdict.n_moving,
            "of_these_outside_running": self.verdict.n_wrong,
            "of_these_in_an_unknown_state": self.verdict.n_unknown,
            "oldest_velocity_ms": round(self.verdict.oldest_s * 1e3, 1),
            "left_running": list(self.left_running),
            "overwritten": list(self.overwritten),
            "second_decoders_not_refused": self.n_admitted,
            "done": [
                {"name": one.name, "at_s": one.at_s, "well_s": one.well_s} for one in self.done
            ],
        }


def measure_chaos(plan: ChaosPlan, folder: Path, tell: Progress) -> Chaos:
    """Run a rig in a new folder, do the faults, and end it.

    Raises RtNerError if the rig is not well before the first fault.
    """
    with (
        settable_clock(folder.parent) as clock,
        alone(folder) if plan.is_alone else nullcontext(),
    ):
        if clock is None:
            tell("the clock is not set: that needs Linux and a C compiler (cc)")
        rig = RunningRig(plan.bundle, folder)
        witness: Witness | None = None
        try:
            if rig.wait_until_well(_BEGIN_S) is None:
                raise RtNerError(f"the rig was not up in {_BEGIN_S:g} s: {rig.said()[-3:]}")
            faults = faults_of(rig, plan.is_alone, clock)
            witness = Witness(rig.settings.settings.decoder.published_as)
            done = _do_all(plan, rig, faults, tell)
        finally:
            left = rig.finish(tell)
            if witness is not None:
                witness.close()
        recordings = rig.recordings()
        if not rig.report.is_file():
            tell("\n".join(["the rig's last words:", *rig.said()[-_LAST_WORDS:]]))
        return Chaos(
            done=tuple(done),
            parts=tuple(part.name for part in rig.seen.values()),
            troubles=tuple(told_troubles(recordings)),
            has_report=rig.report.is_file(),
            left_running=tuple(left),
            overwritten=tuple(sorted(rig.overwritten)),
            n_admitted=rig.n_admitted,
            verdict=witness.verdict,
        )


def _do_all(plan: ChaosPlan, rig: RunningRig, faults: list[Fault], tell: Progress) -> list[Done]:
    rng, done = random.Random(plan.seed), list[Done]()  # noqa: S311 - no secret
    begun_s = time.monotonic()
    while (at_s := time.monotonic() - begun_s) < plan.seconds:
        fault = rng.choice(faults)
        one = _do(fault, rig, at_s)
        done.append(one)
        well = "never well" if one.well_s is None else f"all well {one.well_s:.1f} s after"
        tell(f"{at_s:6.0f} s: {fault.name}: {well}")
        if one.well_s is None:
            break
        time.sleep(max(0.0, at_s + plan.every_s - (time.monotonic() - begun_s)))
    return done


def _do(fault: Fault, rig: RunningRig, at_s: float) -> Done:
    begin_ns = local_now_ns()
    undo = fault.do(rig)
    time.sleep(fault.lasts_s)
    undo()
    undone_ns = local_now_ns()
    well_s = rig.wait_until_well(_LONGEST_S)
    rig.recordings()
    end_ns = undone_ns + round((well_s or _LONGEST_S) * NS_PER_S)
    cause = Cause(begin_ns, end_ns, fault.of, fault.kind or "", fault.befalls_all)
    return Done(fault.name, at_s, well_s, cause)


def _longest(times_s: list[float | None]) -> float | None:
    known = [time_s for time_s in times_s if time_s is not None]
    return round(max(known), 2) if known else None
