"""RecordingFile: the contents of a file, complete or not."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.markers.marker import Marker
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session, SessionPart
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.data.session.trials import UNCUT, Trials
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings


@dataclass(frozen=True, eq=False)
class RecordingFile:
    """Spikes, behaviour and trials of a file, as far as it has them, on one clock from 0 on.

    Parameters
    ----------
    name : str
        Name of the recording.
    areas : tuple of str
        Brain areas in the file; the first is the one that was read.
    channel_ids : tuple of str, length n_channels
        Name of each channel of that area.
    spikes : SpikeTimes or SpikeCounts, optional
        Spikes of that area.
    behaviour : Behaviour, optional
        Movement or other quantities that can be decoded.
    trials : Trials, optional
        Whole trials in recorded order. Without them, a session is cut into blocks.
    markers : tuple of Marker
        Markers and codes of other programs' tasks, in order of time; a recipe says what they mean.
    contents : tuple of str
        Streams or tables of the file, one line each.
    missing : mapping of str to str
        Reason and remedy for each part (``"spikes"``, ``"behaviour"``, ``"trials"``,
        ``"markers"``) that the file may lack.
    warnings : tuple of str
        Damage, gaps and assumptions, one line each.
    provenance : mapping of str to str
        Origin of the recording.
    parts : tuple of SessionPart
        The recordings that it was joined from, in order; empty if it is one.
    voltage : VoltageSettings
        The way in which the spikes were made of broadband voltage, if they were.

    """

    name: str
    areas: tuple[str, ...]
    channel_ids: tuple[str, ...] = ()
    spikes: SpikeTimes | SpikeCounts | None = None
    behaviour: Behaviour | None = None
    trials: Trials | None = None
    markers: tuple[Marker, ...] = ()
    contents: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[SessionPart, ...] = ()
    voltage: VoltageSettings = CROSSINGS

    @classmethod
    def of_session(cls, session: Session, areas: tuple[str, ...]) -> "RecordingFile":
        """Return a complete recording; ``areas`` are all those in its file."""
        return cls(
            name=session.name,
            areas=(session.area, *(area for area in areas if area != session.area)),
            channel_ids=session.channel_ids,
            spikes=session.spikes,
            behaviour=session.behaviour,
            trials=session.trials,
            provenance=session.provenance,
            parts=session.parts,
            voltage=session.voltage,
        )

    def with_note(self, note: str, areas: tuple[str, ...]) -> "RecordingFile":
        """Return the recording with one more warning, and all areas of its file."""
        return replace(self, warnings=(note, *self.warnings), areas=areas)

    def __repr__(self) -> str:
        parts = [
            f"{len(self.channel_ids)} channels" if self.spikes is not None else "no spikes",
            "behaviour" if self.behaviour is not None else "no behaviour",
            f"{len(self.trials)} trials" if self.trials is not None else "no trials",
        ]
        name = " ".join([self.name, *self.areas[:1]])
        return f"<RecordingFile {name}: {', '.join(parts)}, {self.duration_s:.0f} s>"

    @property
    def duration_s(self) -> float:
        """Time of the last spike, movement or trial in s."""
        ends_ns = [0]
        if self.spikes is not None:
            ends_ns.append(self.spikes.end_ns)
        if self.behaviour is not None:
            ends_ns.append(int(self.behaviour.time_ns[-1]))
        if self.trials is not None:
            ends_ns.append(int(self.trials.end_ns[-1]))
        return max(ends_ns) / NS_PER_S

    def missing_for_training(self) -> list[str]:
        """Return the reasons why no decoder can be trained on this file.

        Returns
        -------
        list of str
            One line per reason, with a remedy; empty if nothing is missing.

        """
        if missing := self._missing_parts():
            return missing
        try:
            return self.session().missing_for_training()
        except SessionError as error:
            return [str(error)]

    def session(self) -> Session:
        """Return the recording as a session.

        Returns
        -------
        Session
            The area that was read.

        Raises
        ------
        SessionError
            If spikes or behaviour are missing; the message says which and why.

        """
        if self.spikes is None or self.behaviour is None:
            raise SessionError("; ".join(self._missing_parts()))
        return Session(
            name=self.name,
            area=self.areas[0],
            channel_ids=self.channel_ids,
            spikes=self.spikes,
            behaviour=self.behaviour,
            trials=UNCUT if self.trials is None else self.trials,
            provenance=self.provenance,
            parts=self.parts,
            voltage=self.voltage,
        )

    def _missing_parts(self) -> list[str]:
        """Return one line for each part that is not there."""
        parts = {"spikes": self.spikes, "behaviour": self.behaviour}
        return [
            f"no {name}: {self.missing.get(name, 'the file has none')}"
            for name, part in parts.items()
            if part is None
        ]
