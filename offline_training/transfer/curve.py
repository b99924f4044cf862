"""Decoding of a target day over the number of its labelled trials, by transfer and by others."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
import torch

from offline_training.methods.latent.ner import ner
from offline_training.methods.method import FitContext, Method
from offline_training.methods.registry import load_method
from offline_training.transfer.alignment.align_day import (
    AlignedDay,
    Calibration,
    align_day,
    decode_aligned,
    random_match,
    random_match_r2,
)
from offline_training.transfer.alignment.source_day import (
    SourceDay,
    learn_source_day,
    with_other_days,
)
from offline_training.transfer.days import TransferDays
from offline_training.transfer.matching.matching import Matching
from offline_training.transfer.results import (
    CONTROL,
    SCRATCH,
    SOURCE_DAY,
    TRANSFER,
    Curve,
    Point,
)
from rt_ner.decoding.readouts.readout import fit_readout
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.scores import Comparison

_RIVALS = (SCRATCH, "wiener", "gru")
Fit = TypeVar("Fit")


@dataclass(frozen=True, eq=False)
class Plan:
    """Settings of a transfer.

    ``trials`` are numbers of labelled trials, ascending; 0 stands for no labels.
    """

    days: TransferDays
    trials: tuple[int, ...]
    with_rivals: bool
    device: torch.device

    @property
    def n_all(self) -> int:
        """Number of the target day's training trials."""
        return self.days.target.trials.size

    def fits(self) -> Counter[str]:
        """Count the fits of each kind, with the reference on all trials."""
        n_labelled = sum(1 for n_trials in self.trials if n_trials)
        fits = Counter({SOURCE_DAY: 1, TRANSFER: len(self.trials), CONTROL: n_labelled, SCRATCH: 1})
        if self.with_rivals:
            fits.update(dict.fromkeys(_RIVALS, n_labelled))
            fits[SCRATCH] -= self.n_all in self.trials
        return fits


class Watcher(Protocol):
    """Receives progress and messages."""

    def begins_fit(self, kind: str, description: str) -> None:
        """Start a fit."""

    def goes_on(self, part: float) -> None:
        """Report the part of the fit that is done, from 0 to 1."""

    def ends(self) -> None:
        """End the fit."""

    def tell(self, message: str) -> None:
        """Show a message to the user."""


def run(plan: Plan, watcher: Watcher) -> Curve:
    """Train on the source day once, then align it with each number of labelled trials."""
    return _Runner(plan, watcher).run()


