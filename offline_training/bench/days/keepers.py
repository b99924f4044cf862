"""Keep a decoder from day to day: by the inferred targets, or in ways that must do worse."""

from collections import deque
from dataclasses import replace
from enum import StrEnum

import numpy as np

from offline_training.closed_loop.encoder import better_bundle
from offline_training.closed_loop.in_process.controls import with_shuffled_targets
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.normalisation.settled import settled
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.intention.reach_model import ReachModel
from rt_ner.recalibration.intention.target_inference import infer_targets
from rt_ner.recalibration.readouts.refit import FEWEST_REACHES
from rt_ner.recalibration.use import Use
from rt_ner.task.settings import Layout, TaskSettings
from rt_ner.task.trials.targets import circle_and_centre

# The screen of ordinary use: a centre, and targets around it.
LAYOUT = Layout.CENTRE_OUT_BACK
# A decoder learns from so many of the newest blocks, in so many steps: a night changes little.
_BLOCKS, _STEPS = 4, 250
# A running normalisation with this pace, in hops, stands still.
_NEVER = 2**62


class Condition(StrEnum):
    """The way to keep a decoder.

    Attributes
    ----------
    INFERRED
        It learns from the targets that the subject must have aimed at.
    FROZEN
        It stays as it is: a control.
    MATCHED
        The distributions of channels and latents are matched to those of day one, as far as mean
        and covariance go: a control.
    SHUFFLED
        It learns from the inferred targets of other reaches: a control.

    """

    INFERRED = "inferred targets"
    FROZEN = "frozen decoder"
    MATCHED = "matched distributions"
    SHUFFLED = "shuffled targets"


class Keeper:
    """Keeps a decoder; this one never changes it.

    Parameters
    ----------
    first
        The decoder of day one.

    """

    def __init__(self, first: Bundle) -> None:
        self.model: DecoderSpecification = first.model

    def learn(self, block: ClosedLoopBlock) -> None:
        """Learn from a block of use."""


class _Frozen(Keeper):
    """Stops the running normalisation too."""

    def __init__(self, first: Bundle) -> None:
        super().__init__(first)
        if (moving := self.model.normalisation) is not None:
            still = replace(moving, pace=replace(moving.pace, update=_NEVER))
            self.model = replace(self.model, normalisation=still)


class _Inferring(Keeper):
    """Learns from the newest blocks, if that decodes held-out reaches better."""

    def __init__(self, first: Bundle, reaching: ReachModel) -> None:
        super().__init__(first)
        self._in_use, self._reaching = first, reaching
        self._blocks: deque[ClosedLoopBlock] = deque(maxlen=_BLOCKS)
        self._screen_cm = circle_and_centre(TaskSettings(layout=LAYOUT))

    def learn(self, block: ClosedLoopBlock) -> None:
        """Learn from the newest blocks."""
        self._blocks.append(self._aimed(block))
        use = Use(tuple(self._blocks), self._reaching, is_speed_known=True)
        if use.n_reaches < FEWEST_REACHES:
            return
        self._in_use = better_bundle(use, self._in_use, _STEPS) or self._in_use
        self.model = self._in_use.model

    def _aimed(self, block: ClosedLoopBlock) -> ClosedLoopBlock:
        return infer_targets(block, self._screen_cm, self._reaching)


class _Shuffling(_Inferring):
    """Gives each reach the inferred target of another."""

    def __init__(self, first: Bundle, reaching: ReachModel, seed: int) -> None:
        super().__init__(first, reaching)
        self._rng = np.random.default_rng(seed)

    def _aimed(self, block: ClosedLoopBlock) -> ClosedLoopBlock:
        return with_shuffled_targets(super()._aimed(block), self._rng)


class _Matching(Keeper):
    """Brings mean and covariance of the latents to those of the first block that it hears."""

    def __init__(self, first: Bundle) -> None:
        super().__init__(first)
        self._first = first.model
        self._like: Float32Array | None = None

    def learn(self, block: ClosedLoopBlock) -> None:
        """Match the latents of a block."""
        session = block.session("use", np.zeros((len(block.counts), 2)), block.is_heard)
        model = settled(self._first, session)
        latents = decode_session(model, session).latent
        self._like = latents if self._like is None else self._like
        readout = _matched(self._first.readout, latents, self._like)
        self.model = replace(model, readout=readout)


def keeper_of(condition: Condition, first: Bundle, reaching: ReachModel, seed: int) -> Keeper:
    """Return the keeper of a condition; the seed shuffles targets."""
    match condition:
        case Condition.INFERRED:
            return _Inferring(first, reaching)
        case Condition.SHUFFLED:
            return _Shuffling(first, reaching, seed)
        case Condition.MATCHED:
            return _Matching(first)
        case _:
            return _Frozen(first)


def _matched(readout: Readout, latents: Float32Array, like: Float32Array) -> Readout:
    """Return a readout of latents whose mean and covariance are brought to those of others."""
    turned = _root(np.cov(latents.T), -0.5) @ _root(np.cov(like.T), 0.5)
    shift = like.mean(axis=0) - latents.mean(axis=0) @ turned
    return Readout(turned @ readout.matrix, readout.mapped(shift), readout.outputs)


def _root(covariance: FloatArray, power: float) -> FloatArray:
    """Return a power of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(covariance)
    root: FloatArray = (vectors * np.maximum(values, 1e-9) ** power) @ vectors.T
    return root
