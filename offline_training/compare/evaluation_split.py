"""Split one area of one session for evaluation, with the time since the go cue in bins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from offline_training.compare.smoothing import FUTURE_BINS, paper_split
from offline_training.dataset.split import split_session
from offline_training.methods.method import Method
from offline_training.settings import TrainSettings, learned_part
from rt_ner.core.arrays import AnyArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.loading import ALL_AREAS, load_session, session_areas
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.held_out.proof import control_split
from rt_ner.offline.held_out.split import Split
from rt_ner.offline.labels import Labels

_DEFAULTS = TrainSettings()
Origin = tuple[Session, bool, tuple[str, ...], TrainSettings]


@dataclass(frozen=True, eq=False)
class EvaluationSplit:
    """Training and held-out windows of one area of one session.

    Step k of a trial is the bin that ends k + 1 bins after its go cue. Hops belong to the step in
    which they end.

    Attributes
    ----------
    session, area
        Names of the session and of the brain area.
    split
        Training and held-out windows.
    go_ns
        ``(trial,)``, go cues in session time, in ns.
    sha256
        Hash of the session file.
    validation
        Windows of training trials that no method learns from, to choose settings by; None without.
    origin
        Session, smoothing, outputs and settings that it was made from; None if it was not. It
        goes to another process as these, for windows overlap and would be copied.
    """

    session: str
    area: str
    split: Split
    go_ns: Int64Array
    sha256: str
    validation: Dataset | None = None
    origin: "Origin | None" = None

    def __getstate__(self) -> "Origin":
        assert self.origin is not None
        return self.origin

    def __setstate__(self, origin: "Origin") -> None:
        vars(self).update(vars(recording_of(*origin)))

    @property
    def name(self) -> str:
        """Name of the session and area, e.g. ``day1 M1``."""
        return f"{self.session} {self.area}"

    @property
    def has_directions(self) -> bool:
        """True if its trials are reaches in directions; a continuous recording has none."""
        return not self.split.train.labels.are_blocks

    @cached_property
    def n_steps(self) -> int:
        """Number of steps that at least half of the training trials reach."""
        labels = self.split.train.labels
        last_hops = np.flatnonzero(np.diff(labels.trial, append=-1))
        median = np.quantile(self._step(labels)[last_hops], 0.5, method="lower")
        return max(int(median) + 1, 0)

    @cached_property
    def step_end_s(self) -> FloatArray:
        """End of each step ``(step,)``, in seconds since the go cue."""
        bins = np.arange(1, self.n_steps + 1, dtype=np.float64)
        return bins * (self.split.shape.bin_ns / NS_PER_S)

    def in_steps(self, values: AnyArray, labels: Labels) -> FloatArray:
        """Average ``(hop, dims)`` over each trial's hops in each step, ``(trial, step, dims)``.

        Trials are those of the labels, in order. NaN where a trial has no hop.
        """
        trials, row = np.unique(labels.trial, return_inverse=True)
        step = self._step(labels)
        inside = (step >= 0) & (step < self.n_steps)
        cells = row[inside], step[inside]
        totals = np.zeros((trials.size, self.n_steps, values.shape[1]))
        hops = np.zeros((trials.size, self.n_steps, 1))
        np.add.at(totals, cells, values[inside])
        np.add.at(hops, cells, 1.0)
        return totals / np.where(hops, hops, np.nan)

    def shuffled(self, seed: int) -> "EvaluationSplit":
        """Return the control: training trials with shuffled labels, held-out trials unchanged."""
        return replace(self, split=control_split(self.split, seed), origin=None)

    def _step(self, labels: Labels) -> Int64Array:
        since_go_ns = labels.end_ns - self.go_ns[labels.trial]
        return (since_go_ns - 1) // self.split.shape.bin_ns


def load_recordings(
    files: Sequence[Path],
    areas: Sequence[str],
    smoothing: bool = False,
    outputs: Sequence[str] = (),
    voltage: VoltageSettings | None = None,
    recipe: Path | None = None,
) -> tuple[EvaluationSplit, ...]:
    """Load and split the named areas of each file, by default the first; ``all`` means every area.

    ``outputs`` are to be decoded; none: velocity, or all that there is. ``voltage``: the values to
    make of broadband. ``recipe``: the one to read each file by.

    Raises SessionError if a file lacks an area, ConfigError if two recordings have the same name.
    """
    recordings = tuple(
        recording_of(load_session(path, area, voltage, recipe=recipe), smoothing, outputs)
        for path in files
        for area in areas_of(path, areas, recipe)
    )
    names = [recording.name for recording in recordings]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"{name} was given twice: give each file and area once, and rename a session "
                "file if two different sessions have the same name"
            )
    return recordings


def areas_of(path: Path, areas: Sequence[str], recipe: Path | None) -> Sequence[str | None]:
    """Return the areas of a file to read: those named, all for ``all``, by default the first."""
    if not areas:
        return (None,)
    return session_areas(path, recipe) if ALL_AREAS in areas else tuple(dict.fromkeys(areas))


def recording_of(
    session: Session,
    smoothing: bool = False,
    outputs: Sequence[str] = (),
    settings: TrainSettings = _DEFAULTS,
) -> EvaluationSplit:
    """Split a session as the trainer does. Raises SessionError if it has too few trials."""
    origin = (session, smoothing, tuple(outputs), settings)
    session = learned_part(session, outputs)
    split = paper_split(session) if smoothing else split_session(session, settings)
    n_labelled = np.unique(split.train.labels.trial).size
    if n_labelled < 2:
        raise SessionError(
            f"session '{session.name}' has {n_labelled} training trials with behaviour and a full "
            "history: a comparison needs at least 2, of at least 3 trials in all"
        )
    delay_ns = FUTURE_BINS * split.shape.bin_ns if smoothing else 0
    go_ns = session.trials.go_ns + delay_ns
    return EvaluationSplit(session.name, session.area, split, go_ns, session.sha256, origin=origin)


def usable_methods(
    methods: Sequence[Method], recordings: Sequence[EvaluationSplit], tell: Callable[[str], None]
) -> tuple[Method, ...]:
    """Return the methods that every recording can train; ``tell`` receives a line on each other."""
    continuous = [each.name for each in recordings if not each.has_directions]
    left_out = [method for method in methods if method.by_direction and continuous]
    for method in left_out:
        tell(f"{method.name} is left out: {continuous[0]} has no reach directions to learn from")
    if len(left_out) == len(methods):
        raise ConfigError("no method is left that can learn from these recordings: choose others")
    return tuple(method for method in methods if method not in left_out)


def directions_of_trials(labels: Labels) -> FloatArray:
    """Return the reach direction of each trial ``(trial,)``, in degrees."""
    _, first_hops = np.unique(labels.trial, return_index=True)
    directions: FloatArray = labels.direction_deg[first_hops]
    return directions
