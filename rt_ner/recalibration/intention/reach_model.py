"""Work out what a subject intended from a model of how it reaches for a target.

A subject sees the cursor late. To where it sees it, it adds what it has intended since, as far as
the cursor has responded before (an internal model; Golub et al. 2015). From there it heads for the
target: the farther away, the faster, up to a limit. So the intended velocity follows from where
target and cursor were; the decoded velocity tells only how the cursor responds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.compiled.njit import njit
from rt_ner.recalibration.block import ClosedLoopBlock

# The intention leads the hand by about 75 ms, and an encoder's newest bins by 30 ms.
HAND_ANSWER_S, _DECODER_ANSWER_S = 0.075, 0.03
# Longest delay tried. The answer and the intention depend on each other: found in turn, so often.
_LONGEST_ANSWER_S, _ROUNDS = 0.3, 6
# The fit multiplies or divides one parameter at a time, first by this factor, at last by that.
_FIRST_STEP, _LAST_STEP = 1.6, 1.01


@dataclass(frozen=True)
class ReachModel:
    """Parameters of a subject that reaches for a target it sees.

    Attributes
    ----------
    delay_s
        Age of what the subject sees, in s.
    approach_s
        The wanted speed is the distance to the target divided by this time, in s.
    max_speed_cm_s
        Upper limit of the wanted speed, in cm/s.
    build_up_s
        Time constant with which the intended velocity follows the wanted one, in s.

    """

    delay_s: float = 0.15
    approach_s: float = 0.15
    max_speed_cm_s: float = 40.0
    build_up_s: float = 0.05


class Answer(NamedTuple):
    """The cursor's response to the intention: it comes after ``delay_s``, with this gain."""

    delay_s: float
    gain: float


def intended_velocity(block: ClosedLoopBlock, model: ReachModel) -> tuple[FloatArray, BoolArray]:
    """Return the intended velocity ``(hop, 2)`` in cm/s, and where it is known, ``(hop,)``.

    It is known where there was a target to aim at. How the cursor responded is found together with
    it, because the subject takes that into account.
    """
    answer = _first_answer(block)
    intended = intended_with(block, model, answer)
    for _ in range(_ROUNDS):
        answer = answer_of(block, intended)
        intended = intended_with(block, model, answer)
    return intended, np.isfinite(block.target[:, 0])


def answer_of(block: ClosedLoopBlock, intended_cm_s: FloatArray) -> Answer:
    """Return the delay and gain with which an intention best explains the cursor's velocity.

    A subject learns both in the same way, by watching the cursor.
    """
    moved_cm_s, n = _velocity(block), len(intended_cm_s)
    hop_s = block.hop_ns / NS_PER_S
    found, best = Answer(0.0, 0.0), 0.0
    for delay in range(min(round(_LONGEST_ANSWER_S / hop_s) + 1, n)):
        meant = intended_cm_s[: n - delay]
        power = float(np.square(meant).sum())
        together = float((moved_cm_s[delay:] * meant).sum())
        if power and together / np.sqrt(power) > best:
            best = together / np.sqrt(power)
            found = Answer(delay * hop_s, together / power)
    return found


def fit_reach_model(block: ClosedLoopBlock) -> tuple[ReachModel, float]:
    """Fit the model to a block, in which the cursor followed the subject well.

    That is a calibration with the subject's own hand, or use of a good decoder.

    Returns
    -------
    tuple[ReachModel, float]
        The model, and the fraction of the velocity's power that it explains: at most 1, negative if
        it is worse than a cursor that stands still, and 0 if nothing moved.

    """
    velocity, known = _velocity(block), np.isfinite(block.target[:, 0])
    answer = _first_answer(block)
    delay = round(answer.delay_s * NS_PER_S / block.hop_ns)
    observed = velocity[delay:][known[: len(known) - delay]]
    power = float(np.square(observed).sum())

    def lost(model: ReachModel) -> float:
        intended = intended_with(block, model, answer)
        meant = intended[: len(intended) - delay][known[: len(known) - delay]]
        return float(np.square(observed - meant).sum()) / max(power, 1e-9)

    fastest = float(np.quantile(np.hypot(*observed.T), 0.95)) if observed.size else 40.0
    model, least = _least(lost, ReachModel(max_speed_cm_s=max(fastest, 1e-3)))
    return model, 1.0 - least if power else 0.0


