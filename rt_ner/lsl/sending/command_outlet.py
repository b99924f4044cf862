"""Send an operator's commands on a stream of their own."""

from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.lsl.streams import open_outlet


class CommandOutlet:
    """The stream of commands called ``name``."""

    def __init__(self, name: str) -> None:
        self.source_id = source_id_of(name, Kind.COMMANDS)
        self._outlet = open_outlet(name, Kind.COMMANDS, ["command"], "", None)

    def is_heard(self) -> bool:
        """Return True if somebody listens."""
        return bool(self._outlet.have_consumers())

    def send(self, command: str) -> None:
        """Send a command."""
        self._outlet.push_sample([str(command)])
