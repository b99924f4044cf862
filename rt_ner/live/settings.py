"""Define the settings of the live decoder, in the sections of its TOML file."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, field_validator

from rt_ner.core.clock import NS_PER_MS, ns_from_ms
from rt_ner.core.contract.names import decoder_name
from rt_ner.core.errors import StreamError
from rt_ner.core.settings import Settings
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.binning.detector import DetectorSettings
from rt_ner.decoding.binning.raster import CLOCK_STEP_NS
from rt_ner.decoding.input.binners import binner_for
from rt_ner.decoding.input.settings import InputSettings
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.decoding.joining.joined_stream import JoinedStream, joined_binner
from rt_ner.decoding.specification import DecoderSpecification

_TEXT = r"^[^/]*$"


class SafetySettings(Settings):
    """Limits at which the cursor stops or is slowed down: section ``[safety]``.

    Attributes
    ----------
    stale_ms
        Time in ms without data after which the cursor stops, such as 200.
    max_speed_cm_s
        Highest decoded speed in cm/s, with the operator's gain; faster velocities are shortened.
    overload_hops
        Number of deadlines missed in a row after which old data are passed over, such as 10.
    hold
        True if decoded positions, forces and angles keep their last value while the decoder does
        not run; False if they go to zero. Velocities always go to zero.
    watch
        True to report faults of channels while decoding: dead and hot channels, swapped banks, and
        changes of all rates.
    clock_step_ms
        Jump of the time stamps in ms beyond which a clock must have been set, such as 200.

    """

    stale_ms: float = Field(default=200.0, ge=10, le=10_000)
    max_speed_cm_s: float = Field(default=200.0, gt=0, le=10_000)
    overload_hops: int = Field(default=10, ge=1, le=10_000)
    hold: bool = True
    watch: bool = True
    clock_step_ms: float = Field(default=CLOCK_STEP_NS / NS_PER_MS, ge=10, le=60_000)


class WakeUp(StrEnum):
    """The way in which the loop waits for the next hop.

    Attributes
    ----------
    WARM
        Sleep until shortly before the hop is due, then repeat the step to keep its caches warm.
    SPIN
        The same, without any sleep between the repeats.
    BLOCK
        Sleep until data come.

    """

    WARM = "warm"
    SPIN = "spin"
    BLOCK = "block"

    @classmethod
    def _missing_(cls, value: object) -> "WakeUp | None":
        # The name in settings files of version 0.1.
        return cls.WARM if value == "rehearse" else None


class TimingSettings(Settings):
    """The loop's share of the computer: section ``[timing]``.

    Attributes
    ----------
    wake_up
        The way in which it waits for the next hop.
    core
        Processor core to decode on, such as 1 (Linux); None: any.
    realtime
        True to ask for real-time priority (Linux); the operator hears if it is refused.

    """

    wake_up: WakeUp = WakeUp.WARM
    core: int | None = Field(default=None, ge=0)
    realtime: bool = True


class OutputSettings(Settings):
    """The name of the decoder's streams: section ``[output]``.

    Attributes
    ----------
    source
        First part of their ``source_id``, such as ``rig`` in ``rig/velocity``; empty: ``rt-ner@``
        and the computer's name.
    at_once
        True to send outputs in the loop's own thread, which saves waking LSL's (Linux). A client
        that does not read is cut off before the loop has to wait for it, and a notice says so.

    """

    source: str = Field(default="", pattern=_TEXT, validate_default=True)
    at_once: bool = True

    @field_validator("source")
    @classmethod
    def _named(cls, source: str) -> str:
        return source or decoder_name()


class VelocitySettings(Settings):
    """The form in which the cursor program gets its velocity: section ``[velocity]``.

    For a bundle with outputs other than a velocity along x and y, only ``name``, ``format``,
    ``irregular`` and ``rate_hz`` are used.

    Attributes
    ----------
    name
        LSL name of the stream; empty: that of the output, such as ``rt-ner-velocity``.
    type
        LSL type of the stream.
    labels
        Labels of its two channels, such as ``("vx", "vy")``.
    unit
        Unit of velocity; ``a.u.``: the gain times cm/s.
    gain
        Factor on velocity, applied after the speed limit.
    swap_xy, flip_x, flip_y
        True to swap the axes, and then to change the sign of one.
    format
        Type of the samples.
    irregular
        True to announce the stream without a nominal rate.
    rate_hz
        Samples per second, each the newest velocity, such as 60; 0: one per hop.

    """

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


class ClassesSettings(Settings):
    """The stream of the classes' probabilities: section ``[classes]``.

    Attributes
    ----------
    name
        LSL name of the stream; empty: that of the output, such as ``rt-ner-classes``.
    type
        LSL type of the stream.

    """

    name: str = ""
    type: str = Field(default="Classes", min_length=1)


class ControlSettings(Settings):
    """The marker stream whose commands are obeyed besides the keyboard's: section ``[control]``.

    Attributes
    ----------
    source_id
        Its source_id, such as ``adapt/commands``; empty: no stream is obeyed.
    host
        The computer that sends it; empty: any.

    """

    source_id: str = ""
    host: str = ""


class DecodeSettings(Settings):
    """All settings of ``rt-ner decode``, one attribute per section of the file.

    Attributes
    ----------
    input
        The spike stream, and how its channels are found.
    detector
        Spike detection in broadband voltage.
    safety
        Limits at which the cursor stops or is slowed down.
    timing
        The loop's share of the computer.
    output
        The name of the decoder's streams.
    velocity
        The form of the velocity stream.
    classes
        The stream of the classes' probabilities.
    control
        The marker stream whose commands are obeyed.

    """

    input: InputSettings = InputSettings()
    detector: DetectorSettings = DetectorSettings()
    safety: SafetySettings = SafetySettings()
    timing: TimingSettings = TimingSettings()
    output: OutputSettings = OutputSettings()
    velocity: VelocitySettings = VelocitySettings()
    classes: ClassesSettings = ClassesSettings()
    control: ControlSettings = ControlSettings()


def live_binner(
    stream: SpikeStream | JoinedStream, model: DecoderSpecification, settings: DecodeSettings
) -> SpikeBinner[Any]:
    """Return the binner that the settings ask for; raise StreamError as `binner_for` does.

    Several sources go on without one that lags by twice ``stale_ms``: by then the cursor has
    stopped, so the hops that had to wait are passed over.
    """
    step_ns = ns_from_ms(settings.safety.clock_step_ms)
    if isinstance(stream, JoinedStream):
        times_ns = step_ns, 2 * ns_from_ms(settings.safety.stale_ms)
        return joined_binner(stream, model, settings.input, settings.detector, times_ns)
    try:
        return binner_for(stream, model, settings.input, settings.detector, step_ns)
    except StreamError as error:
        if len(model.areas) > 1:
            raise StreamError(
                f"{error}. The bundle was trained on the areas {', '.join(model.areas)}: if each "
                "has a source of its own, name all of them, in this order, with --source A,B"
            ) from error
        raise