def _least(lost: Callable[[ReachModel], float], model: ReachModel) -> tuple[ReachModel, float]:
    """Return the model with the least loss: one parameter after the other, in smaller steps."""
    least, step = lost(model), _FIRST_STEP
    while step > _LAST_STEP:
        better = False
        for name, value in vars(model).items():
            for factor in (step, 1 / step):
                tried = replace(model, **{name: value * factor})
                if (loss := lost(tried)) < least:
                    model, least, better = tried, loss, True
                    break
        if not better:
            step = float(np.sqrt(step))
    return model, least


def intended_with(block: ClosedLoopBlock, model: ReachModel, answer: Answer) -> FloatArray:
    """Return the intended velocity ``(hop, 2)`` in cm/s, if the cursor responds like this."""
    hop_s = block.hop_ns / NS_PER_S
    seen = max(round(model.delay_s / hop_s), 1)
    intended = np.zeros((len(block.target), 2))
    _intend(
        block.target[:, :2],
        np.nan_to_num(block.cursor_cm),
        (seen, seen + round(answer.delay_s / hop_s)),
        (
            answer.gain * hop_s,
            model.approach_s,
            model.max_speed_cm_s,
            1.0 - np.exp(-hop_s / model.build_up_s),
        ),
        intended,
    )
    return intended


@njit(cache=True)
def _intend(
    target_cm: FloatArray,
    cursor_cm: FloatArray,
    hops: tuple[int, int],
    parameters: tuple[float, float, float, float],
    intended: FloatArray,
) -> None:
    """Write the intended velocity, hop by hop: it depends on what was intended before.

    ``hops``: how many ago the cursor seen now was there, and how many intended steps it does not
    show yet. ``parameters``: cm moved per hop and intended cm/s, approach time (s), highest speed
    (cm/s), and the share of the gap to the wanted velocity that closes per hop.
    """
    seen, unseen = hops
    way_s, approach_s, most_cm_s, share = parameters
    sums = np.zeros((len(intended) + 1, 2))
    for hop in range(len(intended)):
        then, since = max(hop - seen, 0), max(hop - unseen, 0)
        wanted_x = wanted_y = 0.0
        if hop >= seen and np.isfinite(target_cm[then, 0]):
            away_x = target_cm[then, 0] - cursor_cm[then, 0]
            away_y = target_cm[then, 1] - cursor_cm[then, 1]
            away_x -= way_s * (sums[hop, 0] - sums[since, 0])
            away_y -= way_s * (sums[hop, 1] - sums[since, 1])
            distance = max(np.hypot(away_x, away_y), 1e-9)
            per_cm = min(most_cm_s, distance / approach_s) / distance
            wanted_x, wanted_y = away_x * per_cm, away_y * per_cm
        for axis, wanted in enumerate((wanted_x, wanted_y)):
            before = intended[hop - 1, axis] if hop else 0.0
            intended[hop, axis] = before + share * (wanted - before)
            sums[hop + 1, axis] = sums[hop, axis] + intended[hop, axis]


def _velocity(block: ClosedLoopBlock) -> FloatArray:
    """Return the velocity ``(hop, 2)`` that moved the cursor: the hand's, or the decoded one."""
    return np.nan_to_num(block.hand_cm_s if _is_of_hand(block) else block.decoded_cm_s)


def _first_answer(block: ClosedLoopBlock) -> Answer:
    return Answer(HAND_ANSWER_S if _is_of_hand(block) else _DECODER_ANSWER_S, 1.0)


def _is_of_hand(block: ClosedLoopBlock) -> bool:
    return bool(np.isfinite(block.hand_cm_s).any())
