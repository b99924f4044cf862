"""Say where a rig's files lie: its recordings, bundles, logs and state, from animal and day."""

from dataclasses import dataclass, replace
from pathlib import Path

from rt_ner.core.settings import load_settings, with_overrides
from rt_ner.record.naming import RecordingName, today
from rt_ner.rig.file.settings import RigSettings

CALIBRATION, BRAIN = "calibration", "brain"
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Rig:
    """A rig's settings, with a day, and the folder of its file, from which its paths are seen.

    ``is_of_today``: the file names no day, so it is that of the start.
    """

    settings: RigSettings
    home: Path
    is_of_today: bool = False

    def on_day(self, day: str) -> "Rig":
        """Return the rig on another day."""
        return replace(self, settings=self.settings.model_copy(update={"day": day}))

    def at(self, path: str) -> Path:
        """Return a path of the settings as seen from anywhere."""
        return self.home / path

    @property
    def folder(self) -> Path:
        """Folder of all that the rig writes."""
        return self.at(self.settings.folder)

    @property
    def recordings(self) -> Path:
        """Folder of the recordings."""
        return self.folder / "recordings"

    @property
    def logs(self) -> Path:
        """Folder of the parts' logs."""
        return self.folder / "logs"

    @property
    def state_file(self) -> Path:
        """File that says which parts run."""
        return self.folder / "rig-state.json"

    @property
    def bundles(self) -> Path:
        """Folder of the bundles that were trained or recalibrated on the day."""
        return self.folder / "bundles" / f"sub-{self.settings.animal}" / f"ses-{self.settings.day}"

    @property
    def blocks_file(self) -> Path:
        """File with the task's scores of each block of the day, one JSON object per line."""
        return self.bundles / "blocks.jsonl"

    @property
    def events_file(self) -> Path:
        """File of what happened to the parts on the day."""
        return self.recording_name(BRAIN).rig_events_path(self.recordings)

    def recording_name(self, task: str) -> RecordingName:
        """Return the name of the day's recordings of a task."""
        settings = self.settings
        return RecordingName(settings.animal, settings.day, task, settings.recorder.format)

    def newest(self, task: str) -> Path | None:
        """Return the newest recording of a task on the day, if there is one."""
        runs = self.recording_name(task).runs(self.recordings)
        return runs[-1] if runs else None

    def bundle(self) -> Path | None:
        """Return the bundle to decode with: the one that is named, or the day's newest."""
        if self.settings.decoder.bundle:
            return self.at(self.settings.decoder.bundle)
        own = self._own_bundles()
        return own[-1] if own else None

    def next_bundle(self) -> Path:
        """Return the folder for the day's next bundle."""
        own = self._own_bundles()
        number = int(own[-1].name.rpartition("-")[2]) + 1 if own else 1
        return self.bundles / f"bundle-{number:03d}"

    @property
    def offered(self) -> Path:
        """Folder of the bundle that adaptation offers."""
        return self.bundles / "next"

    def _own_bundles(self) -> list[Path]:
        found = sorted(self.bundles.glob("bundle-[0-9][0-9][0-9]"))
        return [each for each in found if (each / _MANIFEST).is_file()]


def load_rig(file: Path, speed: float | None = None) -> Rig:
    """Read a rig's file; its day is the present one if it names none.

    Parameters
    ----------
    file
        The file, such as ``rig.toml``.
    speed
        Speed of a simulated source, in place of the file's; None: as the file says.

    Returns
    -------
    Rig
        The rig.

    Raises
    ------
    ConfigError
        If the file can't be read, or a key or value is not valid.

    """
    settings = load_settings(file, RigSettings)
    settings = with_overrides(settings, {"source": {"speed": speed}}, "--speed")
    rig = Rig(settings, file.absolute().parent, is_of_today=not settings.day)
    # A session that goes on past midnight is still that of its first day.
    return rig.on_day(today()) if rig.is_of_today else rig
