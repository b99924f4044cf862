"""Name recordings as BIDS does, and never overwrite one."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rt_ner.core.contract.kinds import RecordingFormat
from rt_ner.core.errors import ConfigError

_LABEL = re.compile(r"[0-9A-Za-z]+$")
_FILE_NAME = re.compile(
    r"sub-([0-9A-Za-z]+)_ses-([0-9A-Za-z]+)_task-([0-9A-Za-z]+)_run-\d+_ephys\.(xdf|nwb)"
)
_LABELS = ("subject", "session", "task")


def today() -> str:
    """Return the label of a session without a name: the date, such as ``20260102``."""
    return date.today().strftime("%Y%m%d")


@dataclass(frozen=True)
class RecordingName:
    """Labels of a recording, letters and digits only as in BIDS, and its format."""

    subject: str = "X"
    session: str = ""
    task: str = "reach"
    file_format: RecordingFormat = RecordingFormat.XDF

    def __post_init__(self) -> None:
        for what in _LABELS:
            label = getattr(self, what)
            # Without a session, the date at the time of recording is used.
            if not (what == "session" and label == "") and not _LABEL.match(label):
                raise ConfigError(
                    f"{what} '{label}' of a recording: expected letters and digits only, e.g. day1"
                )

    @classmethod
    def parsed(
        cls, text: str, file_format: RecordingFormat = RecordingFormat.XDF
    ) -> "RecordingName":
        """Read the labels from ``SUBJECT``, ``SUBJECT/SESSION`` or ``SUBJECT/SESSION/TASK``."""
        parts = text.split("/") if text else []
        if len(parts) > len(_LABELS):
            raise ConfigError(
                f"--record-as {text}: expected SUBJECT/SESSION/TASK, e.g. M/day1/reach"
            )
        return cls(**dict(zip(_LABELS, parts, strict=False)), file_format=file_format)

    @classmethod
    def of_file(cls, path: Path) -> "RecordingName | None":
        """Return the labels in the name of a recording; None if it has none."""
        found = _FILE_NAME.fullmatch(path.name)
        if found is None:
            return None
        subject, session, task, file_format = found.groups()
        return cls(subject, session, task, RecordingFormat(file_format))

    def options(self) -> list[str]:
        """Return labels and format as the options of all commands that record."""
        labels = "/".join(getattr(self, what) for what in _LABELS)
        return [f"--record-as={labels}", f"--format={self.file_format}"]

    def next_path(self, folder: Path) -> Path:
        """Return the path of the next run: ``sub-S/ses-E/sub-S_ses-E_task-T_run-001_ephys.xdf``.

        A run has one number, whatever its format.
        """
        where, stem = self._place(folder)
        run = 1
        while any(where.glob(f"{stem}_run-{run:03d}_ephys.*")):
            run += 1
        where.mkdir(parents=True, exist_ok=True)
        return where / f"{stem}_run-{run:03d}_ephys.{self.file_format}"

    def runs(self, folder: Path) -> list[Path]:
        """Return the runs that were recorded so far, in either format, oldest first."""
        where, stem = self._place(folder)
        return _recordings(where, f"{stem}_run-*_ephys.*")

    def session_runs(self, folder: Path) -> list[Path]:
        """Return the runs of all tasks of the session, in order of their names.

        Their files' dates are those of a clock that may have been set.
        """
        where, _ = self._place(folder)
        return _recordings(where, "*_ephys.*")

    def report_path(self, folder: Path) -> Path:
        """Return the path of the report on all runs of the session."""
        where, stem = self._place(folder)
        return where / f"{stem.partition('_task-')[0]}_report.html"

    def rig_events_path(self, folder: Path) -> Path:
        """Return the path of what happened to the rig during the session."""
        where, _ = self._place(folder)
        return self.rig_events_beside(where / "recording")

    def rig_events_beside(self, recording: Path) -> Path:
        """Return the path of what happened to the rig, in the folder of a recording."""
        session = self.session or today()
        return recording.with_name(f"sub-{self.subject}_ses-{session}_rig.jsonl")

    def _place(self, folder: Path) -> tuple[Path, str]:
        """Return the folder of all runs, and the beginning of their names."""
        session = self.session or today()
        where = folder / f"sub-{self.subject}" / f"ses-{session}"
        return where, f"sub-{self.subject}_ses-{session}_task-{self.task}"


def _recordings(where: Path, pattern: str) -> list[Path]:
    found = sorted(where.glob(pattern))
    return [path for path in found if path.suffix.removeprefix(".") in list(RecordingFormat)]
