"""Define the settings of a rig, in the sections of its file ``rig.toml``."""

from enum import StrEnum

from pydantic import Field, model_validator

from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.contract.names import decoder_name
from rt_ner.core.settings import Settings
from rt_ner.rig.file.sections import (
    NAME_PATTERN,
    AdaptationSettings,
    CursorTaskSettings,
    LearningSettings,
    PageSettings,
    PartSettings,
    RecorderSettings,
    Restart,
    ScreenSettings,
    ViewSettings,
)

_LABEL = r"^[0-9A-Za-z]*$"


class SourceKind(StrEnum):
    """Where spikes come from.

    Attributes
    ----------
    AMPLIFIER
        A stream that another program sends.
    BLACKROCK, REPLAY, SUBJECT
        A driver that the rig starts: Blackrock's packets, a recorded session, a simulated subject.

    """

    AMPLIFIER = "amplifier"
    BLACKROCK = "blackrock"
    REPLAY = "replay"
    SUBJECT = "subject"


SIMULATED = (SourceKind.REPLAY, SourceKind.SUBJECT)


class SourceSettings(PartSettings):
    """The source of spikes: section ``[source]``.

    Attributes
    ----------
    kind
        Where spikes come from.
    source_id
        The stream of an amplifier, such as ``amp/spikes``; several with commas between. Empty: as
        the driver names it.
    session
        The session to replay, or whose units are simulated.
    area
        Brain area of the session or of the recordings; empty: the first.
    name
        Name of a driver's streams; empty: its kind.
    speed
        Times faster than real time; only for a replay or a simulated subject.

    """

    kind: SourceKind = SourceKind.SUBJECT
    source_id: str = ""
    session: str = ""
    area: str = ""
    name: str = Field(default="", pattern=NAME_PATTERN)
    speed: float = Field(default=1.0, ge=1, le=4)

    @model_validator(mode="after")
    def _fits(self) -> "SourceSettings":
        if self.kind is SourceKind.AMPLIFIER and not self.source_id:
            raise ValueError("an amplifier needs source_id, such as 'amp/spikes'")
        if self.kind is SourceKind.REPLAY and not self.session:
            raise ValueError("a replay needs session, such as 'day1.xdf'")
        if self.speed != 1 and self.kind not in SIMULATED:
            raise ValueError(f"speed = {self.speed:g}: only simulated sources have a speed")
        return self

    @property
    def published_as(self) -> str:
        """Name of the streams that the driver publishes."""
        return self.name or str(self.kind)

    @property
    def spikes(self) -> tuple[str, ...]:
        """The source_ids of the spike streams."""
        kind = Kind.EVENTS if self.kind is SourceKind.BLACKROCK else Kind.SPIKES
        given = self.source_id or source_id_of(self.published_as, kind)
        return tuple(each.strip() for each in given.split(","))


class DecoderSettings(PartSettings):
    """The decoder: section ``[decoder]``.

    Attributes
    ----------
    bundle
        Folder of the bundle, or a store's promoted one; empty: the newest of the day's own.
    config
        Settings file of rt-ner decode.
    name
        Name of the decoder's streams; empty: this computer's.

    """

    bundle: str = ""
    config: str = ""
    name: str = Field(default="", pattern=NAME_PATTERN)
    restart: Restart = "ask"

    @property
    def published_as(self) -> str:
        """Name of the decoder's streams."""
        return self.name or decoder_name()


class RigSettings(Settings):
    """All settings of a rig.

    Attributes
    ----------
    animal
        Label of the animal in the names of files, letters and digits.
    day
        Label of the day, letters and digits; empty: the date, such as ``20260102``.
    folder
        Folder of recordings, bundles and logs, seen from the file's own.
    source, decoder, task, view, screen, recorder, adaptation, page, learning
        The sections.

    """

    animal: str = Field(default="X", pattern=_LABEL, min_length=1)
    day: str = Field(default="", pattern=_LABEL)
    folder: str = "."
    source: SourceSettings = SourceSettings()
    decoder: DecoderSettings = DecoderSettings()
    task: CursorTaskSettings = CursorTaskSettings()
    view: ViewSettings = ViewSettings()
    screen: ScreenSettings = ScreenSettings()
    recorder: RecorderSettings = RecorderSettings()
    adaptation: AdaptationSettings = AdaptationSettings()
    page: PageSettings = PageSettings()
    learning: LearningSettings = LearningSettings()
