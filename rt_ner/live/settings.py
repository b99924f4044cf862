"""Settings of the live decoder, section by section as its TOML file has them."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from rt_ner.core.clock import NS_PER_MS, ns_from_ms
from rt_ner.core.settings import Settings
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.binning.detector import DetectorSettings
from rt_ner.decoding.binning.raster import CLOCK_STEP_NS
from rt_ner.decoding.decoder import DecoderSpecification
from rt_ner.decoding.input.settings import InputSettings
from rt_ner.decoding.input.spike_stream import SpikeStream, binner_for

_TEXT = r"^[^/]*$"


class SafetySettings(Settings):
    """When to stop the cursor, and what is too much."""

    stale_ms: float = Field(default=200.0, ge=10, le=10_000)
    max_speed_cm_s: float = Field(default=200.0, gt=0, le=10_000)
    overload_hops: int = Field(default=10, ge=1, le=10_000)
    clock_step_ms: float = Field(default=CLOCK_STEP_NS / NS_PER_MS, ge=10, le=60_000)


class WakeUp(StrEnum):
    """How the loop waits for the next hop.

    WARM: asleep until shortly before it is due, then awake, repeating the step so that its
    caches are warm. SPIN: the same without any sleep between. BLOCK: asleep until data come.
    """

    WARM = "warm"
    SPIN = "spin"
    BLOCK = "block"

    @classmethod
    def _missing_(cls, value: object) -> "WakeUp | None":
        # As settings files of version 0.1 have it.
        return cls.WARM if value == "rehearse" else None


class TimingSettings(Settings):
    """How the loop gets its share of the computer; ``core`` None: any."""

    wake_up: WakeUp = WakeUp.WARM
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


def live_binner(
    stream: SpikeStream, model: DecoderSpecification, settings: DecodeSettings
) -> SpikeBinner[Any]:
    """Return the binner that these settings ask for; StreamError as `binner_for` raises it."""
    step_ns = ns_from_ms(settings.safety.clock_step_ms)
    return binner_for(stream, model, settings.input, settings.detector, step_ns)
