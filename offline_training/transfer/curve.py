"""Curve: what a first day is worth, over the number of the second day's calibration trials."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import numpy as np
import torch

from offline_training.methods.latent.ner import ner
from offline_training.methods.method import FitContext, Method
from offline_training.methods.registry import load_method
from offline_training.transfer.alignment.align_day import (
    Calibration,
    Carried,
    align_day,
    decode_carried,
    random_match_r2,
)
from offline_training.transfer.alignment.matching import Matching
from offline_training.transfer.alignment.source_day import SourceDay, learn_source_day
from offline_training.transfer.days import TwoDays
from rt_ner.decoding.readout import fit_readout
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import shuffle_trials
from rt_ner.offline.scores import Comparison

FIRST_DAY, TRANSFER, CONTROL, SCRATCH = "first day", "transfer", "control", "scratch"
_RIVALS = (SCRATCH, "wiener", "gru")
Fit = TypeVar("Fit")


@dataclass(frozen=True, eq=False)
class Plan:
    """What is learned. ``trials``: numbers of calibration trials, ascending; 0: no labels."""

    days: TwoDays
    trials: tuple[int, ...]
    with_rivals: bool
    device: torch.device

    @property
    def n_all(self) -> int:
        """All training trials of the second day."""
        return self.days.second.trials.size

    def fits(self) -> Counter[str]:
        """How often each kind of thing is fitted, with the reference on all trials."""
        n_labelled = sum(1 for n_trials in self.trials if n_trials)
        fits = Counter({FIRST_DAY: 1, TRANSFER: len(self.trials), CONTROL: n_labelled, SCRATCH: 1})
        if self.with_rivals:
            fits.update(dict.fromkeys(_RIVALS, n_labelled))
            fits[SCRATCH] -= self.n_all in self.trials
        return fits


@dataclass(frozen=True)
class Point:
    """Scores on the second day's held-out trials of one method with so many calibration trials.

    ``labels``: whether their labels were seen. ``relative``: velocity R² as a part of that of an
    encoder learned from all of the day's training trials. ``shuffled_velocity_r2``: the same
    transfer with shuffled trials; without labels, the ensemble behind a random match.
    ``fit_s``: time to learn, without the first day and without the control.
    ``committee_velocity_r2``: before one encoder was taught.
    """

    trials: int
    method: str
    labels: bool
    velocity_r2: float
    position_r2: float
    relative: float
    shuffled_velocity_r2: float | None
    fit_s: float
    committee_velocity_r2: float | None = None


@dataclass(frozen=True, eq=False)
class Curve:
    """All points. ``matching``: by all of the second day's training windows, without labels.

    ``carried``: the encoder for each number of calibration trials.
    """

    days: TwoDays
    first: SourceDay
    matching: Matching
    full_velocity_r2: float
    points: list[Point] = field(default_factory=list)
    carried: dict[int, Carried] = field(default_factory=dict)


class Watcher(Protocol):
    """Who is told how it goes."""

    def begins_fit(self, kind: str, description: str) -> None:
        """A fit begins."""

    def goes_on(self, part: float) -> None:
        """The part of the fit that is done, 0 to 1."""

    def ends(self) -> None:
        """The fit is done."""

    def tell(self, message: str) -> None:
        """Something that the user should know."""


def run(plan: Plan, watcher: Watcher) -> Curve:
    """Learn the first day once, then carry it over with each number of calibration trials."""
    return _Runner(plan, watcher).run()


class _Runner:
    """One experiment, and who is told."""

    def __init__(self, plan: Plan, watcher: Watcher) -> None:
        self._plan = plan
        self._watcher = watcher
        self._split = plan.days.second.split
        self._step_ns = plan.days.second.split.shape.bin_ns

    def run(self) -> Curve:
        days = self._plan.days
        matching = days.match(days.second.calibration(0), with_labels=False)
        if not matching.is_real:
            self._watcher.tell(_warning(matching))
        first = self._first_day()
        full, fit_s = self._learn(self._method(SCRATCH), self._plan.n_all)
        curve = Curve(days, first, matching, full.velocity_r2())
        for n_trials in self._plan.trials:
            self._carry(curve, n_trials)
            if self._plan.with_rivals and n_trials:
                self._rival(curve, n_trials, (full, fit_s))
        return curve

    def _first_day(self) -> SourceDay:
        plan = self._plan

        def learn() -> SourceDay:
            train, settings = plan.days.first.split.train, plan.days.settings
            return learn_source_day(train, settings, self._step_ns, plan.device, self._on_step)

        name = plan.days.first.session.name
        return self._timed(FIRST_DAY, f"{name}: its ensemble", learn)[0]

    def _carry(self, curve: Curve, n_trials: int) -> None:
        """The transfer and its control."""
        windows = self._plan.days.second.calibration(n_trials)
        carried, fit_s = self._stitch(curve.first, windows, n_trials, TRANSFER)
        comparison = decode_carried(curve.first, self._split, carried)
        point = _point(TRANSFER, n_trials, comparison, fit_s, curve.full_velocity_r2)
        curve.points.append(
            replace(
                point,
                shuffled_velocity_r2=self._control(curve, windows, n_trials),
                committee_velocity_r2=carried.ensemble.velocity_r2(),
            )
        )
        curve.carried[n_trials] = carried

    def _control(self, curve: Curve, windows: Dataset, n_trials: int) -> float:
        if not n_trials:
            return random_match_r2(curve.first, self._split, windows, curve.matching)
        rng = np.random.default_rng(self._plan.days.settings.seed)
        shuffled = replace(windows, labels=shuffle_trials(windows.labels, rng))
        carried, _ = self._stitch(curve.first, shuffled, n_trials, CONTROL)
        return decode_carried(curve.first, self._split, carried).velocity_r2()

    def _stitch(
        self, first: SourceDay, windows: Dataset, n_trials: int, kind: str
    ) -> tuple[Carried, float]:
        """Match and carry over; and how long that took."""
        calibration = Calibration(windows, with_labels=n_trials > 0)

        def stitch() -> Carried:
            matching = self._plan.days.match(windows, calibration.with_labels)
            return align_day(first, self._split, calibration, matching, self._watcher.goes_on)

        return self._timed(kind, self._described(kind, n_trials), stitch)

    def _rival(self, curve: Curve, n_trials: int, full: tuple[Comparison, float]) -> None:
        """The others with the same trials; that on all of them is the reference itself."""
        for name in _RIVALS:
            is_full = name == SCRATCH and n_trials == self._plan.n_all
            learned = full if is_full else self._learn(self._method(name), n_trials)
            curve.points.append(_point(name, n_trials, *learned, curve.full_velocity_r2))

    def _method(self, name: str) -> Method:
        return ner(name, self._plan.days.settings) if name == SCRATCH else load_method(name)

    def _learn(self, method: Method, n_trials: int) -> tuple[Comparison, float]:
        """Held-out trials as a method decodes them; and how long it learned."""
        train, test = self._plan.days.second.calibration(n_trials), self._split.test
        seed = self._plan.days.settings.seed
        context = FitContext(seed, self._plan.device, self._step_ns, self._watcher.goes_on)
        fitted, fit_s = self._timed(
            method.name, self._described(method.name, n_trials), lambda: method.fit(train, context)
        )
        values = fitted(test)
        decoded_cm_s = values
        if not method.direct:
            readout = fit_readout(fitted(train).astype(np.float32), train.labels.velocity_cm_s)
            decoded_cm_s = values @ readout.matrix + readout.bias
        hop_ns = self._split.shape.hop_ns
        return Comparison(test.labels, values.astype(np.float32), decoded_cm_s, hop_ns), fit_s

    def _on_step(self, part: float, _: float | None) -> None:
        self._watcher.goes_on(part)

    def _described(self, what: str, n_trials: int) -> str:
        trials = f"{n_trials} trials" if n_trials else "no labels"
        return f"{self._plan.days.second.session.name}, {trials}: {what}"

    def _timed(self, kind: str, description: str, fit: Callable[[], Fit]) -> tuple[Fit, float]:
        """What is fitted, and how many seconds that took."""
        self._watcher.begins_fit(kind, description)
        started_s = time.monotonic()
        fitted = fit()
        self._watcher.ends()
        return fitted, time.monotonic() - started_s


def _point(
    method: str, n_trials: int, comparison: Comparison, fit_s: float, full_velocity_r2: float
) -> Point:
    velocity_r2 = comparison.velocity_r2()
    return Point(
        trials=n_trials,
        method=method,
        labels=n_trials > 0,
        velocity_r2=velocity_r2,
        position_r2=comparison.position_r2(),
        relative=velocity_r2 / full_velocity_r2,
        shuffled_velocity_r2=None,
        fit_s=fit_s,
    )


def _warning(matching: Matching) -> str:
    return (
        f"warning: the days' units could be matched as well by chance (score {matching.score:.1f}, "
        f"by chance up to {matching.chance.max():.1f}): labelled trials still teach day B, but "
        "what is decoded without them can't be trusted"
    )
