"""Dataset: a session as labelled windows, made by the decoder's own bins and windows."""

from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray, Int64Array
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.windows import Window, WindowShape

_N_CYCLES = 1000


@dataclass(frozen=True, eq=False)
class Labels:
    """What is known of each labelled hop, ``(hop, …)``: inside a trial, with kinematics.

    ``end_ns`` is the hop's end in session time, ``trial`` the trial's index.
    """

    end_ns: Int64Array
    velocity_cm_s: FloatArray
    direction_deg: FloatArray
    trial: Int64Array

    def __len__(self) -> int:
        return self.end_ns.size

    def where(self, chosen: BoolArray) -> "Labels":
        """The chosen hops' labels."""
        return Labels(
            self.end_ns[chosen],
            self.velocity_cm_s[chosen],
            self.direction_deg[chosen],
            self.trial[chosen],
        )


@dataclass(frozen=True, eq=False)
class Dataset:
    """Windows of counts ``(hop, bin, channel)`` with their labels.

    Counts are whole, but for a comparison with others' smoothed ones.
    """

    windows: AnyArray
    labels: Labels

    def where(self, chosen: BoolArray) -> "Dataset":
        """The chosen hops."""
        return Dataset(self.windows[chosen], self.labels.where(chosen))


def label_hops(session: Session, hop_ns: int) -> Labels:
    """Labels of all hops that end inside a trial, where the kinematics are known."""
    end_ns = np.arange(hop_ns, session.end_ns + 1, hop_ns, dtype=np.int64)
    trial = session.trials.index_at(end_ns)
    velocity_cm_s, known = session.kinematics.at(end_ns)
    direction_deg = session.trials.direction_deg[trial]
    labels = Labels(end_ns, velocity_cm_s, direction_deg, trial)
    return labels.where(known & (trial >= 0))


def build_dataset(session: Session, shape: WindowShape) -> Dataset:
    """All labelled hops of a session that have a full history behind them.

    The history runs across the joins between trials, as it will live: a history that began with
    each trial, padded with zeros, would tell the time since the trial's start.
    """
    labels = label_hops(session, shape.hop_ns)
    n_channels = len(session.channel_ids)
    row_of_hop = np.full(session.end_ns // shape.hop_ns + 1, -1)
    row_of_hop[labels.end_ns // shape.hop_ns] = np.arange(len(labels))
    windows = np.zeros((len(labels), shape.history_bins, n_channels), dtype=np.uint16)
    has_history = np.zeros(len(labels), dtype=np.bool_)
    binner = raster_binner(n_channels, shape.hop_ns, session.spikes.raster_period_ns)
    window = Window(shape, n_channels)
    for chunk in session.spikes.raster(0, session.end_ns):
        for end_ns in binner.push(chunk):
            row = row_of_hop[end_ns // shape.hop_ns]
            if window.push(end_ns, binner.counts) and row >= 0:
                window.sum_up()
                windows[row] = window.values[0]
                has_history[row] = True
    if not has_history.any():
        raise SessionError(
            f"session '{session.name}' has no labelled moment with a history of "
            f"{shape.n_hops * shape.hop_ns / 1e6:g} ms: it is too short, or its kinematics lie "
            "outside its trials"
        )
    return Dataset(windows, labels).where(has_history)


def shuffle_trials(labels: Labels, rng: np.random.Generator) -> Labels:
    """Labels of other trials: each trial gets another one's velocity and direction, hop by hop.

    The control that keeps what a cheat could use, the time course within a trial, and breaks only
    what is to be decoded. A trial's hops past the end of the donor's get the donor's last label.
    """
    trials, first_hops = np.unique(labels.trial, return_index=True)
    if trials.size < 2:
        raise SessionError("1 trial can't be shuffled: a control needs at least 2 trials")
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
    """The donor of each trial: its neighbour in a random cycle, so that none is its own.

    Of many cycles, the one in which donors' directions agree least with the trials' own: by
    chance a single one may keep a tenth of what it is there to break.
    """
    cycles = np.stack([rng.permutation(direction_deg.size) for _ in range(_N_CYCLES)])
    neighbours = np.roll(cycles, 1, axis=1)
    turn = np.deg2rad(direction_deg[neighbours] - direction_deg[cycles])
    best = np.argmin(np.abs(np.cos(turn).mean(axis=1)))
    donors = np.empty(direction_deg.size, dtype=np.int64)
    donors[cycles[best]] = neighbours[best]
    return donors
