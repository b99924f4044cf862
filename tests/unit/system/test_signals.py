"""Signals end a process between two steps."""

import signal

import pytest

from rt_ner.system.signals import interrupted_by_signals, stop_on_signals


def test_a_signal_while_the_event_is_waited_for_sets_it() -> None:
    """The main thread holds the event's lock whenever a wait begins or ends."""
    before = signal.getsignal(signal.SIGINT)
    with stop_on_signals() as stop:
        assert not stop.is_set()
        with stop._cond:
            signal.raise_signal(signal.SIGINT)
        assert stop.wait(60.0)
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before


def test_without_a_signal_the_block_ends_by_itself() -> None:
    with stop_on_signals() as stop:
        pass
    assert not stop.is_set()


def test_a_wait_for_a_key_is_interrupted_by_each_signal() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with interrupted_by_signals(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
