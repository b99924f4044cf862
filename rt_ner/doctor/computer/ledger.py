"""Keep what was there before each change in a small JSON file, so that it can be undone."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rt_ner.core.atomic_files import replace_file
from rt_ner.core.errors import ConfigError

# Nothing else is ever written, whatever the file says: it may be root who reads it.
_OURS = (
    r"^(/sys/devices/system/cpu/cpu\d+/(cpufreq/scaling_governor|cpuidle/state\d+/disable)"
    r"|/proc/irq/\d+/smp_affinity_list|/etc/security/limits\.d/rt-ner\.conf)$"
)


class Entry(BaseModel):
    """A change that was made, or was about to be; ``boot`` tells a restart of the computer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    file: Annotated[str, Field(pattern=_OURS)]
    before: str | None
    after: str
    boot: str


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid")

    changes: list[Entry] = []


class Ledger:
    """The changes that can be undone, oldest first.

    Parameters
    ----------
    file
        The file; there is none while nothing can be undone.

    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def entries(self) -> list[Entry]:
        """Return all changes; ConfigError if the file is damaged."""
        try:
            return _Content.model_validate_json(self.file.read_bytes()).changes
        except FileNotFoundError:
            return []
        except ValidationError as error:
            raise ConfigError(
                f"{self.file} can't be read as changes to this computer "
                f"({error.errors()[0]['msg']}): remove it, and restart the computer, which undoes "
                "all but /etc/security/limits.d/rt-ner.conf"
            ) from error

    def add(self, entries: Iterable[Entry]) -> None:
        """Note changes that are about to be made."""
        self._write([*self.entries(), *entries])

    def drop(self, entry: Entry) -> None:
        """Forget the newest change that is equal to this one."""
        entries = self.entries()
        del entries[len(entries) - 1 - entries[::-1].index(entry)]
        self._write(entries)

    def _write(self, entries: list[Entry]) -> None:
        if entries:
            content = _Content(changes=entries).model_dump_json(indent=2)
            replace_file(self.file, f"{content}\n".encode())
        else:
            self.file.unlink(missing_ok=True)


def state_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the file in the user's folder for the state of programs."""
    named = environment.get("XDG_STATE_HOME")
    folder = Path(named) if named else Path.home() / ".local" / "state"
    return folder / "rt-ner" / "computer.json"
