"""Infer afterwards at which of the screen's targets a subject aimed, from ordinary use.

A hidden Markov model, as in Wilson et al. 2025: its state is the target, and the decoded velocity
tells which one. Here, the model of reaching says how fast the subject heads for each target from
where the cursor is, and the target seldom changes until the cursor has stayed near it for 0.4 s.
The decoder may turn, stretch and shift the intended velocity; how it does is found together with
the targets.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.compiled.njit import njit
from rt_ner.recalibration.block import ClosedLoopBlock, reach_numbers
from rt_ner.recalibration.intention.reach_model import ReachModel

# The state may change once per step. The targets and the decoder's answer are found in turn.
_STEP_S, _ROUNDS = 0.05, 4
# Successive steps share their noise, so each counts as this part of an independent one.
_INDEPENDENT = 0.3
# A cursor has dwelled on a target if it was this near for so long; for how long it then counts.
DWELL_CM, _DWELL_S, _COUNTS_S = 2.2, 0.4, 0.5
# Probability per step that the target changes: after a dwell on it, and without (given up).
_DONE, _GIVEN_UP = 0.05, 1e-4
# From the intention to the decoded velocity.
_ANSWER_S = 0.05
# Noise of the decoded velocity at first: at rest in cm/s, and as a part of the speed.
_FIRST_NOISE, _LEAST_NOISE = (6.0, 0.4), (1.0, 0.1)


class _Decoder(NamedTuple):
    """The decoder's answer to an intention: ``matrix`` · intention + ``shift``, and its noise."""

    matrix: FloatArray
    shift: FloatArray
    noise: tuple[float, float]

    def variance(self, speed_cm_s: FloatArray) -> FloatArray:
        """Return the variance of the decoded velocity at intended speeds."""
        gain = np.sqrt(abs(np.linalg.det(self.matrix)))
        at_rest, moving = self.noise
        variance: FloatArray = at_rest**2 + np.square(moving * gain * speed_cm_s)
        return variance


def infer_targets(
    block: ClosedLoopBlock, screen_cm: FloatArray, model: ReachModel
) -> ClosedLoopBlock:
    """Return a block with the targets at which the subject must have aimed.

    Parameters
    ----------
    block
        A block of a decoder; its own targets are not used.
    screen_cm
        ``(target, 2)``, x and y of the centre of each target on the screen, in cm.
    model
        The model of how the subject reaches.

    Returns
    -------
    ClosedLoopBlock
        The block with a target at all times, of radius 0: between two reaches, it is the last one.
        In less than a second of use there is none.

    """
    step = max(round(_STEP_S * NS_PER_S / block.hop_ns), 1)
    if len(block.counts) * block.hop_ns < NS_PER_S:
        nowhere = np.full((len(block.counts), 3), np.nan)
        return replace(block, target=nowhere, reach=reach_numbers(nowhere))
    wanted = _wanted(block, screen_cm, model, step)
    decoded = _in_steps(np.nan_to_num(block.decoded_cm_s), step)
    may_change = _may_change(block, screen_cm, model, step)
    log_change, log_stay = np.log(may_change), np.log(1 - may_change)
    decoder = _Decoder(np.eye(2), np.zeros(2), _FIRST_NOISE)
    for _ in range(_ROUNDS):
        chances = _log_chances(decoded, wanted, decoder)
        aimed = _most_likely(chances, log_change, log_stay)
        decoder = _fitted(decoded, wanted[np.arange(len(aimed)), aimed], decoder)
    return _with_targets(block, screen_cm[np.repeat(aimed, step)], model)


def _wanted(
    block: ClosedLoopBlock, screen_cm: FloatArray, model: ReachModel, step: int
) -> FloatArray:
    """Return the velocity ``(step, target, 2)`` that the subject wants if it aims at a target."""
    late = round(model.build_up_s * NS_PER_S / block.hop_ns)
    cursor_cm = np.nan_to_num(block.cursor_cm)
    then = cursor_cm[(np.arange(len(cursor_cm)) - late).clip(0)]
    away_cm = screen_cm[None] - _in_steps(then, step)[:, None]
    distance_cm = np.maximum(np.hypot(away_cm[..., 0], away_cm[..., 1]), 1e-9)
    speed_cm_s = np.minimum(model.max_speed_cm_s, distance_cm / model.approach_s)
    wanted: FloatArray = away_cm * (speed_cm_s / distance_cm)[..., None]
    return wanted


