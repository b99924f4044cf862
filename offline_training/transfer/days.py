"""Load and split the sessions of known days and of a target day, and match their units."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from offline_training.dataset.split import check_same_windows
from offline_training.settings import TrainSettings, learned_part, window_shape
from offline_training.transfer.matching.matching import (
    Activity,
    Matching,
    activity,
    match_by_name,
    match_units,
)
from offline_training.transfer.matching.tuning import tuning_similarity
from rt_ner.core.arrays import BoolArray, Int64Array
from rt_ner.core.contract.outputs import names_of
from rt_ner.core.errors import ConfigError
from rt_ner.data.loading import load_session
from rt_ner.data.session.joined.files import join_files
from rt_ner.data.session.session import Session
from rt_ner.decoding.encoding.normalisation import Pace
from rt_ner.offline.dataset import Dataset, Following, build_dataset
from rt_ner.offline.held_out.split import Split, split_dataset

ALL_TRIALS = "all"
# The control shuffles the labelled trials, which takes at least two.
_FEWEST_TRIALS = 2


@dataclass(frozen=True, eq=False)
class Day:
    """A session, its split, and all of its labelled windows."""

    session: Session
    split: Split
    everything: Dataset

    @cached_property
    def trials(self) -> Int64Array:
        """Labelled training trials ``(trial,)``, in order."""
        return np.unique(self.split.train.labels.trial)

    def calibration(self, n_trials: int) -> Dataset:
        """Return the windows of the first ``n_trials`` training trials."""
        return self.split.train.where(self.is_labelled(n_trials))

    def is_labelled(self, n_trials: int) -> BoolArray:
        """Return a mask ``(hop,)`` of the training windows in the first ``n_trials`` trials."""
        mask: BoolArray = np.isin(self.split.train.labels.trial, self.trials[:n_trials])
        return mask


@dataclass(frozen=True, eq=False)
class TransferDays:
    """Known days and the target day, with windows of the same shape.

    ``source`` is the day whose units the encoder takes: all known days as one session if their
    electrodes keep their names, else the last one. ``others`` are the remaining known days.
    ``share_electrodes``: True if electrodes keep their names.
    """

    source: Day
    others: tuple[Day, ...]
    target: Day
    settings: TrainSettings
    share_electrodes: bool

    @property
    def known(self) -> str:
        """Name of the known days."""
        n_others = len(self.others)
        return f"{self.source.session.name}{f' + {n_others} more' if n_others else ''}"

    def match(self, day: Day, windows: Dataset, with_labels: bool) -> Matching:
        """Match a day's units, by some of its windows, to those of the source day."""
        if self.share_electrodes:
            return match_by_name(self.source.session.channel_ids, day.session.channel_ids)
        tuning = tuning_similarity(self.source.everything, windows) if with_labels else None
        return match_units(self._known_activity, activity(windows), tuning)

    @cached_property
    def _known_activity(self) -> Activity:
        return activity(self.source.everything)


def load_days(
    known: Sequence[Path],
    target: Path,
    area: str | None,
    settings: TrainSettings,
    recipe: Path | None = None,
) -> TransferDays:
    """Load and split the sessions of known days and of a target day, read by a recipe if any.

    Without an area, the first area of the first known session is used on all days. No classes are
    carried over. Raises ConfigError if the windows of the sessions differ.
    """
    first = learned_part(
        load_session(known[0], area, recipe=recipe), settings.outputs, settings.classes
    )
    outputs = names_of(first.behaviour.outputs)
    sessions = [
        first,
        *(
            load_session(path, first.area, first.voltage, recipe=recipe).only(outputs)
            for path in (*known[1:], target)
        ),
    ]
    *earlier, last = sessions
    share = _share_electrodes(sessions)
    source, others = (join_files(earlier), []) if share and earlier[1:] else (earlier[-1], earlier)
    shape = window_shape(settings.window, source)
    pace = settings.normalisation.pace(source, shape.hop_ns)
    days = [
        _day(each, settings, pace, is_known=each is not last)
        for each in (source, *(each for each in others if each is not source), last)
    ]
    for day in days[1:]:
        check_same_windows(
            days[0].session.name, days[0].split.shape, day.session.name, day.split.shape
        )
    settings = settings.model_copy(update={"classes": ""})
    return TransferDays(days[0], tuple(days[1:-1]), days[-1], settings, share)


def _day(session: Session, settings: TrainSettings, pace: Pace | None, is_known: bool) -> Day:
    """Split a day. All of a known day is known to the running normalisation."""
    shape, n_train = window_shape(settings.window, session), session.n_train(settings.held_out)
    last = len(session.trials) if is_known else n_train
    following = Following(pace, int(session.trials.end_ns[last - 1])) if pace else None
    everything = build_dataset(session, shape, following)
    return Day(session, split_dataset(session, everything, shape, n_train), everything)


def _share_electrodes(sessions: Sequence[Session]) -> bool:
    """Return True if all days have the same channel names, and these name electrodes."""
    # Sessions of the reach layout number the units that the day's sorting has found.
    if any(session.provenance.get("layout") == "reach" for session in sessions):
        return False
    return len({frozenset(session.channel_ids) for session in sessions}) == 1


def chosen_trials(wanted: Sequence[str], n_available: int) -> tuple[list[int], list[str]]:
    """Return the numbers of labelled trials, ascending, and the entries that are too large."""
    numbers = {name: n_available if name == ALL_TRIALS else _number(name) for name in wanted}
    too_many = [name for name, number in numbers.items() if number > n_available]
    chosen = sorted({number for number in numbers.values() if number <= n_available})
    if not chosen:
        raise ConfigError(
            f"--trials {', '.join(too_many)}: the new day has {n_available} training trials; "
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
