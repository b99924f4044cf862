"""The decoder's state: a pure machine from events to states, and to what must be sent."""

from enum import Enum, auto
from typing import NamedTuple

from rt_ner.live.states import State

_CONNECTED = (State.WARMING, State.RUNNING, State.HOLD, State.STALE)
_DECODING = (State.RUNNING, State.HOLD)


class Event(Enum):
    """Everything that can change the state.

    SEARCH: a source is looked for. CONNECT: it is open. HOP: a hop with its full history was
    decoded; HOP_WITHOUT_HISTORY: one without. SILENCE: nothing usable has come for too long.
    NO_HOP: input comes, yet no hop can be made of it. LOSE: the source is gone. REFUSE: it is not
    the one that was. HOLD, RESUME, RESET: the operator's commands. STOP: the end.
    """

    SEARCH = auto()
    CONNECT = auto()
    HOP = auto()
    HOP_WITHOUT_HISTORY = auto()
    SILENCE = auto()
    NO_HOP = auto()
    LOSE = auto()
    REFUSE = auto()
    HOLD = auto()
    RESUME = auto()
    RESET = auto()
    STOP = auto()


class Send(Enum):
    """What an event makes the decoder send: nothing, a velocity of zero, or the decoded one."""

    NOTHING = auto()
    ZERO = auto()
    VELOCITY = auto()


class Step(NamedTuple):
    """The state after an event, whether it changed, and what must be sent."""

    state: State | None
    has_changed: bool
    send: Send


class StateMachine:
    """States, and the rule that velocity is zero in all of them but RUNNING.

    ``state`` is None before the first event. ``is_held`` outlasts a loss of the source.
    """

    def __init__(self) -> None:
        self.state: State | None = None
        self.is_held = False

    def take(self, event: Event) -> Step:
        """Return the step that an event makes. Nothing follows STOPPED."""
        is_hop = event in (Event.HOP, Event.HOP_WITHOUT_HISTORY)
        if self.state is not State.STOPPED:
            if event in (Event.HOLD, Event.RESUME):
                self.is_held = event is Event.HOLD
            before, self.state = self.state, self._next(event)
            if is_hop:
                send = Send.VELOCITY if self.state is State.RUNNING else Send.ZERO
                return Step(self.state, self.state is not before, send)
            if self.state is not before:
                begins = event in (Event.SEARCH, Event.CONNECT) and before is not State.RUNNING
                return Step(self.state, True, Send.NOTHING if begins else Send.ZERO)
        return Step(self.state, False, Send.ZERO if is_hop else Send.NOTHING)

    def _next(self, event: Event) -> State | None:
        """Return the state after an event."""
        always = {
            Event.SEARCH: State.CONNECTING,
            Event.CONNECT: State.WARMING,
            Event.LOSE: State.CONNECTING,
            Event.REFUSE: State.FAULT,
            Event.STOP: State.STOPPED,
        }
        connected = {
            Event.HOP: State.HOLD if self.is_held else State.RUNNING,
            Event.HOP_WITHOUT_HISTORY: State.WARMING,
            Event.SILENCE: State.STALE,
        }
        decoding = {Event.NO_HOP: State.STALE, Event.RESET: State.WARMING, Event.HOLD: State.HOLD}
        if event in always:
            return always[event]
        if event in connected and self.state in _CONNECTED:
            return connected[event]
        if event in decoding and self.state in _DECODING:
            return decoding[event]
        return self.state
