"""Learn the head of a new day before the trunk and the readout of a joint bundle, in seconds."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from offline_training.dataset.split import check_same_windows
from offline_training.joint.learning import decoders_of
from offline_training.joint.sessions import Day, prepare_day
from offline_training.ner.distillation import train_encoders
from offline_training.ner.ensemble import OnStep
from offline_training.ner.sharing.members import Kept
from offline_training.ner.sharing.share import Share
from offline_training.settings import EnsembleSettings, TrainSettings
from offline_training.training import decoder_of, training_entry
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.joint.joint_bundle import ReadoutUse
from rt_ner.bundle.manifest import CarriedFrom, OtherSession, TrainingEntry
from rt_ner.core.contract.outputs import outputs_in_words
from rt_ner.core.errors import BundleError, SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.held_out.proof import Fitted, Trained, control_split, prove_fitted
from rt_ner.terminal.progress import Progress

# A head learns in a few seconds.
_STEPS, _MEMBERS, _DISTILLATION_STEPS = 250, 2, 400


def head_settings(settings: TrainSettings) -> TrainSettings:
    """Return the settings of a joint training, with as much of it as is enough for a head."""
    own = settings.ensemble
    fewer = EnsembleSettings(
        members=min(own.members, _MEMBERS),
        distillation_steps=min(own.distillation_steps, _DISTILLATION_STEPS),
        distillation_batch=own.distillation_batch,
    )
    return settings.model_copy(update={"steps": min(settings.steps, _STEPS), "ensemble": fewer})


@dataclass(frozen=True, eq=False)
class HeadPlan:
    """The trunk and the readout before which a head learns, and the settings of a head.

    ``readout``: ``shared`` if the new day keeps the readout too, ``own`` if it gets one of its own.
    """

    kept: Kept
    settings: TrainSettings
    readout: ReadoutUse


@dataclass(frozen=True, eq=False)
class KnownDay:
    """A day of a joint bundle, whose trunk and readout the new day is to use."""

    name: str
    bundle: Bundle
    readout: ReadoutUse

    @property
    def plan(self) -> HeadPlan:
        """The plan of a head for this day's trunk; BundleError if the day has no weights."""
        if self.bundle.weights is None:
            raise BundleError(
                f"day '{self.name}' holds no weights (layers.npz), so that no head can be learned "
                "before its trunk: train the days again with rt-ner train --joint"
            )
        settings = TrainSettings.model_validate(self.bundle.manifest.training.settings)
        kept = Kept(self.bundle.weights, self.bundle.model.readout)
        return HeadPlan(kept, head_settings(settings), self.readout)


@dataclass(frozen=True, eq=False)
class NewDay:
    """A new day's decoder with its scores, and the seconds that its head took to learn."""

    trained: Trained
    head_s: float


def learn_new_day(
    session: Session,
    known: KnownDay,
    device: torch.device,
    progress: Progress,
    warn: Callable[[str], None] = lambda _: None,
) -> NewDay:
    """Learn a new day's head; the trunk stays as it is, and so does a shared readout.

    Where days have readouts of their own, the head learns before that of the known day, and the
    new day's is fitted afterwards. A control learns from shuffled trials in the same way.
    """
    plan = known.plan
    day = prepare_day(session, plan.settings, warn)
    _check_fits(day, known)
    started_s = time.monotonic()
    model, validation_r2 = learn_head(day, plan, device, partial(progress, "head"))
    head_s = time.monotonic() - started_s
    shuffled = Day(day.session, control_split(day.split, plan.settings.seed))
    control, _ = learn_head(shuffled, plan, device, partial(progress, "control"))
    fitted = Fitted(model, validation_r2, control)
    training = _training(day, known)
    trained = prove_fitted(day.session, day.split, training, plan.settings.seed, fitted)
    return NewDay(trained, head_s)


def learn_head(
    day: Day, plan: HeadPlan, device: torch.device, on_step: OnStep
) -> tuple[DecoderSpecification, float | None]:
    """Learn a day's head; return its decoder, and the R² of trials that were left out."""
    train, step_ns = day.split.train, day.split.shape.bin_ns
    share = Share.whole([train])
    learned = train_encoders(share, plan.settings, step_ns, device, on_step, plan.kept)
    if plan.readout == "own":
        (model,) = decoders_of([day], learned, "own")
    else:
        model = decoder_of(learned[0].network, day.session, day.split, plan.kept.readout)
    return model, learned[0].validation_r2


def _training(day: Day, known: KnownDay) -> TrainingEntry:
    """Return the manifest's entry, with the days whose trunk and readout the new day keeps."""
    before = known.bundle.manifest.training
    source = {"session": before.session, "session_sha256": before.session_sha256}
    n_train = day.split.n_train
    origin = None
    if known.readout == "shared":
        origin = CarriedFrom(**source, n_calibration_trials=n_train)
    others = (OtherSession(**source), *before.joint_with)
    return training_entry(day.session, known.plan.settings, n_train, origin, others)


def _check_fits(day: Day, known: KnownDay) -> None:
    """Raise an error unless the known day's trunk and readout can serve the new day."""
    manifest = known.bundle.manifest
    check_same_windows(known.name, manifest.window, day.session.name, day.split.shape)
    for quality, own, expected in (
        (
            "outputs",
            outputs_in_words(day.session.behaviour.outputs),
            outputs_in_words(manifest.decoded_outputs),
        ),
        ("channel values", str(day.session.voltage), str(manifest.voltage)),
    ):
        if own != expected:
            raise SessionError(
                f"'{day.session.name}' and day '{known.name}' of the bundle differ in their "
                f"{quality}: {own} and {expected}; add a session that agrees"
            )
