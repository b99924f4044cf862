"""Keep the decoder's state: a pure machine from events to states and to what must be sent."""

from enum import Enum, auto
from typing import NamedTuple

from rt_ner.live.states import State

_CONNECTED = (State.WARMING, State.RUNNING, State.HOLD, State.STALE)
_DECODING = (State.RUNNING, State.HOLD)


class Event(Enum):
    """An event that can change the state.

    SEARCH: the search for a source begins. CONNECT: the source is open. HOP: a hop with a full
    history was decoded; HOP_WITHOUT_HISTORY: one without. SILENCE: no usable data for too long.
    NO_HOP: data come, but make no hop. LOSE: the source is gone. REFUSE: the source does not fit.
    HOLD, RESUME, RESET: the operator's commands. STOP: the end.
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
    """The velocity that must be sent after an event: none, zero, or the decoded one."""

    NOTHING = auto()
    ZERO = auto()
    VELOCITY = auto()


class Step(NamedTuple):
    """The state after an event, True if it changed, and the velocity that must be sent."""

    state: State | None
    has_changed: bool
    send: Send


class StateMachine:
    """The decoder's states, with the rule that velocity is zero in all but RUNNING.

    Attributes
    ----------
    state
        The present state; None before the first event.
    is_held
        True while the operator holds the cursor, also after a loss of the source.

    """

    def __init__(self) -> None:
        self.state: State | None = None
        self.is_held = False

    def take(self, event: Event) -> Step:
        """Enter the state that an event leads to; nothing follows STOPPED.

        Parameters
        ----------
        event
            The event.

        Returns
        -------
        Step
            The new state, True if it changed, and the velocity that must be sent.

        """
        if event is _HOP and self.state is _RUNNING and not self.is_held:
            # The usual case is on the way of every velocity: it costs next to nothing.
            return _RUNS_ON
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
        if event in _FROM_ANYWHERE:
            return _FROM_ANYWHERE[event]
        if event in _WHILE_CONNECTED and self.state in _CONNECTED:
            is_held = event is Event.HOP and self.is_held
            return State.HOLD if is_held else _WHILE_CONNECTED[event]
        if event in _WHILE_DECODING and self.state in _DECODING:
            return _WHILE_DECODING[event]
        return self.state


_FROM_ANYWHERE = {
    Event.SEARCH: State.CONNECTING,
    Event.CONNECT: State.WARMING,
    Event.LOSE: State.CONNECTING,
    Event.REFUSE: State.FAULT,
    Event.STOP: State.STOPPED,
}
_WHILE_CONNECTED = {
    Event.HOP: State.RUNNING,
    Event.HOP_WITHOUT_HISTORY: State.WARMING,
    Event.SILENCE: State.STALE,
}
_WHILE_DECODING = {
    Event.NO_HOP: State.STALE,
    Event.RESET: State.WARMING,
    Event.HOLD: State.HOLD,
}
_HOP, _RUNNING = Event.HOP, State.RUNNING
_RUNS_ON = Step(State.RUNNING, False, Send.VELOCITY)
