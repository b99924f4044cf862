"""Actions: what the operator can do in the view, each with its key."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pylsl

from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.live.states import Command
from rt_ner.lsl.streams import open_outlet


@dataclass(frozen=True)
class Action:
    """One control: its key, its name on the button, what it does, and doing it.

    ``is_possible``: whether it would have an effect now.
    """

    key: str
    name: str
    does: str
    act: Callable[[], None]
    is_possible: Callable[[], bool] = lambda: True


class Commander:
    """Sends the operator's commands to the decoder that obeys ``name``'s command stream.

    Without a name there is no such stream, and no command.
    """

    def __init__(self, name: str) -> None:
        self.source_id = source_id_of(name, Kind.COMMANDS) if name else ""
        self._outlet: pylsl.StreamOutlet | None = None
        if name:
            self._outlet = open_outlet(name, Kind.COMMANDS, ["command"], "", None)

    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return self._outlet is not None and bool(self._outlet.have_consumers())

    def send(self, command: Command) -> None:
        """Send a command."""
        if self._outlet:
            self._outlet.push_sample([str(command)])

    def actions(self) -> list[Action]:
        """An action for each command."""
        told = {
            Command.HOLD: ("h", "Hold", "stop the cursor; everything else goes on"),
            Command.RESUME: ("r", "Resume", "the end of a hold"),
            Command.RESET: ("x", "Reset", "forget the history, or look at a source again"),
            Command.FASTER: ("+", "Gain", "a tenth more velocity"),
            Command.SLOWER: ("-", "Gain", "a tenth less velocity"),
            Command.SWAP: ("w", "Swap", "go on with the bundle that stands ready"),
            Command.UNDO: ("u", "Undo", "back to what decoded before the swap"),
        }
        return [
            Action(key, name, does, partial(self.send, command), self.is_heard)
            for command, (key, name, does) in told.items()
        ]
