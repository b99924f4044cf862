"""Settings of a training, with the defaults that every score in the README was made with."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, ValidationError, model_validator

from rt_ner.core.clock import NS_PER_MS, ns_from_ms
from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import Settings
from rt_ner.data.session.session import Session
from rt_ner.decoding.windows import WindowShape

Probability = Annotated[float, Field(ge=0, lt=1)]


class WindowSettings(Settings):
    """What the encoder sees. 0: 10 ms hops and 30 ms bins, or the next that the session allows."""

    hop_ms: float = Field(default=0.0, ge=0)
    bin_ms: float = Field(default=0.0, ge=0)
    history_bins: int = Field(default=20, ge=1, le=1000)


class LossSettings(Settings):
    """The NER loss and the terms beside it.

    Label distance = ``velocity_scale`` · L1 distance of velocity (cm/s) + ``direction_scale`` ·
    circular distance of direction (degrees). ``readout_weight`` scales the mean squared error of a
    linear readout that is learned along, in units of the velocity's variance; ``auxiliary_weight``
    that of the movement before and after, read from the last hidden layer.
    """

    temperature: float = Field(default=1.0, gt=0)
    velocity_scale: float = Field(default=1.0, ge=0)
    direction_scale: float = Field(default=0.05, ge=0)
    readout_weight: float = Field(default=4.0, ge=0)
    auxiliary_weight: float = Field(default=2.0, ge=0)


class EnsembleSettings(Settings):
    """Encoders that learn side by side and then teach the one that is exported.

    Each member leaves out other trials, and stops learning when those are decoded no better. With
    one member there is nobody to teach: it is the encoder.
    """

    members: int = Field(default=6, ge=1, le=64)
    distillation_steps: int = Field(default=2000, ge=10)
    distillation_batch: int = Field(default=256, ge=2)


class TrainSettings(Settings):
    """Everything that `rt-ner train` can be told by a file."""

    seed: int = Field(default=0, ge=0)
    held_out: float = Field(default=0.2, gt=0, lt=1)
    readout: Literal["linear", "kalman"] = "linear"
    latent_dim: int = Field(default=3, ge=1, le=64)
    unit_norm: bool = False
    temporal_basis: int = Field(default=9, ge=2)
    hidden_units: tuple[PositiveInt, PositiveInt] = (128, 128)
    hidden_dropout: tuple[Probability, Probability] = (0.15, 0.15)
    channel_dropout: Probability = 0.2
    input_noise: float = Field(default=1.0, ge=0)
    steps: int = Field(default=400, ge=10)
    batch: int = Field(default=128, ge=2)
    learning_rate: float = Field(default=4e-3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    window: WindowSettings = WindowSettings()
    loss: LossSettings = LossSettings()
    ensemble: EnsembleSettings = EnsembleSettings()

    @model_validator(mode="after")
    def _unit_norm_is_of_one(self) -> "TrainSettings":
        if self.unit_norm and self.ensemble.members > 1:
            raise ValueError(
                f"unit_norm with {self.ensemble.members} ensemble members: the mean of several "
                "unit vectors is none, set ensemble.members = 1"
            )
        return self


_USUAL_HOP_NS = 10 * NS_PER_MS
_USUAL_BIN_NS = 30 * NS_PER_MS


def window_shape(settings: WindowSettings, session: Session) -> WindowShape:
    """The window for a session; ConfigError where the settings can't be met by its spikes."""
    finest_ns = session.spikes.raster_period_ns
    hop_ns = ns_from_ms(settings.hop_ms) or -(-_USUAL_HOP_NS // finest_ns) * finest_ns
    bin_ns = ns_from_ms(settings.bin_ms) or -(-_USUAL_BIN_NS // hop_ns) * hop_ns
    if hop_ns % finest_ns:
        raise ConfigError(
            f"window.hop_ms = {hop_ns / 1e6:g}: session '{session.name}' holds its spikes in "
            f"samples of {finest_ns / 1e6:g} ms, and a hop must be a whole number of them"
        )
    try:
        return WindowShape(hop_ns=hop_ns, bin_ns=bin_ns, history_bins=settings.history_bins)
    except ValidationError as error:
        raise ConfigError(f"[window]: {error.errors()[0]['msg']}") from error
