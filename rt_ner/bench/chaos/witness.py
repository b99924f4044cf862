"""Listen to a decoder through its deaths, and judge every velocity that comes."""

import threading
from collections.abc import Sequence

import pylsl

from rt_ner.core.contract.kinds import TIMING_LABELS, Kind
from rt_ner.core.errors import StreamError
from rt_ner.live.states import NUMBERED_STATES, State
from rt_ner.lsl.discovery import find_stream, query_for

_CONNECT_S = 60.0
_PULL_S = 0.02
_MAX_SAMPLES = 4096
_STATE = TIMING_LABELS.index("state")
# Hops whose velocity waits for its state, or the other way round.
_KEPT = 1000


class Verdict:
    """Counts the velocities that are not zero, and those of them that should have been.

    Attributes
    ----------
    n_moving
        Velocities that were not zero.
    n_wrong
        Of these, those of a hop in another state than RUNNING.
    n_unknown
        Of these, those whose hop's state did not come, as when a decoder is killed.
    oldest_s
        The longest time from the end of a hop until a velocity of it that was not zero was here.

    """

    def __init__(self) -> None:
        self.n_moving = self.n_wrong = self.n_unknown = 0
        self.oldest_s = 0.0
        self._moving: list[float] = []
        self._states: dict[float, State] = {}

    def take_velocity(self, stamp_s: float, velocity: Sequence[float], now_s: float) -> None:
        """Take a velocity of the hop that ends at ``stamp_s``; it came at ``now_s``."""
        if any(velocity):
            self.n_moving += 1
            self._moving.append(stamp_s)
            self.oldest_s = max(self.oldest_s, now_s - stamp_s)

    def take_state(self, stamp_s: float, state: State) -> None:
        """Take the decoder's state in the hop that ends at ``stamp_s``."""
        self._states[stamp_s] = state

    def judge(self, keep: int = 0) -> None:
        """Match velocities with states; the newest ``keep`` of both may wait for each other."""
        for stamp_s in self._moving:
            state = self._states.get(stamp_s)
            self.n_wrong += state not in (None, State.RUNNING)
        waiting = [stamp_s for stamp_s in self._moving if stamp_s not in self._states]
        n_given_up = max(len(waiting) - keep, 0)
        self.n_unknown += n_given_up
        self._moving = waiting[n_given_up:]
        self._states = dict(list(self._states.items())[max(len(self._states) - keep, 0) :])


class Witness:
    """Listens to a decoder, from a thread of its own.

    Attributes
    ----------
    verdict
        What became of its velocities.

    """

    def __init__(self, decoder: str) -> None:
        self.verdict = Verdict()
        self._over = threading.Event()
        self._inlets = {kind: _opened(decoder, kind) for kind in (Kind.VELOCITY, Kind.TIMING)}
        for inlet in self._inlets.values():
            inlet.flush()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._over.set()
        self._thread.join()
        self.verdict.judge()

    def _listen(self) -> None:
        while not self._over.is_set():
            self._hear()
            self.verdict.judge(_KEPT)

    def _hear(self) -> None:
        velocities, stamps_s = self._inlets[Kind.VELOCITY].pull_chunk(_PULL_S, _MAX_SAMPLES)
        now_s = pylsl.local_clock()
        for stamp_s, velocity in zip(stamps_s, velocities, strict=True):
            self.verdict.take_velocity(stamp_s, velocity, now_s)
        rows, stamps_s = self._inlets[Kind.TIMING].pull_chunk(0.0, _MAX_SAMPLES)
        for stamp_s, row in zip(stamps_s, rows, strict=True):
            self.verdict.take_state(stamp_s, NUMBERED_STATES[int(row[_STATE])])


def _opened(decoder: str, kind: Kind) -> pylsl.StreamInlet:
    """Return an inlet that finds its stream again, however often the decoder is killed."""
    info = find_stream(query_for(decoder, kind), _CONNECT_S, lambda: False)
    if info is None:
        raise StreamError(f"'{decoder}' did not announce its {kind} stream in {_CONNECT_S:g} s")
    inlet = pylsl.StreamInlet(info, recover=True)
    inlet.open_stream(_CONNECT_S)
    return inlet
