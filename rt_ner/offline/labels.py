"""Label the hops of a session with movement, and shuffle labels for the control."""

from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray, Int64Array
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session

_N_CYCLES = 1000


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels ``(hop, …)`` of the hops that end inside a trial and have kinematics.

    ``end_ns`` is the hop's end in session time, ``trial`` the trial's index.
    """

    end_ns: Int64Array
    velocity_cm_s: FloatArray
    direction_deg: FloatArray
    trial: Int64Array

    def __len__(self) -> int:
        return self.end_ns.size

    def where(self, chosen: BoolArray) -> "Labels":
        """Return the labels of the chosen hops."""
        return Labels(
            self.end_ns[chosen],
            self.velocity_cm_s[chosen],
            self.direction_deg[chosen],
            self.trial[chosen],
        )


def label_hops(session: Session, hop_ns: int) -> Labels:
    """Label all hops of a session that end inside a trial, where the kinematics are known."""
    end_ns = np.arange(hop_ns, session.end_ns + 1, hop_ns, dtype=np.int64)
    trial = session.trials.index_at(end_ns)
    velocity_cm_s, known = session.kinematics.at(end_ns)
    direction_deg = session.trials.direction_deg[trial]
    labels = Labels(end_ns, velocity_cm_s, direction_deg, trial)
    return labels.where(known & (trial >= 0))


def shuffle_trials(labels: Labels, rng: np.random.Generator) -> Labels:
    """Give each trial the velocity and direction of another one, hop by hop.

    This control keeps the time course within a trial, from which a decoder could guess, and breaks
    only the relation to the spikes. Hops past the end of the donor trial get its last label.
    """
    trials, first_hops = np.unique(labels.trial, return_index=True)
    if trials.size < 2:
        raise SessionError("1 trial can't be shuffled: record at least 2 for a control")
    source = np.zeros(len(labels), dtype=np.int64)
    donors = _donors(labels.direction_deg[first_hops], rng)
    for trial, donor in zip(trials, trials[donors], strict=True):
        mine = np.flatnonzero(labels.trial == trial)
        theirs = np.flatnonzero(labels.trial == donor)
        source[mine] = theirs[np.minimum(np.arange(mine.size), theirs.size - 1)]
    return Labels(
        labels.end_ns, labels.velocity_cm_s[source], labels.direction_deg[source], labels.trial
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
