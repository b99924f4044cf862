"""Files: where a recording goes: BIDS-like names, never one that is taken."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rt_ner.errors import ConfigError

_LABEL = re.compile(r"[0-9A-Za-z]+$")


@dataclass(frozen=True)
class RecordingName:
    """What a recording is called; letters and digits, as BIDS wants its labels."""

    subject: str
    session: str
    task: str

    def __post_init__(self) -> None:
        for what, label in vars(self).items():
            if not _LABEL.match(label):
                raise ConfigError(
                    f"--{what} '{label}': expected letters and digits only, as BIDS has it"
                )

    def next_path(self, folder: Path) -> Path:
        """The file of the next run: ``sub-S/ses-E/sub-S_ses-E_task-T_run-001_ephys.xdf``."""
        where = folder / f"sub-{self.subject}" / f"ses-{self.session}"
        stem = f"sub-{self.subject}_ses-{self.session}_task-{self.task}"
        run = 1
        while (path := where / f"{stem}_run-{run:03d}_ephys.xdf").exists():
            run += 1
        where.mkdir(parents=True, exist_ok=True)
        return path


def today() -> str:
    """The usual session label: today's date."""
    return date.today().strftime("%Y%m%d")
