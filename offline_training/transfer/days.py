"""Days: two sessions, split, and which units of one are which of the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from offline_training.dataset.split import split_session
from offline_training.settings import TrainSettings
from offline_training.transfer.alignment.matching import (
    Matching,
    activity,
    match_by_name,
    match_units,
    tuning_similarity,
)
from rt_ner.core.arrays import Int64Array
from rt_ner.core.errors import ConfigError
from rt_ner.data.loading import load_session
from rt_ner.data.session.session import Session
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.held_out.split import Split

ALL_TRIALS = "all"
# A control shuffles the calibration trials, which takes two.
_FEWEST_TRIALS = 2


@dataclass(frozen=True, eq=False)
class Day:
    """A session and its split."""

    session: Session
    split: Split

    @cached_property
    def trials(self) -> Int64Array:
        """The training trials with labels, ``(trial,)``, in order."""
        return np.unique(self.split.train.labels.trial)

    def calibration(self, n_trials: int) -> Dataset:
        """Windows of the first training trials; of all of them where none gives its labels."""
        train = self.split.train
        return train.where(np.isin(train.labels.trial, self.trials[: n_trials or None]))


@dataclass(frozen=True, eq=False)
class TwoDays:
    """The first day and the second, both with the same windows."""

    first: Day
    second: Day
    settings: TrainSettings

    def match(self, calibration: Dataset, with_labels: bool) -> Matching:
        """Match the second day's units, by its calibration windows, to the first day's."""
        if self._share_electrodes:
            ids = (self.first.session.channel_ids, self.second.session.channel_ids)
            return match_by_name(*ids)
        known = self.first.split.train
        tuning = tuning_similarity(known, calibration) if with_labels else None
        return match_units(activity(known), activity(calibration), tuning)

    @property
    def _share_electrodes(self) -> bool:
        """Whether channels bear the same names, and names mean the same on both days.

        The reach layout numbers the units that a day's sorting has found.
        """
        sessions = (self.first.session, self.second.session)
        if any(session.provenance.get("layout") == "reach" for session in sessions):
            return False
        return set(sessions[0].channel_ids) == set(sessions[1].channel_ids)


def load_days(first: Path, second: Path, area: str | None, settings: TrainSettings) -> TwoDays:
    """Load and split two sessions; ConfigError where their windows differ.

    No area: the first day's first one, on both days.
    """
    known = load_session(first, area)
    sessions = (known, load_session(second, known.area))
    days = [Day(session, split_session(session, settings)) for session in sessions]
    shapes = [day.split.shape for day in days]
    if shapes[0] != shapes[1]:
        raise ConfigError(
            f"the windows of {sessions[0].name} are {_described(shapes[0])}, those of "
            f"{sessions[1].name} {_described(shapes[1])}: an encoder needs the same on both days, "
            "set window.bin_ms and window.hop_ms with --config to what both sessions allow"
        )
    return TwoDays(days[0], days[1], settings)


def chosen_trials(wanted: Sequence[str], n_available: int) -> tuple[list[int], list[str]]:
    """The numbers of calibration trials wanted, ascending; and those that there are not."""
    numbers = {name: n_available if name == ALL_TRIALS else _number(name) for name in wanted}
    too_many = [name for name, number in numbers.items() if number > n_available]
    chosen = sorted({number for number in numbers.values() if number <= n_available})
    if not chosen:
        raise ConfigError(
            f"--trials {', '.join(too_many)}: day B has {n_available} training trials, name no more"
        )
    if any(0 < number < _FEWEST_TRIALS for number in chosen):
        raise ConfigError(
            f"1 calibration trial: the shuffled control needs at least {_FEWEST_TRIALS}, or 0 "
            "for none"
        )
    return chosen, too_many


def _number(name: str) -> int:
    if not name.isdecimal():
        raise ConfigError(f"--trials {name}: expected a number of trials, or {ALL_TRIALS}")
    return int(name)


def _described(shape: WindowShape) -> str:
    return f"{shape.history_bins} bins of {shape.bin_ns / 1e6:g} ms every {shape.hop_ns / 1e6:g} ms"
