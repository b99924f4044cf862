"""Define the settings of a training; the README's scores were made with the defaults."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, ValidationError, model_validator

from rt_ner.core.clock import NS_PER_MS, NS_PER_S, ns_from_ms
from rt_ner.core.contract.outputs import names_of
from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import Settings
from rt_ner.data.session.session import Session
from rt_ner.decoding.encoding.normalisation import Pace
from rt_ner.decoding.windows import WindowShape

Probability = Annotated[float, Field(ge=0, lt=1)]

# Keys of version 0.1, which older bundles and settings files still hold.
_FORMER_NAMES = {
    "committee": "ensemble",
    "teaching_steps": "distillation_steps",
    "teaching_batch": "distillation_batch",
    "outlook_weight": "auxiliary_weight",
}


class RenamedSettings(Settings):
    """Settings that also accept their keys of version 0.1."""

    @model_validator(mode="before")
    @classmethod
    def _accept_former_names(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        renamed = dict(content)
        for former, name in _FORMER_NAMES.items():
            if former in renamed and name in cls.model_fields and name not in renamed:
                renamed[name] = renamed.pop(former)
        return renamed


class WindowSettings(Settings):
    """The encoder's window; 0: 10 ms per hop and 30 ms per bin, or the next possible value."""

    hop_ms: float = Field(default=0.0, ge=0)
    bin_ms: float = Field(default=0.0, ge=0)
    history_bins: int = Field(default=20, ge=1, le=1000)


class LossSettings(RenamedSettings):
    """The NER loss and the terms added to it.

    The label distance is ``velocity_scale`` times the L1 distance of velocity (cm/s) plus
    ``direction_scale`` times the circular distance of direction (degrees). ``readout_weight``
    scales the mean squared error of a linear readout of velocity from the latents, in units of the
    velocity's variance; ``auxiliary_weight`` that of a readout of the movement before and after
    from the last hidden layer.
    """

    temperature: float = Field(default=1.0, gt=0)
    velocity_scale: float = Field(default=1.0, ge=0)
    direction_scale: float = Field(default=0.05, ge=0)
    readout_weight: float = Field(default=4.0, ge=0)
    auxiliary_weight: float = Field(default=2.0, ge=0)


class EnsembleSettings(RenamedSettings):
    """Encoders that learn side by side; the exported one learns to reproduce their average.

    A single member is exported itself, unless it is to withstand faults.
    """

    members: int = Field(default=1, ge=1, le=64)
    distillation_steps: int = Field(default=2000, ge=10)
    distillation_batch: int = Field(default=256, ge=2)


class NormalisationSettings(Settings):
    """The running normalisation, which follows each channel's slow changes of rate and spread.

    ``use``: auto gives it to decoders that learn from several recordings. ``update_s`` is the time
    between two updates and ``memory_s`` the time constant in the long run. ``trusted_s`` is the
    weight of the old estimate, in seconds of data, at the start and after each break: the smaller
    it is, the faster the estimate adapts.
    """

    use: Literal["auto", "on", "off"] = "auto"
    update_s: float = Field(default=5.0, ge=0.5, le=600)
    trusted_s: float = Field(default=60.0, gt=0)
    memory_s: float = Field(default=600.0, ge=10)

    def pace(self, session: Session, hop_ns: int) -> Pace | None:
        """Return the pace for a session in hops; None without a running normalisation."""
        if self.use == "off" or (self.use == "auto" and len(session.parts) < 2):
            return None
        seconds = (self.update_s, self.trusted_s, max(self.memory_s, self.update_s))
        return Pace(*(max(1, round(NS_PER_S * each / hop_ns)) for each in seconds))


class FaultSettings(Settings):
    """Faults of the input that the exported encoder learns to withstand, drawn for each example.

    ``dead_channels``: mean fraction of the channels that are dead; each example has 0 to twice as
    many. ``dead_bank``: probability that a bank of neighbouring channels is dead. ``gain_noise``:
    standard deviation of the log of a gain that all channels share.
    """

    dead_channels: float = Field(default=0.0, ge=0, le=0.5)
    dead_bank: Probability = 0.0
    gain_noise: float = Field(default=0.0, ge=0)


