"""Check that a session is good enough to train on."""

from collections.abc import Iterable

import numpy as np

from offline_training.dataset.outputs import is_moving
from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.errors import SessionError
from rt_ner.data.session.trials import FEWEST_TRAINING_TRIALS
from rt_ner.offline.held_out.split import Split
from rt_ner.offline.labels import Labels

_FEW_TRIALS, _FEW_PER_DIRECTION = 24, 3
# Directions are drawn evenly if the commonest has more than three times the trials of the rarest.
_UNBALANCED = 3.0
_NAMED = 5
# An output that varies by less is constant, but for rounding.
_STILL = 1e-6
# A step from one hop to the next this many times the 99th percentile is no real movement.
_JUMP = 5.0
# In a continuous recording, this fraction of the drawn hops is movement. For a position, movement
# is its change from this long before a hop to this long after it.
_MOVEMENT, _CHANGE_NS = 2 / 3, 100 * NS_PER_MS
# More directions than in a centre-out task are a continuum, and not checked one by one.
_MOST_DIRECTIONS = 32


def check_adequacy(split: Split, channel_ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return warnings about a split session, one line each.

    Raises SessionError, with the reason and the remedy, if training would make no sense.
    """
    return (
        *_check_trials(split.train.labels),
        *_check_outputs(split.train.labels, "training"),
        *_check_outputs(split.test.labels, "held-out"),
        *_check_jumps(split.train.labels, "training"),
        *_check_jumps(split.test.labels, "held-out"),
        *_check_directions(split.train.labels, split.test.labels),
        *_check_channels(split, channel_ids),
    )


def balanced_chances(labels: Labels) -> FloatArray | None:
    """Return probabilities ``(hop,)`` that draw directions evenly; None if all are alike.

    In a continuous recording, movement is drawn twice as often as rest. Newer recordings are drawn
    more often than older ones.
    """
    balanced = _chances(labels)
    if labels.weight is None:
        return balanced
    weighted: FloatArray = labels.weight if balanced is None else balanced * labels.weight
    chances: FloatArray = weighted / weighted.sum()
    return chances


def _chances(labels: Labels) -> FloatArray | None:
    """Return the probabilities within recordings; None if the directions are balanced."""
    if labels.are_blocks:
        return _movement_chances(labels)
    trials = _trials_per_direction(labels)
    if len(trials) > _MOST_DIRECTIONS:
        return None
    if max(trials.values()) <= _UNBALANCED * min(trials.values()):
        return None
    directions_deg = labels.direction_deg % 360.0
    _, direction, hops = np.unique(directions_deg, return_inverse=True, return_counts=True)
    chances: FloatArray = 1.0 / hops[direction] / hops.size
    return chances


def _check_trials(labels: Labels) -> list[str]:
    """Check the number of training trials."""
    n_trials = np.unique(labels.trial).size
    if n_trials < FEWEST_TRAINING_TRIALS:
        raise SessionError(
            f"{n_trials} training trials: at least {FEWEST_TRAINING_TRIALS} are needed, and dozens "
            "for a useful decoder; record more, or hold out fewer (held_out)"
        )
    if labels.are_blocks:
        return [f"no trials: the recording is cut into blocks, {n_trials} of them to train on"]
    if n_trials < _FEW_TRIALS:
        return [
            f"{n_trials} training trials are few ({_FEW_TRIALS} or more are better): the decoder "
            "will be weak and its scores uncertain"
        ]
    return []


def _movement_chances(labels: Labels) -> FloatArray:
    """Return probabilities ``(hop,)`` that draw hops of movement more often than those of rest."""
    hop_ns = int(np.diff(labels.end_ns).min())
    moving = is_moving(labels.values, labels.outputs, max(1, round(_CHANGE_NS / hop_ns)))
    n_moving = int(moving.sum())
    if n_moving in (0, moving.size):
        return np.full(moving.size, 1.0 / moving.size)
    chances: FloatArray = np.where(
        moving, _MOVEMENT / n_moving, (1.0 - _MOVEMENT) / (moving.size - n_moving)
    )
    return chances


def _check_outputs(labels: Labels, part: str) -> list[str]:
    """Check that every output varies in a part of the trials."""
    ranges = np.ptp(labels.values, axis=0)
    still = [
        output.name
        for output, extent in zip(labels.outputs, ranges, strict=True)
        if extent < _STILL
    ]
    if still:
        raise SessionError(
            f"no change in {' and '.join(still)} in the {part} trials: there is nothing to decode, "
            "and R² has no meaning; check the file's columns, or choose other outputs"
        )
    return []


def _check_jumps(labels: Labels, part: str) -> list[str]:
    """Warn of the largest jump of each output that no movement can be."""
    steps = np.abs(np.diff(labels.values, axis=0))
    hop_ns = np.diff(labels.end_ns)
    steps = steps[hop_ns == hop_ns.min()] if hop_ns.size else steps
    if not len(steps):
        return []
    warnings = []
    for column, output in enumerate(labels.outputs):
        usual, largest = np.percentile(steps[:, column], 99), steps[:, column].max()
        if 0 < usual * _JUMP < largest:
            warnings.append(
                f"{output.name} jumps by {largest:.3g} {output.unit} in the {part} trials, within "
                f"{hop_ns.min() / 1e6:g} ms: {largest / usual:.0f} times its 99th-percentile step, "
                "so probably an artefact, which would be learned and scored too; remove it"
            )
    return warnings


def _check_directions(train: Labels, test: Labels) -> list[str]:
    """Check that all directions are trained on, and about equally often."""
    if train.are_blocks:
        return []
    trials = _trials_per_direction(train)
    if len(trials) > _MOST_DIRECTIONS:
        return []
    unseen = sorted(set(_trials_per_direction(test)) - set(trials))
    return [*_unseen(unseen), *_gap(sorted(trials), unseen), *_imbalance(trials)]


def _unseen(directions: list[float]) -> list[str]:
    """Warn of directions that only held-out trials have."""
    if not directions:
        return []
    return [
        f"held-out trials reach to {_degrees(directions)}, training trials never do: they are "
        "scored although the decoder has not learned these directions"
    ]


def _gap(directions: list[float], unseen: list[float]) -> list[str]:
    """Warn of a single direction that no trial has."""
    gap = _missing_direction(np.array(directions))
    if gap is None or gap in unseen:
        return []
    return [
        f"no trial reaches to {_degrees([gap])}, the one gap between the directions: velocities "
        "that way are interpolated"
    ]


def _imbalance(trials: dict[float, int]) -> list[str]:
    """Warn of directions with too few trials, or far more than others."""
    if len(trials) == 1:
        return [
            f"all training trials reach to {_degrees(trials)}: latents are ranked by the outputs "
            "alone"
        ]
    rarest, commonest = min(trials, key=trials.__getitem__), max(trials, key=trials.__getitem__)
    warnings = []
    if trials[commonest] > _UNBALANCED * trials[rarest]:
        warnings.append(
            f"{trials[commonest]} training trials reach to {_degrees([commonest])}, "
            f"{trials[rarest]} to {_degrees([rarest])}: directions are drawn evenly in training"
        )
    few = [direction for direction, n_trials in trials.items() if n_trials < _FEW_PER_DIRECTION]
    if few:
        warnings.append(
            f"fewer than {_FEW_PER_DIRECTION} training trials each reach to {_degrees(few)}: "
            "movements that way are learned poorly"
        )
    return warnings


def _check_channels(split: Split, channel_ids: tuple[str, ...]) -> list[str]:
    """Check that channels have spikes in the training trials."""
    silent = np.flatnonzero(~split.train.windows.any(axis=(0, 1)))
    if not silent.size:
        return []
    if silent.size == len(channel_ids):
        raise SessionError(
            "no channel has a single spike in the training trials: check that spikes and trials "
            "are on the same clock"
        )
    names = ", ".join(channel_ids[channel] for channel in silent[:_NAMED])
    more = f" and {silent.size - _NAMED} more" if silent.size > _NAMED else ""
    much = ", more than half" if 2 * silent.size > len(channel_ids) else ""
    return [
        f"{silent.size} of {len(channel_ids)} channels{much} are silent in the training trials "
        f"({names}{more}): they are ignored, even if they fire later"
    ]


def _trials_per_direction(labels: Labels) -> dict[float, int]:
    """Return the number of trials to each direction."""
    _, first_hops = np.unique(labels.trial, return_index=True)
    directions, trials = np.unique(labels.direction_deg[first_hops] % 360.0, return_counts=True)
    return dict(zip(directions.tolist(), trials.tolist(), strict=True))


def _missing_direction(directions: FloatArray) -> float | None:
    """Return the one direction that is missing from an even circle; None unless exactly one is."""
    if directions.size < 3:
        return None
    gaps = np.diff(directions, append=directions[0] + 360.0)
    usual = 360.0 / (directions.size + 1)
    widest = int(gaps.argmax())
    expected = np.full(gaps.size, usual)
    expected[widest] = 2 * usual
    if not np.allclose(gaps, expected, atol=1.0):
        return None
    return float((directions[widest] + usual) % 360.0)


def _degrees(directions: Iterable[float]) -> str:
    """Return directions in words."""
    return ", ".join(f"{direction:g}°" for direction in directions)
