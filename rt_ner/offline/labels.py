"""Label the hops of a session with behaviour, and shuffle labels for the control."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray, Int64Array, StrArray
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, OutputKind
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session

_N_CYCLES = 1000
# Below the first fraction of a fast speed the subject is at rest, and direction is only noise.
# Above the second one the subject moves for certain.
_REST, _MOVES, _FAST_PERCENTILE = 0.05, 0.25, 95.0
# Of several recordings, each weighs this many times as much as the next newer one.
_OLDER = 0.7


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels ``(hop, …)`` of the hops that end inside a trial and have behaviour.

    ``end_ns`` is the hop's end in session time, ``values`` ``(hop, output)`` are the values of
    ``outputs``, and ``trial`` is the trial's index. ``direction_deg`` is the direction of the
    reach; in a continuous recording that of the movement itself, NaN at rest. ``are_blocks``: True
    if the trials are blocks of a continuous recording. ``classes`` ``(hop,)`` are names of classes,
    empty for hops of no class; None if nothing is classified. ``weight`` ``(hop,)`` is how often a
    hop is drawn in training, relative to others; None if all are alike.
    """

    end_ns: Int64Array
    values: FloatArray
    direction_deg: FloatArray
    trial: Int64Array
    outputs: tuple[Output, ...] = VELOCITY_XY
    are_blocks: bool = False
    classes: StrArray | None = None
    weight: FloatArray | None = None

    def __len__(self) -> int:
        return self.end_ns.size

    def where(self, chosen: BoolArray | Int64Array) -> "Labels":
        """Return the labels of the chosen hops."""
        return replace(
            self,
            end_ns=self.end_ns[chosen],
            values=self.values[chosen],
            direction_deg=self.direction_deg[chosen],
            trial=self.trial[chosen],
            classes=None if self.classes is None else self.classes[chosen],
            weight=None if self.weight is None else self.weight[chosen],
        )


def join_labels(parts: Sequence[Labels]) -> Labels:
    """Return the labels of several sessions one after the other, without their classes.

    The sessions have the same outputs. Times and trials go on from one session to the next.
    """
    if len(parts) == 1:
        return parts[0]
    ends_ns = np.cumsum([0, *(int(part.end_ns[-1]) for part in parts[:-1])])
    trials = np.cumsum([0, *(int(part.trial.max()) + 1 for part in parts[:-1])])
    weights = [np.ones(len(part)) if part.weight is None else part.weight for part in parts]
    return replace(
        parts[0],
        end_ns=np.concatenate([p.end_ns + end for p, end in zip(parts, ends_ns, strict=True)]),
        values=np.concatenate([part.values for part in parts]),
        direction_deg=np.concatenate([part.direction_deg for part in parts]),
        trial=np.concatenate([p.trial + first for p, first in zip(parts, trials, strict=True)]),
        classes=None,
        weight=None if all(part.weight is None for part in parts) else np.concatenate(weights),
    )


def label_hops(session: Session, hop_ns: int) -> Labels:
    """Label all hops of a session that end inside a trial, where the behaviour is known."""
    trials, behaviour = session.trials, session.behaviour
    end_ns = np.arange(hop_ns, session.end_ns + 1, hop_ns, dtype=np.int64)
    trial = trials.index_at(end_ns)
    values, known = behaviour.at(end_ns)
    direction_deg = (
        _own_direction_deg(values, behaviour.outputs)
        if trials.are_blocks
        else trials.direction_deg[trial]
    )
    labels = Labels(
        end_ns,
        values,
        direction_deg,
        trial,
        behaviour.outputs,
        trials.are_blocks,
        weight=_newer_weigh_more(session, trial),
    )
    return labels.where(known & (trial >= 0))


def _newer_weigh_more(session: Session, trial: Int64Array) -> FloatArray | None:
    """Return the weight of each hop by the age of its recording; None if there is only one."""
    if len(session.parts) < 2:
        return None
    first = np.cumsum([0, *(part.n_trials for part in session.parts)])
    age = len(session.parts) - np.searchsorted(first, trial, side="right")
    weight: FloatArray = np.power(_OLDER, age, dtype=np.float64)
    return weight


def is_fast(movement: FloatArray) -> BoolArray:
    """Return a mask ``(hop,)`` of the hops in which the subject moves.

    ``movement`` is ``(hop, axis)``: velocities, or changes of a position. Each axis is scaled by
    its spread.
    """
    spread = movement.std(axis=0)
    size = np.sqrt(np.square(movement / np.where(spread > 0, spread, 1.0)).sum(axis=1))
    fast: BoolArray = size > _MOVES * np.percentile(size, _FAST_PERCENTILE)
    return fast


def shuffle_trials(labels: Labels, rng: np.random.Generator) -> Labels:
    """Return labels that have lost their relation to the spikes, and nothing else.

    Each trial gets the labels of another, hop by hop. If the other is shorter, its last label is
    repeated. This keeps the time course of a trial, from which a decoder could guess. The labels
    of a continuous recording are shifted by a random quarter to three quarters of its length;
    those that run off the end come back at the start.
    """
    trials, first_hops = np.unique(labels.trial, return_index=True)
    if trials.size < 2:
        raise SessionError("1 trial can't be shuffled: record at least 2 for a control")
    if labels.are_blocks:
        shift = rng.integers(len(labels) // 4, 3 * len(labels) // 4)
        return _relabelled(labels, np.roll(np.arange(len(labels)), shift))
    source = np.zeros(len(labels), dtype=np.int64)
    donors = _donors(labels.direction_deg[first_hops], rng)
    for trial, donor in zip(trials, trials[donors], strict=True):
        mine = np.flatnonzero(labels.trial == trial)
        theirs = np.flatnonzero(labels.trial == donor)
        source[mine] = theirs[np.minimum(np.arange(mine.size), theirs.size - 1)]
    return _relabelled(labels, source)


def _relabelled(labels: Labels, source: Int64Array) -> Labels:
    """Return the hops with the behaviour of others, and without classes."""
    return replace(
        labels,
        values=labels.values[source],
        direction_deg=labels.direction_deg[source],
        classes=None,
    )


def _donors(direction_deg: FloatArray, rng: np.random.Generator) -> Int64Array:
    """Return the donor of each trial: its neighbour in a random cycle, so that none is its own.

    Of many cycles the one is taken in which the donors' directions agree least with the trials'
    own, because a single one may by chance keep a tenth of the relation.
    """
    cycles = np.stack([rng.permutation(direction_deg.size) for _ in range(_N_CYCLES)])
    neighbours = np.roll(cycles, 1, axis=1)
    turn = np.deg2rad(direction_deg[neighbours] - direction_deg[cycles])
    best = np.argmin(np.abs(np.cos(turn).mean(axis=1)))
    donors = np.empty(direction_deg.size, dtype=np.int64)
    donors[cycles[best]] = neighbours[best]
    return donors


def _own_direction_deg(values: FloatArray, outputs: tuple[Output, ...]) -> FloatArray:
    """Return the direction of movement ``(hop,)`` of a velocity in a plane; NaN at rest.

    All NaN if the outputs are not two velocities.
    """
    if [output.kind for output in outputs] != [OutputKind.VELOCITY] * 2:
        return np.full(len(values), np.nan)
    speed = np.hypot(*values.T)
    angle_deg = np.rad2deg(np.arctan2(values[:, 1], values[:, 0])) % 360.0
    return np.where(speed > _REST * np.percentile(speed, _FAST_PERCENTILE), angle_deg, np.nan)
