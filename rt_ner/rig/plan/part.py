"""Describe a part of a rig: its command, what it needs, and what becomes of it when it fails."""

from dataclasses import dataclass
from typing import Literal

from rt_ner.rig.file.sections import Restart

# The names by which parts are told apart: these two end first, one after the other.
DECODER, RECORDER = "decoder", "recorder"
SOURCE, TASK = "source", "task"
PAGE = "page"


@dataclass(frozen=True)
class Part:
    """One ``rt-ner`` command of a rig.

    Attributes
    ----------
    name
        Name of the part, such as ``decoder``.
    arguments
        Its command and options.
    needs
        The source_ids of the streams that must answer before it starts.
    restart
        ``always`` if it is started again when it fails; ``ask`` if only with the operator's word;
        ``never`` if its failure is that of the whole plan.
    is_heard
        True if what it says to people is shown in the rig's terminal.
    allowed
        The exit codes with which it has not failed.

    """

    name: str
    arguments: tuple[str, ...]
    needs: tuple[str, ...] = ()
    restart: Restart | Literal["never"] = "ask"
    is_heard: bool = False
    allowed: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Plan:
    """The parts that run together, in the order of their start.

    Attributes
    ----------
    parts
        The parts.
    ends_with
        Name of the part whose end is the end of all; empty: none.
    commands
        Name under which the operator's commands to the decoder are sent; empty: no decoder.
    relayed
        The source_ids of the command streams that are passed on to the decoder.

    """

    parts: tuple[Part, ...]
    ends_with: str = ""
    commands: str = ""
    relayed: tuple[str, ...] = ()
