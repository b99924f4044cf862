"""Carry the operator's commands, and alarms for the operator, from any thread to the loop."""

from collections import deque
from threading import Event as StopEvent

from rt_ner.decoding.decoder import Decoder
from rt_ner.live.parts.bundle_swap import BundleSwap
from rt_ner.live.parts.publisher import Publisher
from rt_ner.live.rules.state_machine import Event
from rt_ner.live.states import Command

_GAIN_STEPS = {Command.FASTER: 1, Command.SLOWER: -1}
_EVENTS = {Command.HOLD: Event.HOLD, Command.RESUME: Event.RESUME, Command.RESET: Event.RESET}


class Orders:
    """Commands that wait to be obeyed, and alarms that wait to be shown.

    Any thread may append to ``commands`` and ``alarms``; the loop looks when it has time.
    """

    def __init__(
        self, publisher: Publisher, swap: BundleSwap, stop: StopEvent, alarms: deque[str]
    ) -> None:
        self._publisher = publisher
        self._swap = swap
        self._stop = stop
        self.commands: deque[Command] = deque()
        self.alarms = alarms

    @property
    def are_waiting(self) -> bool:
        """True if a command, an alarm or a prepared model waits."""
        return bool(self.commands or self.alarms) or self._swap.is_ready

    def obey(self, decoder: Decoder | None) -> bool:
        """Carry out all commands and show all alarms; return True if one command was a reset."""
        was_reset = False
        while self.commands:
            command = self.commands.popleft()
            was_reset |= command is Command.RESET
            self._carry_out(command, decoder)
        if decoder and self._swap.is_ready:
            self._swap.take()
            self._publisher.expect(decoder.model.expectation)
        while self.alarms:
            self._publisher.notify(self.alarms.popleft())
        self._publisher.tell_repeated(self._publisher.now_ns())
        return was_reset

    def _carry_out(self, command: Command, decoder: Decoder | None) -> None:
        if command is Command.STOP:
            self._stop.set()
        elif command in _GAIN_STEPS:
            limiter = self._publisher.limiter
            limit = "" if limiter.change_gain(_GAIN_STEPS[command]) else ", the limit"
            self._publisher.answer(f"gain {limiter.gain:.2f}{limit}")
        elif command in _EVENTS:
            if decoder and command is Command.RESET:
                decoder.reset(self._publisher.now_ns())
            self._publisher.take(_EVENTS[command])
        elif decoder and command is Command.SWAP:
            self._swap.order()
        elif decoder and command is Command.UNDO:
            self._swap.undo()
            self._publisher.expect(decoder.model.expectation)
