"""Keep a small file that says which processes a rig runs, for status and for taking over."""

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rt_ner.core.atomic_files import replace_file
from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import Settings
from rt_ner.rig.supervision.identity import identity_of
from rt_ner.rig.supervision.supervisor import Member, Status


class PartState(Settings):
    """A part: its command, how it is, and its process, if it has one."""

    name: str
    arguments: tuple[str, ...]
    status: Status
    pid: int | None
    identity: str
    restarts: int
    missing: tuple[str, ...]

    @property
    def runs(self) -> bool:
        """True if its process runs still."""
        return bool(self.pid and self.identity and identity_of(self.pid) == self.identity)

    @property
    def shown_status(self) -> str:
        """Its status in a word, also when nobody watches over it any more."""
        return "ended" if self.pid and self.identity and not self.runs else str(self.status)


class RigState(Settings):
    """A rig: the process that watches over it, its parts, its day, and the decoder's state."""

    pid: int
    identity: str
    commands: str
    decoder: str
    parts: tuple[PartState, ...]
    day: str = ""

    @property
    def is_watched(self) -> bool:
        """True if the process that watches over the rig runs still."""
        return bool(self.identity) and identity_of(self.pid) == self.identity


def state_of(members: list[Member], commands: str, decoder: str, day: str = "") -> RigState:
    """Return the present state of a rig; ``decoder``: that of its decoder, such as RUNNING."""
    return RigState(
        pid=os.getpid(),
        identity=identity_of(os.getpid()),
        commands=commands,
        decoder=decoder,
        parts=tuple(_part_state(member) for member in members),
        day=day,
    )


def read_state(file: Path) -> RigState | None:
    """Return the state in a file, None if there is none; ConfigError if it can't be read."""
    try:
        return RigState.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ConfigError(
            f"{file} is damaged: end what the rig left running, and remove the file"
        ) from error


def status_of(state: RigState | None) -> dict[str, Any]:
    """Return the state of a rig as JSON values; its parts may run on without it."""
    if state is None:
        return {"is_up": False, "decoder": "", "parts": []}
    parts = [
        {
            "name": part.name,
            "status": part.shown_status,
            "pid": part.pid,
            "restarts": part.restarts,
            "missing": part.missing,
        }
        for part in state.parts
    ]
    return {"is_up": state.is_watched, "decoder": state.decoder, "parts": parts}


def write_state(file: Path, state: RigState) -> None:
    """Write the state of a rig."""
    replace_file(file, state.model_dump_json(indent=2).encode() + b"\n")


def _part_state(member: Member) -> PartState:
    process = member.process if member.status is Status.RUNNING else None
    return PartState(
        name=member.part.name,
        arguments=member.part.arguments,
        status=member.status,
        pid=process.pid if process else None,
        identity=identity_of(process.pid) if process else "",
        restarts=member.restarts,
        missing=member.missing,
    )