class TrainSettings(RenamedSettings):
    """All settings of a training, as ``rt-ner settings train`` prints and explains them."""

    seed: int = Field(default=0, ge=0)
    outputs: tuple[str, ...] = Field(default=(), exclude_if=lambda outputs: not outputs)
    classes: str = Field(default="", exclude_if=lambda classes: not classes)
    held_out: float = Field(default=0.2, gt=0, lt=1)
    readout: Literal["linear", "kalman"] = "linear"
    latent_dim: int = Field(default=3, ge=1, le=64)
    unit_norm: bool = False
    temporal_basis: int = Field(default=9, ge=2)
    hidden_units: tuple[PositiveInt, PositiveInt] = (128, 128)
    hidden_dropout: tuple[Probability, Probability] = (0.15, 0.15)
    channel_dropout: Probability = 0.2
    input_noise: float = Field(default=1.0, ge=0)
    steps: int = Field(default=800, ge=10)
    batch: int = Field(default=128, ge=2)
    learning_rate: float = Field(default=4e-3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    window: WindowSettings = WindowSettings()
    loss: LossSettings = LossSettings()
    ensemble: EnsembleSettings = EnsembleSettings()
    faults: FaultSettings = Field(
        default=FaultSettings(), exclude_if=lambda faults: faults == FaultSettings()
    )
    normalisation: NormalisationSettings = Field(
        default=NormalisationSettings(),
        exclude_if=lambda normalisation: normalisation == NormalisationSettings(),
    )

    @model_validator(mode="after")
    def _one_member_if_unit_norm(self) -> "TrainSettings":
        if self.unit_norm and self.ensemble.members > 1:
            raise ValueError(
                f"unit_norm with {self.ensemble.members} ensemble members: their mean would not be "
                "a unit vector, set ensemble.members = 1"
            )
        return self


_USUAL_HOP_NS = 10 * NS_PER_MS
_USUAL_BIN_NS = 30 * NS_PER_MS


def window_shape(settings: WindowSettings, session: Session) -> WindowShape:
    """Return the window for a session; ConfigError if its spikes don't allow the settings."""
    finest_ns = session.spikes.raster_period_ns
    hop_ns = ns_from_ms(settings.hop_ms) or -(-_USUAL_HOP_NS // finest_ns) * finest_ns
    bin_ns = ns_from_ms(settings.bin_ms) or -(-_USUAL_BIN_NS // hop_ns) * hop_ns
    if hop_ns % finest_ns:
        raise ConfigError(
            f"window.hop_ms = {hop_ns / 1e6:g}: session '{session.name}' holds its spikes in "
            f"samples of {finest_ns / 1e6:g} ms, so choose a multiple of that"
        )
    try:
        return WindowShape(hop_ns=hop_ns, bin_ns=bin_ns, history_bins=settings.history_bins)
    except ValidationError as error:
        raise ConfigError(f"[window]: {error.errors()[0]['msg']}") from error


def learned_part(session: Session, outputs: Sequence[str], classes: str = "") -> Session:
    """Return the session with the outputs to learn: those named, else all velocities, else all.

    A column that holds ``classes`` is none of them.
    """
    if classes in outputs:
        raise ConfigError(
            f"'{classes}' is among the outputs and the classes: leave it out of one of them"
        )
    own = [output for output in session.behaviour.outputs if output.name != classes]
    if not own:
        raise ConfigError(
            f"classes = {classes!r}: session '{session.name}' holds nothing else, and an encoder "
            "learns from an output such as a velocity; add one to its behaviour"
        )
    velocities = names_of([output for output in own if output.is_rate])
    return session.only(outputs or velocities or names_of(own))
