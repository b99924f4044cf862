"""Define the manifest: everything in a bundle except the encoder and the golden windows."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from pydantic import Field, JsonValue, field_serializer, model_validator

from rt_ner.bundle.entries.channels.expectation_entry import ExpectationEntry
from rt_ner.bundle.entries.channels.normalisation_entry import NormalisationEntry
from rt_ner.bundle.entries.classifier_entry import ClassifierEntry, ClassScores
from rt_ner.bundle.entries.corruption_entry import CorruptionTable
from rt_ner.bundle.entries.reaching_entry import ReachingEntry
from rt_ner.bundle.entries.readout_entry import OutputEntry, ReadoutEntry, output_entries
from rt_ner.bundle.entries.strict import Strict
from rt_ner.core.contract.outputs import (
    VELOCITY_XY,
    Output,
    OutputKind,
    kind_of,
    outputs_problem,
)
from rt_ner.core.errors import ConfigError
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings
from rt_ner.decoding.readouts.classifier import n_features
from rt_ner.decoding.windows import WindowShape

_Value = TypeVar("_Value")


def _is_none(value: object) -> bool:
    return value is None


_VELOCITY_ENTRIES = output_entries(VELOCITY_XY)


class CarriedFrom(Strict):
    """The earlier day whose readout a bundle keeps.

    ``n_calibration_trials`` is the number of labelled trials of the later day that the encoder was
    aligned with; 0 if no label was used.
    """

    session: str
    session_sha256: str
    n_calibration_trials: int


class PartEntry(Strict):
    """One recording of a session that was joined from several."""

    session: str
    spikes_sha256: str
    n_trials: int


class OtherSession(Strict):
    """Another session that the trunk of a joint bundle learned from."""

    session: str
    session_sha256: str


class TrainingEntry(Strict):
    """The session and the settings that a bundle was trained with.

    ``parts``: the recordings that the session was joined from; empty if it is one. ``joint_with``:
    the sessions that its trunk learned from too; empty if it learned from this one alone.
    """

    session: str
    session_sha256: str
    area: str
    n_train_trials: int
    n_test_trials: int
    settings: dict[str, JsonValue]
    carried_from: CarriedFrom | None = None
    parts: tuple[PartEntry, ...] = Field(default=(), exclude_if=lambda parts: not parts)
    joint_with: tuple[OtherSession, ...] = Field(default=(), exclude_if=lambda others: not others)


def named_scores(scores: Mapping[str, _Value], outputs: Sequence[Output]) -> dict[str, _Value]:
    """Return scores under the names that files and JSON have: ``r2`` of a force is ``force_r2``.

    The path that a decoded velocity leads to has a ``position_r2``; other outputs have no path.
    """
    kind = kind_of(outputs)
    is_velocity = kind == OutputKind.VELOCITY
    return {
        "position_r2" if name == "path_r2" else name.replace("r2", f"{kind}_r2"): value
        for name, value in scores.items()
        if is_velocity or name != "path_r2"
    }


class Scores(Strict):
    """Scores of a bundle on the session that it was trained on: R², the mean over the outputs.

    Attributes
    ----------
    r2 : float
        Score on the held-out trials.
    path_r2 : float or None
        Score there of the position that a decoded velocity leads to; None for other outputs.
    train_r2 : float
        Score on the training trials.
    validation_r2 : float or None
        Score on training trials, each decoded by encoders that had not learned from it; None if
        there were too few trials.
    of : str
        Kind of the outputs, such as ``"velocity"``.
    shuffled_r2 : float
        Score of a control on the held-out trials: a decoder trained on shuffled trials.
    classes : ClassScores or None
        Scores of the classifier; None without one, or if it was not scored.

    """

    r2: float
    path_r2: float | None = None
    train_r2: float
    validation_r2: float | None = None
    shuffled_r2: float
    classes: ClassScores | None = Field(default=None, exclude_if=_is_none)
    of: str = Field(default=OutputKind.VELOCITY.value, exclude=True)

    @property
    def velocity_r2(self) -> float:
        """The score, if it is that of a velocity; ConfigError if anything else is decoded."""
        return self._of_velocity(self.r2)

    @property
    def shuffled_velocity_r2(self) -> float:
        """The control, if it is that of a velocity; ConfigError if anything else is decoded."""
        return self._of_velocity(self.shuffled_r2)

    def _of_velocity(self, score: float) -> float:
        if self.of != OutputKind.VELOCITY:
            raise ConfigError(f"this bundle decodes {self.of}, no velocity: read r2, shuffled_r2")
        return score

    @model_validator(mode="before")
    @classmethod
    def _accept_names_by_kind(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        control = next((name for name in content if name.startswith("shuffled_")), "")
        if not control or control == "shuffled_r2":
            return content
        kind = control.removeprefix("shuffled_").removesuffix("_r2")
        names = {name.replace("r2", f"{kind}_r2"): name for name in cls.model_fields}
        if kind == OutputKind.VELOCITY:
            names["position_r2"] = "path_r2"
        return {names.get(name, name): value for name, value in content.items()} | {"of": kind}


class Manifest(Strict):
    """Everything in a bundle except the encoder and the golden windows."""

    format_version: Literal[1]
    channel_ids: tuple[str, ...] = Field(min_length=1)
    window: WindowShape
    latent_dim: int = Field(ge=1)
    readout: ReadoutEntry
    outputs: tuple[OutputEntry, ...] = Field(
        default=_VELOCITY_ENTRIES, exclude_if=lambda outputs: outputs == _VELOCITY_ENTRIES
    )
    voltage: VoltageSettings = Field(default=CROSSINGS, exclude_if=CROSSINGS.__eq__)
    classifier: ClassifierEntry | None = Field(default=None, exclude_if=_is_none)
    normalisation: NormalisationEntry | None = Field(default=None, exclude_if=_is_none)
    expectation: ExpectationEntry | None = Field(default=None, exclude_if=_is_none)
    training: TrainingEntry
    scores: Scores
    corruption: CorruptionTable | None = Field(default=None, exclude_if=_is_none)
    reaching: ReachingEntry | None = Field(default=None, exclude_if=_is_none)
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
        if problem := outputs_problem([entry.output() for entry in self.outputs]):
            raise ValueError(problem)
        if len(self.readout.bias) != len(self.outputs):
            raise ValueError(
                f"the readout gives {len(self.readout.bias)} outputs, {len(self.outputs)} are named"
            )
        for name in ("normalisation", "expectation"):
            entry, n_named = getattr(self, name), len(self.channel_ids)
            if entry and entry.n_channels != n_named:
                raise ValueError(f"the {name} has {entry.n_channels} channels, {n_named} are named")
        expected = n_features(self.latent_dim)
        if self.classifier and len(self.classifier.matrix) != expected:
            raise ValueError(
                f"the classifier has {len(self.classifier.matrix)} rows, {self.latent_dim} latents "
                f"have {expected} features"
            )
        return self

    @field_serializer("scores")
    def _scores_by_kind(self, scores: Scores) -> dict[str, JsonValue]:
        return named_scores(scores.model_dump(), self.decoded_outputs)

    @property
    def decoded_outputs(self) -> tuple[Output, ...]:
        """Name, unit and kind of each output."""
        return tuple(entry.output() for entry in self.outputs)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty without a classifier."""
        return self.classifier.classes if self.classifier else ()
