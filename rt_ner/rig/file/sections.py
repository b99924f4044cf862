"""Define the settings of the parts around source and decoder, one class per section."""

from ipaddress import ip_address
from typing import Literal

from pydantic import Field, field_validator

from rt_ner.core.contract.kinds import RecordingFormat
from rt_ner.core.settings import Settings
from rt_ner.recalibration.choices import AdaptationMethod
from rt_ner.recalibration.choices import Part as LearnedPart

NAME_PATTERN = r"^[^/]*$"
Restart = Literal["always", "ask"]
Opened = Literal["auto", "on", "off"]


class PartSettings(Settings):
    """Settings that every part has.

    Attributes
    ----------
    options
        Further options of the part's command, as on the command line.
    restart
        ``always`` if the part is started again when it fails; ``ask`` if only with the operator's
        key.

    """

    options: tuple[str, ...] = ()
    restart: Restart = "always"


class CursorTaskSettings(PartSettings):
    """The cursor task: section ``[task]``.

    Attributes
    ----------
    enabled
        False if another program is the task.
    trials
        Number of trials of a closed-loop block; 0: until the rig ends.
    calibration_trials
        Number of trials of the calibration.
    hand
        Name of the stream of hand movement that moves the cursor in the calibration; ``mouse`` and
        ``joystick`` are started too. Empty: the source's own.
    config
        Settings file of rt-ner task.
    name
        Name of the task's streams.

    """

    enabled: bool = True
    trials: int = Field(default=80, ge=0)
    calibration_trials: int = Field(default=160, ge=1)
    hand: str = Field(default="", pattern=NAME_PATTERN)
    config: str = ""
    name: str = Field(default="task", pattern=r"^[^/]+$")
    restart: Restart = "ask"


class ViewSettings(PartSettings):
    """The live window: section ``[view]``.

    Attributes
    ----------
    window
        ``auto``: opened where there is a display.

    """

    window: Opened = "auto"


class ScreenSettings(PartSettings):
    """The subject's screen: section ``[screen]``.

    Attributes
    ----------
    enabled
        True to show the task to the subject, in full screen.
    monitor
        The monitor, counted from 1; 0: any.

    """

    enabled: bool = False
    monitor: int = Field(default=0, ge=0)


class RecorderSettings(PartSettings):
    """The recorder of all streams: section ``[recorder]``.

    Attributes
    ----------
    enabled
        False to record nothing.
    format
        Format of the recordings.

    """

    enabled: bool = True
    format: RecordingFormat = RecordingFormat.XDF


class AdaptationSettings(PartSettings):
    """Learning beside the decoder: section ``[adaptation]``.

    Attributes
    ----------
    enabled
        True to let better bundles be learned and offered while decoding.
    method
        How it learns.
    swap
        True to swap to better bundles without a key.

    """

    enabled: bool = False
    method: AdaptationMethod = AdaptationMethod.ENCODER
    swap: bool = False


class PageSettings(Settings):
    """The rig's page in a browser: section ``[page]``.

    Attributes
    ----------
    enabled
        True to serve the page while ``rt-ner rig`` runs the loop or a step of the day.
    port
        The page's port on this computer.
    address
        The address at which it listens; ``127.0.0.1``: only this computer sees the page.

    """

    enabled: bool = False
    port: int = Field(default=8765, ge=1, le=65535)
    address: str = "127.0.0.1"

    @field_validator("address")
    @classmethod
    def _is_address(cls, address: str) -> str:
        return str(ip_address(address))

    @property
    def url(self) -> str:
        """Where a browser on this computer finds the page."""
        address = ip_address(self.address)
        host = f"[{address}]" if address.version == 6 else str(address)
        if address.is_loopback or address.is_unspecified:
            host = "localhost"
        return f"http://{host}:{self.port}"


class LearningSettings(Settings):
    """The day's trainings: section ``[learning]``.

    Attributes
    ----------
    config
        Settings file of rt-ner train.
    part
        The part that recalibration learns; ``readout`` needs no torch.
    train_options, recalibrate_options
        Further options of both commands.

    """

    config: str = ""
    part: LearnedPart = LearnedPart.ENCODER
    train_options: tuple[str, ...] = ()
    recalibrate_options: tuple[str, ...] = ()
