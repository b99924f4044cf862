"""Define the manifest: everything in a bundle except the encoder and the golden windows."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from rt_ner.decoding.windows import WindowShape


class Strict(BaseModel):
    """An immutable part of a bundle that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ReadoutEntry(Strict):
    """The numbers of a `rt_ner.decoding.readout.Readout`; a linear one has no memory."""

    matrix: tuple[tuple[float, float], ...]
    bias: tuple[float, float]
    unit: Literal["cm/s"]
    memory: tuple[tuple[float, float], tuple[float, float]] | None = None


class CarriedFrom(Strict):
    """The earlier day whose readout a bundle keeps.

    ``n_calibration_trials`` is the number of labelled trials of the later day that the encoder was
    aligned with; 0 if no label was used.
    """

    session: str
    session_sha256: str
    n_calibration_trials: int


class TrainingEntry(Strict):
    """The session and the settings that a bundle was trained with."""

    session: str
    session_sha256: str
    area: str
    n_train_trials: int
    n_test_trials: int
    settings: dict[str, JsonValue]
    carried_from: CarriedFrom | None = None


class Scores(Strict):
    """Scores of a bundle on the session that it was trained on: R², the mean over x and y.

    Attributes
    ----------
    velocity_r2, position_r2 : float
        Scores on the held-out trials.
    train_velocity_r2 : float
        Score on the training trials.
    validation_velocity_r2 : float or None
        Score on training trials, each decoded by encoders that had not learned from it; None if
        there were too few trials.
    shuffled_velocity_r2 : float
        Score of a control on the held-out trials: a decoder trained on shuffled trials.

    """

    velocity_r2: float
    position_r2: float
    train_velocity_r2: float
    validation_velocity_r2: float | None = None
    shuffled_velocity_r2: float


class Manifest(Strict):
    """Everything in a bundle except the encoder and the golden windows."""

    format_version: Literal[1]
    channel_ids: tuple[str, ...] = Field(min_length=1)
    window: WindowShape
    latent_dim: int = Field(ge=1)
    readout: ReadoutEntry
    training: TrainingEntry
    scores: Scores
    versions: dict[str, str]

    def __repr__(self) -> str:
        return (
            f"<Manifest {self.training.session} {self.training.area}: "
            f"{len(self.channel_ids)} channels, {self.latent_dim} latents>"
        )

    __str__ = __repr__

    @model_validator(mode="after")
    def _readout_fits(self) -> "Manifest":
        if len(self.readout.matrix) != self.latent_dim:
            raise ValueError(
                f"the readout has {len(self.readout.matrix)} rows for {self.latent_dim} latents"
            )
        return self
