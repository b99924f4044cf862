"""RecordingFile: what a file holds, whole or not; a `Session` where it has all that training needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Kinematics, Session, SpikeCounts, SpikeTimes, Trials


@dataclass(frozen=True, eq=False)
class RecordingFile:
    """Spikes, kinematics and trials as far as a file has them, in one clock from 0 on.

    ``areas``: all that the file has, the one that was read first. ``contents``: what was found, in
    words, a line a thing. ``missing``: by what is not there (``spikes``, ``kinematics``,
    ``trials``), why, and what would help. ``warnings``: what was found wrong and left out.
    """

    name: str
    areas: tuple[str, ...]
    channel_ids: tuple[str, ...] = ()
    spikes: SpikeTimes | SpikeCounts | None = None
    kinematics: Kinematics | None = None
    trials: Trials | None = None
    contents: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)

    def missing_for_training(self) -> list[str]:
        """What is missing for training, each with its reason."""
        parts = {"spikes": self.spikes, "kinematics": self.kinematics, "trials": self.trials}
        return [
            f"no {name}: {self.missing.get(name, 'the file has none')}"
            for name, part in parts.items()
            if part is None
        ]

    def session(self) -> Session:
        """All of it as a session; SessionError says what is missing."""
        if self.spikes is None or self.kinematics is None or self.trials is None:
            raise SessionError("; ".join(self.missing_for_training()))
        return Session(
            name=self.name,
            area=self.areas[0],
            channel_ids=self.channel_ids,
            spikes=self.spikes,
            kinematics=self.kinematics,
            trials=self.trials,
            provenance=self.provenance,
        )
