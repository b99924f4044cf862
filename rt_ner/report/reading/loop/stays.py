"""Read the decoder's states: those of its hops, and those that it published."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rt_ner.core.clock import NS_PER_S
from rt_ner.live.states import NUMBERED_STATES, State
from rt_ner.report.reading.loop.timing import Timing

# States that hops lead to, and the time without a hop after which others count.
_BY_HOPS, _LULL_NS = (State.WARMING, State.RUNNING), NS_PER_S // 10


@dataclass(frozen=True)
class Stay:
    """A stay in a state, in ns of the session's clock."""

    state: str
    begin_ns: int
    end_ns: int

    @property
    def length_s(self) -> float:
        """Length in s."""
        return (self.end_ns - self.begin_ns) / NS_PER_S


def stays_of(
    timing: Timing | None, said: Sequence[tuple[int, str]], span_ns: tuple[int, int]
) -> list[Stay]:
    """Return the decoder's stays in its states, in order.

    Parameters
    ----------
    timing
        Each hop's state; None if it was not recorded.
    said
        The changes of state that the decoder published, with their times.
    span_ns
        Begin and end of the session.

    Returns
    -------
    list of Stay
        One for each time that the state differs from the one before.

    """
    changes = _changes(timing, said) if timing else list(said)
    stays: list[Stay] = []
    times_ns = np.clip([time_ns for time_ns, _ in changes], *span_ns).tolist()
    for index, (begin_ns, (_, state)) in enumerate(zip(times_ns, changes, strict=True)):
        until_ns = times_ns[index + 1] if index + 1 < len(changes) else span_ns[1]
        if stays and stays[-1].state == state:
            stays[-1] = Stay(state, stays[-1].begin_ns, until_ns)
        else:
            stays.append(Stay(state, begin_ns, until_ns))
    return stays


def _changes(timing: Timing, said: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return each change of state by the hops, and by what was said while there were none.

    States that hops lead to are stamped with the end of a hop, which may lie in the past.
    """
    at_ns = timing.at_ns
    changed = np.flatnonzero(np.append(True, timing.state[1:] != timing.state[:-1])).tolist()
    changes, rows = [], set(changed)
    for time_ns, state in said:
        following = int(np.searchsorted(at_ns, time_ns, side="right"))
        is_last = following == len(at_ns)
        if state not in _BY_HOPS and (is_last or at_ns[following] > time_ns + _LULL_NS):
            changes.append((time_ns, state))
            rows |= set() if is_last else {following}
    changes += [(int(at_ns[row]), _named(int(timing.state[row]))) for row in rows]
    return sorted(changes, key=lambda change: change[0])


def _named(number: int) -> str:
    return str(NUMBERED_STATES[number]) if number >= 0 else "unknown"
