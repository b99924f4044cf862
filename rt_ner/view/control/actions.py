"""Define the operator's actions in the view, each with its key."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from rt_ner.live.states import Command
from rt_ner.lsl.sending.command_outlet import CommandOutlet


@dataclass(frozen=True)
class Action:
    """A control: its key, the name on its button, its help text, and its function.

    ``is_possible`` returns True if the action would have an effect now.
    """

    key: str
    name: str
    does: str
    act: Callable[[], None]
    is_possible: Callable[[], bool] = lambda: True


class Commander:
    """Sends the operator's commands on the command stream ``name``.

    Without a name there is neither a stream nor a command.
    """

    def __init__(self, name: str) -> None:
        self._outlet = CommandOutlet(name) if name else None
        self.source_id = self._outlet.source_id if self._outlet else ""

    def is_heard(self) -> bool:
        """Return True if a decoder listens."""
        return self._outlet is not None and self._outlet.is_heard()

    def send(self, command: Command) -> None:
        """Send a command."""
        if self._outlet:
            self._outlet.send(command)

    def actions(self) -> list[Action]:
        """Return an action for each command."""
        texts = {
            Command.HOLD: ("h", "Hold", "stop the cursor; everything else keeps running"),
            Command.RESUME: ("r", "Resume", "let the cursor move again"),
            Command.RESET: ("x", "Reset", "clear the history, and look again at a refused source"),
            Command.FASTER: ("+", "Gain", "increase the velocity by a tenth"),
            Command.SLOWER: ("-", "Gain", "decrease the velocity by a tenth"),
            Command.SWAP: ("w", "Swap", "switch to the bundle that is ready"),
            Command.UNDO: ("u", "Undo", "switch back to the decoder before the swap"),
        }
        return [
            Action(key, name, does, partial(self.send, command), self.is_heard)
            for command, (key, name, does) in texts.items()
        ]
