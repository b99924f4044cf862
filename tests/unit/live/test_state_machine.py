"""Events lead to the right states, and the cursor moves in RUNNING alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.live.rules.state_machine import Event, Send, StateMachine
from rt_ner.live.states import State

TO_RUNNING = (Event.SEARCH, Event.CONNECT, Event.HOP_WITHOUT_HISTORY, Event.HOP)


def after(*events: Event) -> StateMachine:
    machine = StateMachine()
    for event in events:
        machine.take(event)
    return machine


@given(st.lists(st.sampled_from(Event)))
def test_no_sequence_of_events_moves_the_cursor_outside_running(events: list[Event]) -> None:
    machine = StateMachine()
    for event in events:
        before = machine.state
        step = machine.take(event)
        assert step.state is machine.state
        assert step.has_changed == (machine.state is not before)
        if step.send is Send.VELOCITY:
            assert machine.state is State.RUNNING
        if before is State.RUNNING and machine.state is not State.RUNNING:
            assert step.send is Send.ZERO, "whatever ends RUNNING stops the cursor"
        if before is State.STOPPED:
            assert machine.state is State.STOPPED, "nothing follows the end"


@given(st.lists(st.sampled_from(Event)))
def test_a_held_decoder_never_runs(events: list[Event]) -> None:
    machine = after(*events)
    machine.take(Event.HOLD)
    for event in Event:
        if event is not Event.RESUME:
            assert machine.take(event).send is not Send.VELOCITY


@pytest.mark.parametrize(
    ("event", "state", "send"),
    [
        (Event.HOP, State.RUNNING, Send.VELOCITY),
        (Event.HOP_WITHOUT_HISTORY, State.WARMING, Send.ZERO),
        (Event.SILENCE, State.STALE, Send.ZERO),
        (Event.NO_HOP, State.STALE, Send.ZERO),
        (Event.HOLD, State.HOLD, Send.ZERO),
        (Event.RESUME, State.RUNNING, Send.NOTHING),
        (Event.RESET, State.WARMING, Send.ZERO),
        (Event.LOSE, State.CONNECTING, Send.ZERO),
        (Event.REFUSE, State.FAULT, Send.ZERO),
        (Event.STOP, State.STOPPED, Send.ZERO),
    ],
)
def test_what_each_event_does_to_a_running_decoder(event: Event, state: State, send: Send) -> None:
    step = after(*TO_RUNNING).take(event)
    assert (step.state, step.send) == (state, send)


def test_a_hold_outlasts_a_loss_and_ends_with_the_next_hop() -> None:
    machine = after(*TO_RUNNING, Event.HOLD, Event.LOSE, Event.CONNECT)
    assert machine.take(Event.HOP).state is State.HOLD
    machine.take(Event.RESUME)
    assert machine.state is State.HOLD
    assert machine.take(Event.HOP).state is State.RUNNING


def test_beginning_to_search_or_warm_sends_nothing() -> None:
    machine = StateMachine()
    assert machine.take(Event.SEARCH).send is Send.NOTHING
    assert machine.take(Event.CONNECT).send is Send.NOTHING


def test_silence_before_a_connection_changes_nothing() -> None:
    machine = after(Event.SEARCH)
    for event in (Event.SILENCE, Event.NO_HOP, Event.RESET, Event.HOP):
        assert machine.take(event).state is State.CONNECTING
