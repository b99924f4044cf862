"""Give a rig's page its token, and take the orders that it passes on."""

import secrets
from contextlib import suppress

from rt_ner.core.errors import RtNerError
from rt_ner.rig.file.layout import Rig
from rt_ner.rig.links.tail import LogTail
from rt_ner.rig.links.teller import RigTeller
from rt_ner.rig.plan.part import PAGE
from rt_ner.rig.supervision.process import log_of
from rt_ner.rig.supervision.supervisor import Member
from rt_ner.system.processes import ChildProcess, event_log_of, parsed

# No letter or digit that looks like another one.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 4
_END_S = 5.0


def new_token() -> str:
    """Return a new secret of 79 bits that can be typed, such as ``k7fm-2qxa-r5te-w9hc``."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


class PageLink:
    """The rig's end of its page, which lives through all plans of a session.

    Attributes
    ----------
    member
        The page under supervision, handed on from plan to plan; None before it was started.

    """

    def __init__(self, rig: Rig, tell: RigTeller) -> None:
        self._rig = rig
        self._tell = tell
        self._tail: LogTail | None = None
        self.member: Member | None = None

    def greet(self, process: ChildProcess) -> None:
        """Give a page that was just started its token, and show it on the terminal alone.

        The token goes through a pipe: no other user of the computer sees it in a list of processes
        or in a file.
        """
        token = new_token()
        # If it has ended already, the supervisor says so.
        with suppress(OSError):
            process.order("token", token=token)
        self._tail = LogTail(event_log_of(log_of(self._rig.logs, PAGE)))
        self._tell.show(
            f"{PAGE}: {self._rig.settings.page.url}; its buttons ask for the token {token}"
        )

    def orders(self) -> list[str]:
        """Return the orders since the last call."""
        lines = self._tail.lines() if self._tail else ()
        messages = [parsed(line, "order") for line in lines]
        return [str(message["order"]) for message in messages if message]

    def end(self) -> None:
        """Make sure that the page is gone."""
        if self.member and self.member.process:
            self.member.process.interrupt()
            with suppress(RtNerError):
                self.member.process.wait(_END_S)
            self.member.process.end()
