"""Name recordings as BIDS does, and never overwrite one."""

import re
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from rt_ner.core.errors import ConfigError

_LABEL = re.compile(r"[0-9A-Za-z]+$")


@dataclass(frozen=True)
class RecordingName:
    """Labels of a recording: letters and digits only, as in BIDS."""

    subject: str = "X"
    session: str = ""
    task: str = "reach"

    def __post_init__(self) -> None:
        for what, label in vars(self).items():
            # Without a session, the date at the time of recording is used.
            if not (what == "session" and label == "") and not _LABEL.match(label):
                raise ConfigError(
                    f"{what} '{label}' of a recording: expected letters and digits only, e.g. day1"
                )

    @classmethod
    def parsed(cls, text: str) -> "RecordingName":
        """Read the labels from ``SUBJECT``, ``SUBJECT/SESSION`` or ``SUBJECT/SESSION/TASK``."""
        parts = text.split("/") if text else []
        if len(parts) > len(fields(cls)):
            raise ConfigError(
                f"--record-as {text}: expected SUBJECT/SESSION/TASK, e.g. M/day1/reach"
            )
        return cls(*parts)

    def options(self) -> list[str]:
        """Return the labels as options of `rt-ner record`."""
        return [f"--{what}={label}" for what, label in vars(self).items()]

    def next_path(self, folder: Path) -> Path:
        """Return the path of the next run: ``sub-S/ses-E/sub-S_ses-E_task-T_run-001_ephys.xdf``."""
        session = self.session or date.today().strftime("%Y%m%d")
        where = folder / f"sub-{self.subject}" / f"ses-{session}"
        stem = f"sub-{self.subject}_ses-{session}_task-{self.task}"
        run = 1
        while (path := where / f"{stem}_run-{run:03d}_ephys.xdf").exists():
            run += 1
        where.mkdir(parents=True, exist_ok=True)
        return path
