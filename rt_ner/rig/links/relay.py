"""Send the operator's commands to the decoder, and pass on those of the rig's other parts."""

from collections.abc import Callable
from threading import Event

from rt_ner.live.operator.marker_commands import listen_to_markers
from rt_ner.live.settings import ControlSettings
from rt_ner.lsl.sending.command_outlet import CommandOutlet
from rt_ner.rig.plan.part import Plan


class Relay:
    """The one stream of commands that the decoder obeys, until ``over`` is set.

    A decoder obeys a single stream, and several parts command it: the operator's keys here and in
    the window, and adaptation.
    """

    def __init__(self, plan: Plan, over: Event, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._outlet = CommandOutlet(plan.commands)
        for source_id in plan.relayed:
            listen_to_markers(ControlSettings(source_id=source_id), self.send, over, tell)

    def send(self, command: str) -> None:
        """Send a command, and say so if nobody hears it."""
        if self._outlet.is_heard():
            self._outlet.send(command)
        else:
            self._tell(f"no decoder is there to obey '{command}'")
