"""Notice a clock that was set, a computer that slept, and a watch that stood still."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from rt_ner.record.rig_events import Happened, Noticed

CLOCK, RIG = "clock", "rig"
# NTP steps a clock that is 128 ms off, and slows or hastens it else.
_STEP_S = 0.1
STOOD_STILL_S, _SLEPT_S = 1.0, 1.0
# Two readings farther apart were interrupted.
_AT_ONCE_S = 0.005


@dataclass(frozen=True)
class Moment:
    """The computer's clocks at one moment, in s.

    Attributes
    ----------
    steady_s
        The clock that nobody sets.
    wall_s
        The clock that people read, which may be set.
    slept_s
        How long the computer has slept, which the steady clock leaves out.

    """

    steady_s: float
    wall_s: float
    slept_s: float = 0.0


def moment() -> Moment:
    """Return the present."""
    while True:
        before_s = time.monotonic()
        read = Moment(before_s, time.time(), _slept_s())
        if time.monotonic() - before_s < _AT_ONCE_S:
            return read


def clock_troubles(before: Moment, now: Moment, paused_s: float) -> Iterator[Noticed]:
    """Yield what happened between two moments.

    Parameters
    ----------
    before, now
        The moments.
    paused_s
        How long the watch meant to do nothing, and did nothing, by the steady clock.

    Yields
    ------
    tuple
        Kind of event, whom it befell, and the event in words.

    """
    slept_s = now.slept_s - before.slept_s
    step_s = now.wall_s - before.wall_s - (now.steady_s - before.steady_s) - slept_s
    if slept_s > _SLEPT_S:
        yield Happened.FROZEN, RIG, f"the computer slept for {slept_s:.0f} s"
    if paused_s > STOOD_STILL_S:
        yield (
            Happened.FROZEN,
            RIG,
            f"stood still for {paused_s:.1f} s: it was stopped, or the computer was too busy or "
            "asleep",
        )
    if abs(step_s) > _STEP_S:
        way = "forward" if step_s > 0 else "back"
        yield (
            Happened.STEPPED,
            CLOCK,
            f"the computer's clock was set {way} by {_in_words(abs(step_s))}; decoding and "
            "recordings use another one, that nobody sets",
        )


def _slept_s() -> float:
    """Return how long the computer has slept since it was started, if it says so (Linux)."""
    if sys.platform != "linux":
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()


def _in_words(length_s: float) -> str:
    if length_s < 60:
        return f"{length_s:.1f} s"
    minutes, seconds = divmod(round(length_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min {seconds:02d} s"
