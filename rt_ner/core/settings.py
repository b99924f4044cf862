"""Config: TOML files into checked, immutable settings; an unknown key is an error."""

import difflib
import math
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.errors import ConfigError
from rt_ner.decoding.binning.detector import DetectorSettings
from rt_ner.decoding.binning.raster import CLOCK_STEP_NS
from rt_ner.decoding.input.channels import N_UNITS, ChannelSelection


class Settings(BaseModel):
    """A section of settings: immutable, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


SettingsType = TypeVar("SettingsType", bound=Settings)
_TEXT = r"^[^/]*$"


class InputKind(StrEnum):
    """What a spike stream carries. AUTO: as its own metadata say."""

    AUTO = "auto"
    RASTER = "raster"
    EVENTS = "events"
    BROADBAND = "broadband"


class InputSettings(Settings):
    """Which spike stream to decode, and how its channels are found. Empty: any, or by itself."""

    kind: InputKind = InputKind.AUTO
    type: str = ""
    name: str = ""
    source_id: str = ""
    host: str = ""
    predicate: str = ""
    wait_s: float = Field(default=math.inf, ge=0, allow_inf_nan=True)
    channels: tuple[str, ...] = ()
    by_order: bool = False
    units: tuple[Annotated[int, Field(ge=0, lt=N_UNITS)], ...] = ()
    base: Literal[0, 1] = 1
    grace_ms: float = Field(default=5.0, ge=0, le=1000)

    @property
    def channel_selection(self) -> ChannelSelection:
        """How the bundle's channels are to be found among the stream's."""
        return ChannelSelection(self.channels, self.by_order, self.units, self.base)


class SafetySettings(Settings):
    """When to stop the cursor, and what is too much."""

    stale_ms: float = Field(default=200.0, ge=10, le=10_000)
    max_speed_cm_s: float = Field(default=200.0, gt=0, le=10_000)
    overload_hops: int = Field(default=10, ge=1, le=10_000)
    clock_step_ms: float = Field(default=CLOCK_STEP_NS / NS_PER_MS, ge=10, le=60_000)


class WakeUp(StrEnum):
    """How the loop waits for the next hop.

    REHEARSE: asleep until shortly before it is due, then awake, repeating the step so that its
    caches are warm. SPIN: the same without any sleep between. BLOCK: asleep until data come.
    """

    REHEARSE = "rehearse"
    SPIN = "spin"
    BLOCK = "block"


class TimingSettings(Settings):
    """How the loop gets its share of the computer; ``core`` None: any."""

    wake_up: WakeUp = WakeUp.REHEARSE
    core: int | None = Field(default=None, ge=0)
    realtime: bool = True


class OutputSettings(Settings):
    """Under which name the decoder's streams are announced."""

    source: str = Field(default="rt-ner", pattern=_TEXT, min_length=1)


class VelocitySettings(Settings):
    """How the cursor program wants its velocity."""

    name: str = ""
    type: str = Field(default="Velocity", min_length=1)
    labels: tuple[str, str] = ("vx", "vy")
    unit: Literal["cm/s", "mm/s", "m/s", "a.u."] = "cm/s"
    gain: float = Field(default=1.0, gt=0, le=1e6)
    swap_xy: bool = False
    flip_x: bool = False
    flip_y: bool = False
    format: Literal["float32", "double64", "int32"] = "float32"
    irregular: bool = False
    rate_hz: float = Field(default=0.0, ge=0, le=1000)


class ControlSettings(Settings):
    """Whose commands are obeyed besides the keyboard's."""

    source_id: str = ""
    host: str = ""


class DecodeSettings(Settings):
    """Everything that `rt-ner decode` can be told by a file."""

    input: InputSettings = InputSettings()
    detector: DetectorSettings = DetectorSettings()
    safety: SafetySettings = SafetySettings()
    timing: TimingSettings = TimingSettings()
    output: OutputSettings = OutputSettings()
    velocity: VelocitySettings = VelocitySettings()
    control: ControlSettings = ControlSettings()


def load_settings(path: Path | None, kind: type[SettingsType]) -> SettingsType:
    """Read settings of a TOML file; the defaults where ``path`` is None or silent.

    Raises ConfigError, naming the nearest valid key, for a key that does not exist.
    """
    if path is None:
        return kind()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such config file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} can't be read as TOML: {error}") from error
    return checked_settings(content, kind, str(path))


def checked_settings(
    content: dict[str, object], kind: type[SettingsType], where: str
) -> SettingsType:
    """Settings from a plain mapping; ConfigError in one line for the first thing wrong."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        keys = [str(part) for part in first["loc"]]
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{where}: {_unknown_key(keys, kind)}") from error
        raise ConfigError(
            f"{where}: {'.'.join(keys)} = {first['input']!r}: {first['msg']}"
        ) from error


def _unknown_key(keys: list[str], kind: type[BaseModel]) -> str:
    """Says which key is unknown and which valid one is nearest."""
    for section in keys[:-1]:
        annotation = kind.model_fields[section].annotation
        assert isinstance(annotation, type)
        kind = annotation
    valid = list(kind.model_fields)
    nearest = difflib.get_close_matches(keys[-1], valid, n=1, cutoff=0.0)
    return f"unknown key '{'.'.join(keys)}': did you mean '{nearest[0]}'? Valid: {', '.join(valid)}"