class _Runner:
    """Run of one plan."""

    def __init__(self, plan: Plan, watcher: Watcher) -> None:
        self._plan = plan
        self._watcher = watcher
        self._split = plan.days.target.split
        self._step_ns = plan.days.target.split.shape.bin_ns

    def run(self) -> Curve:
        days = self._plan.days
        matching = days.match(days.target, days.target.split.train, with_labels=False)
        if not matching.is_real:
            self._watcher.tell(_warning(matching))
        source = self._source_day()
        full, fit_s = self._learn(self._method(SCRATCH), self._plan.n_all)
        curve = Curve(days, source, matching, full.r2())
        for n_trials in self._plan.trials:
            self._align(curve, n_trials)
            if self._plan.with_rivals and n_trials:
                self._rival(curve, n_trials, (full, fit_s))
        return curve

    def _source_day(self) -> SourceDay:
        plan, days = self._plan, self._plan.days

        def learn() -> SourceDay:
            known, settings = days.source.everything, days.settings
            source = learn_source_day(known, settings, self._step_ns, plan.device, self._on_step)
            others = [
                (day.everything, days.match(day, day.everything, with_labels=True))
                for day in days.others
            ]
            return with_other_days(source, others, self._on_step)

        return self._timed(SOURCE_DAY, f"{days.known}: ensemble", learn)[0]

    def _align(self, curve: Curve, n_trials: int) -> None:
        """Add the transfer and its control."""
        aligned, fit_s = self._aligned(curve, n_trials, TRANSFER)
        comparison = decode_aligned(curve.source, self._split, aligned)
        point = _point(TRANSFER, n_trials, comparison, fit_s, curve.full_r2)
        shuffled_r2 = self._control(curve, n_trials)
        ensemble_r2 = aligned.ensemble.r2()
        curve.points.append(replace(point, shuffled_r2=shuffled_r2, ensemble_r2=ensemble_r2))
        curve.aligned[n_trials] = aligned

    def _control(self, curve: Curve, n_trials: int) -> float:
        if not n_trials:
            windows = self._split.train
            return random_match_r2(curve.source, self._split, windows, curve.matching)
        aligned, _ = self._aligned(curve, n_trials, CONTROL)
        return decode_aligned(curve.source, self._split, aligned).r2()

    def _aligned(self, curve: Curve, n_trials: int, kind: str) -> tuple[AlignedDay, float]:
        """Match and align; return the result and the seconds that took."""
        days = self._plan.days
        calibration = Calibration(
            self._split.train, days.target.is_labelled(n_trials), is_shuffled=kind == CONTROL
        )

        def match(labelled: Dataset | None) -> Matching:
            matching = curve.matching
            if labelled is not None:
                matching = days.match(days.target, labelled, with_labels=True)
            if kind != CONTROL:
                return matching
            rng = np.random.default_rng(days.settings.seed)
            return random_match(matching, len(days.target.session.channel_ids), rng)

        def align() -> AlignedDay:
            return align_day(curve.source, self._split, calibration, match, self._watcher.goes_on)

        return self._timed(kind, self._described(kind, n_trials), align)

    def _rival(self, curve: Curve, n_trials: int, full: tuple[Comparison, float]) -> None:
        """Add the other methods on the same trials; the reference is not trained again."""
        for name in _RIVALS:
            is_full = name == SCRATCH and n_trials == self._plan.n_all
            learned = full if is_full else self._learn(self._method(name), n_trials)
            curve.points.append(_point(name, n_trials, *learned, curve.full_r2))

    def _method(self, name: str) -> Method:
        return ner(name, self._plan.days.settings) if name == SCRATCH else load_method(name)

    def _learn(self, method: Method, n_trials: int) -> tuple[Comparison, float]:
        """Train a method and decode the held-out trials; return that and the training time (s)."""
        train, test = self._plan.days.target.calibration(n_trials), self._split.test
        seed = self._plan.days.settings.seed
        context = FitContext(seed, self._plan.device, self._step_ns, self._watcher.goes_on)
        fitted, fit_s = self._timed(
            method.name, self._described(method.name, n_trials), lambda: method.fit(train, context)
        )
        values = fitted(test)
        decoded_cm_s = values
        if not method.direct:
            readout = fit_readout(
                fitted(train).astype(np.float32), train.labels.values, train.labels.outputs
            )
            decoded_cm_s = readout.mapped(values)
        hop_ns = self._split.shape.hop_ns
        return Comparison(test.labels, values.astype(np.float32), decoded_cm_s, hop_ns), fit_s

    def _on_step(self, part: float, _: float | None) -> None:
        self._watcher.goes_on(part)

    def _described(self, what: str, n_trials: int) -> str:
        trials = f"{n_trials} trials" if n_trials else "no labels"
        return f"{self._plan.days.target.session.name}, {trials}: {what}"

    def _timed(self, kind: str, description: str, fit: Callable[[], Fit]) -> tuple[Fit, float]:
        """Return the result of a fit, and the seconds it took."""
        self._watcher.begins_fit(kind, description)
        started_s = time.monotonic()
        fitted = fit()
        self._watcher.ends()
        return fitted, time.monotonic() - started_s


def _point(
    method: str, n_trials: int, comparison: Comparison, fit_s: float, full_r2: float
) -> Point:
    r2 = comparison.r2()
    return Point(
        trials=n_trials,
        method=method,
        labels=n_trials > 0,
        r2=r2,
        path_r2=comparison.path_r2(),
        relative=r2 / full_r2,
        shuffled_r2=None,
        fit_s=fit_s,
    )


def _warning(matching: Matching) -> str:
    return (
        f"warning: the match of the days' units is no better than chance (score "
        f"{matching.score:.1f}, by chance up to {matching.chance.max():.1f}): do not trust "
        "decoding without labels (--trials 0); use more labelled trials of the new day"
    )