def _may_change(
    block: ClosedLoopBlock, screen_cm: FloatArray, model: ReachModel, step: int
) -> FloatArray:
    """Return the probability ``(step, target)`` that this target is not the next step's."""
    step_s = step * block.hop_ns / NS_PER_S
    away_cm = screen_cm[None] - _in_steps(np.nan_to_num(block.cursor_cm), step)[:, None]
    is_near = np.hypot(away_cm[..., 0], away_cm[..., 1]) <= DWELL_CM
    has_dwelled = _all_of_last(is_near, round(_DWELL_S / step_s))
    # The subject sees the next target later, and gets going.
    seen_s = model.delay_s + model.build_up_s + _COUNTS_S
    counts = ~_all_of_last(~has_dwelled, round(seen_s / step_s))
    return np.where(counts, _DONE, _GIVEN_UP)


def _all_of_last(is_true: BoolArray, n: int) -> BoolArray:
    """Return where all of the last ``n`` steps, this one included, are true, ``(step, …)``."""
    n_true: Int64Array = np.cumsum(is_true, axis=0, dtype=np.int64)
    n_true[n:] -= n_true[:-n].copy()
    all_true: BoolArray = n_true == np.minimum(np.arange(len(is_true)) + 1, n)[:, None]
    return all_true


def _log_chances(decoded: FloatArray, wanted: FloatArray, decoder: _Decoder) -> FloatArray:
    """Return the log likelihood ``(step, target)`` of the decoded velocity for each target."""
    error = decoded[:, None] - wanted @ decoder.matrix.T - decoder.shift
    variance = decoder.variance(np.hypot(wanted[..., 0], wanted[..., 1]))
    squared = np.square(error).sum(axis=-1)
    chances: FloatArray = -_INDEPENDENT * (squared / (2 * variance) + np.log(variance))
    return chances


def _fitted(decoded: FloatArray, wanted: FloatArray, before: _Decoder) -> _Decoder:
    """Fit the decoder's answer to the velocity ``(step, 2)`` that was wanted most likely."""
    weight = 1 / before.variance(np.hypot(*wanted.T))[:, None]
    inputs = np.column_stack([wanted, np.ones(len(wanted))])
    gram = (inputs * weight).T @ inputs + 1e-3 * np.eye(3)
    solved = np.asarray(np.linalg.solve(gram, (inputs * weight).T @ decoded), dtype=np.float64)
    matrix = np.asarray(solved[:2].T)
    shift = np.asarray(solved[2])
    error = np.square(decoded - inputs @ solved).mean(axis=1)
    moving = abs(np.linalg.det(matrix)) * np.square(wanted).sum(axis=1)
    parts = np.linalg.lstsq(np.column_stack([np.ones(len(moving)), moving]), error, rcond=None)[0]
    at_rest, of_speed = np.sqrt(np.maximum(parts, np.square(_LEAST_NOISE))).tolist()
    return _Decoder(matrix, shift, (at_rest, of_speed))


@njit(cache=True)
def _most_likely(chances: FloatArray, log_change: FloatArray, log_stay: FloatArray) -> Int64Array:
    """Return the most likely target of each step (Viterbi); a change leads to any target alike."""
    n_steps, n_targets = chances.shape
    best = chances[0].copy()
    came_from = np.zeros((n_steps, n_targets), dtype=np.int64)
    for step in range(1, n_steps):
        left = np.argmax(best + log_change[step - 1])
        arriving = best[left] + log_change[step - 1, left] - np.log(n_targets)
        for target in range(n_targets):
            staying = best[target] + log_stay[step - 1, target]
            came_from[step, target] = left if arriving > staying else target
            best[target] = max(arriving, staying) + chances[step, target]
    aimed = np.zeros(n_steps, dtype=np.int64)
    aimed[-1] = np.argmax(best)
    for step in range(n_steps - 1, 0, -1):
        aimed[step - 1] = came_from[step, aimed[step]]
    return aimed


def _with_targets(
    block: ClosedLoopBlock, aimed_cm: FloatArray, model: ReachModel
) -> ClosedLoopBlock:
    """Return the block with targets ``(hop, 2)``, shown as long before as the subject needs."""
    n = len(block.counts)
    early = round((model.delay_s + _ANSWER_S) * NS_PER_S / block.hop_ns)
    shown_cm = aimed_cm[(np.arange(n) + early).clip(max=len(aimed_cm) - 1)]
    target = np.column_stack([shown_cm, np.zeros(n)])
    return replace(block, target=target, reach=reach_numbers(target))


def _in_steps(rows: AnyArray, step: int) -> FloatArray:
    """Return the mean of each step ``(step, 2)`` of hops; an incomplete last one is left out."""
    n = len(rows) // step
    means: FloatArray = rows[: n * step].reshape(n, step, -1).mean(axis=1)
    return means
