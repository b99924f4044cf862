"""Manifest: everything of a bundle but the encoder's weights."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from rt_ner.decoding.windows import WindowShape


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ReadoutEntry(_Strict):
    """The readout, as `rt_ner.decoding.readout.Readout` says; no memory: a linear one."""

    matrix: tuple[tuple[float, float], ...]
    bias: tuple[float, float]
    unit: Literal["cm/s"]
    memory: tuple[tuple[float, float], tuple[float, float]] | None = None


class CarriedFrom(_Strict):
    """The earlier day whose readout a bundle keeps, and how many later trials taught the rest.

    No trial: no label of the later day was used.
    """

    session: str
    session_sha256: str
    n_calibration_trials: int


class TrainingEntry(_Strict):
    """What the bundle was trained on, and how."""

    session: str
    session_sha256: str
    area: str
    n_train_trials: int
    n_test_trials: int
    settings: dict[str, JsonValue]
    carried_from: CarriedFrom | None = None


class Scores(_Strict):
    """R² on the held-out trials; the control is an encoder trained on shuffled trials.

    Validation: training trials, each decoded by encoders that had not learned from it; None where
    there were too few.
    """

    velocity_r2: float
    position_r2: float
    train_velocity_r2: float
    validation_velocity_r2: float | None = None
    shuffled_velocity_r2: float


class Manifest(_Strict):
    """Everything of a bundle but the graph's weights."""

    format_version: Literal[1]
    channel_ids: tuple[str, ...] = Field(min_length=1)
    window: WindowShape
    latent_dim: int = Field(ge=1)
    readout: ReadoutEntry
    training: TrainingEntry
    scores: Scores
    versions: dict[str, str]

    @model_validator(mode="after")
    def _readout_fits(self) -> "Manifest":
        if len(self.readout.matrix) != self.latent_dim:
            raise ValueError(
                f"the readout has {len(self.readout.matrix)} rows for {self.latent_dim} latents"
            )
        return self
