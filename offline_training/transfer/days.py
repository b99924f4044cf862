"""Load and split the sessions of two days, and match their units."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from offline_training.dataset.split import split_session
from offline_training.settings import TrainSettings, learned_part
from offline_training.transfer.matching.matching import (
    Matching,
    activity,
    match_by_name,
    match_units,
)
from offline_training.transfer.matching.tuning import tuning_similarity
from rt_ner.core.arrays import Int64Array
from rt_ner.core.contract.outputs import names_of
from rt_ner.core.errors import ConfigError
from rt_ner.data.loading import load_session
from rt_ner.data.session.session import Session
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.held_out.split import Split

ALL_TRIALS = "all"
# The control shuffles the calibration trials, which takes at least two.
_FEWEST_TRIALS = 2


@dataclass(frozen=True, eq=False)
class Day:
    """A session and its split."""

    session: Session
    split: Split

    @cached_property
    def trials(self) -> Int64Array:
        """Labelled training trials ``(trial,)``, in order."""
        return np.unique(self.split.train.labels.trial)

    def calibration(self, n_trials: int) -> Dataset:
        """Return windows of the first ``n_trials`` training trials; of all of them if it is 0."""
        train = self.split.train
        return train.where(np.isin(train.labels.trial, self.trials[: n_trials or None]))


@dataclass(frozen=True, eq=False)
class TwoDays:
    """Source day and target day, with windows of the same shape."""

    source: Day
    target: Day
    settings: TrainSettings

    def match(self, calibration: Dataset, with_labels: bool) -> Matching:
        """Match the target day's units, in its calibration windows, to the source day's."""
        if self._share_electrodes:
            ids = (self.source.session.channel_ids, self.target.session.channel_ids)
            return match_by_name(*ids)
        known = self.source.split.train
        tuning = tuning_similarity(known, calibration) if with_labels else None
        return match_units(activity(known), activity(calibration), tuning)

    @property
    def _share_electrodes(self) -> bool:
        """True if both days have the same channel names, and these name electrodes."""
        sessions = (self.source.session, self.target.session)
        # Sessions of the reach layout number the units that the day's sorting has found.
        if any(session.provenance.get("layout") == "reach" for session in sessions):
            return False
        return set(sessions[0].channel_ids) == set(sessions[1].channel_ids)


def load_days(source: Path, target: Path, area: str | None, settings: TrainSettings) -> TwoDays:
    """Load and split two sessions.

    Without an area, the first area of the source session is used on both days. No classes are
    carried over. Raises ConfigError if the windows of the two sessions differ.
    """
    known = load_session(source, area)
    known = learned_part(known, settings.outputs, settings.classes)
    other = load_session(target, known.area, known.voltage)
    other = other.only(names_of(known.behaviour.outputs))
    sessions = (known, other)
    days = [Day(session, split_session(session, settings)) for session in sessions]
    shapes = [day.split.shape for day in days]
    if shapes[0] != shapes[1]:
        raise ConfigError(
            f"windows differ: {sessions[0].name} has {_described(shapes[0])}, "
            f"{sessions[1].name} has {_described(shapes[1])}; set window.bin_ms and window.hop_ms "
            "in --config to values that both sessions allow"
        )
    return TwoDays(days[0], days[1], settings.model_copy(update={"classes": ""}))


def chosen_trials(wanted: Sequence[str], n_available: int) -> tuple[list[int], list[str]]:
    """Return the numbers of calibration trials, ascending, and the entries that are too large."""
    numbers = {name: n_available if name == ALL_TRIALS else _number(name) for name in wanted}
    too_many = [name for name, number in numbers.items() if number > n_available]
    chosen = sorted({number for number in numbers.values() if number <= n_available})
    if not chosen:
        raise ConfigError(
            f"--trials {', '.join(too_many)}: day B has {n_available} training trials; "
            "give at most that many"
        )
    if any(0 < number < _FEWEST_TRIALS for number in chosen):
        raise ConfigError(
            f"--trials 1: the shuffled control needs at least {_FEWEST_TRIALS} trials; give "
            f"{_FEWEST_TRIALS} or more, or 0 for no labels"
        )
    return chosen, too_many


def _number(name: str) -> int:
    if not name.isdecimal():
        raise ConfigError(f"--trials {name}: expected a number of trials or '{ALL_TRIALS}'")
    return int(name)


def _described(shape: WindowShape) -> str:
    return f"{shape.history_bins} bins of {shape.bin_ns / 1e6:g} ms every {shape.hop_ns / 1e6:g} ms"
