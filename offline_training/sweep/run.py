"""Run a sweep: whatever of its plan has no result on disk yet."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from pydantic import JsonValue

from offline_training.engines.engine import Engine, WorkersLostError
from offline_training.engines.versions import versions
from offline_training.methods.registry import load_method
from offline_training.sweep.fitting.job import Job, Outcome, Score, State, run_fit
from offline_training.sweep.fitting.scoring import score_fit
from offline_training.sweep.plan.fits import Fit
from offline_training.sweep.plan.plan import (
    MOST_FITS,
    Plan,
    PlannedSession,
    by_method,
    searched,
    too_many,
)
from offline_training.sweep.progress import SweepProgress
from offline_training.sweep.results.folder import SweepFolder
from offline_training.sweep.settings import SweepSettings
from rt_ner.core.errors import ConfigError

# A fit is given up after so many attempts that each ended its process.
_MOST_ATTEMPTS = 3
_PAUSE_S = 1.0


@dataclass(frozen=True)
class Sweep:
    """The settings and sessions of a sweep, its folder, and the function that scores a fit."""

    settings: SweepSettings
    sessions: tuple[PlannedSession, ...]
    folder: SweepFolder
    score: Score = score_fit

    def plan(self) -> Plan:
        """Return the plan of a grid or a random search, checked."""
        plan = Plan(self.settings, self.sessions, searched(self.settings))
        plan.check()
        return plan

    def fits_per_method(self) -> dict[str, int]:
        """Return the number of fits of each method; ConfigError if there are too many."""
        if self.settings.search != "optuna":
            return self.plan().fits_per_method
        any_trials: list[dict[str, JsonValue]] = [{}] * self.settings.combinations
        tried = by_method(self.settings, any_trials)
        counts = Plan(self.settings, self.sessions, tried).fits_per_method
        if sum(counts.values()) > MOST_FITS:
            raise too_many(sum(counts.values()))
        return counts


def run_sweep(sweep: Sweep, engine: Engine, progress: SweepProgress) -> None:
    """Run all fits of a sweep that have neither a result nor an error on disk."""
    if sweep.settings.search == "optuna":
        _run_rounds(sweep, engine, progress)
    else:
        _run_plan(sweep, sweep.plan(), engine, progress)


def _run_plan(sweep: Sweep, plan: Plan, engine: Engine, progress: SweepProgress) -> None:
    """Go through a plan until each fit has ended; another process may run some of them."""
    still_open = _open_fits(sweep.folder, plan, progress)
    while True:
        progress.show()
        for job, outcome in engine.results(run_fit, _jobs(sweep, plan, set(still_open))):
            if (ended := _settled(sweep.folder, job.fit, outcome)) is not None:
                del still_open[job.fit.key]
                progress.n_at_once = engine.n_at_once
                progress.ended(job.fit.method, ended)
        for key in _ended(sweep.folder) & set(still_open):
            progress.was_ended(still_open.pop(key))
        if not still_open:
            return
        time.sleep(_PAUSE_S)


def _open_fits(folder: SweepFolder, plan: Plan, progress: SweepProgress) -> dict[str, str]:
    """Return the methods of the fits that have not ended, by key; count all others."""
    ended, found = _ended(folder), dict[str, str]()
    for fit in plan:
        if fit.key in ended or fit.key in found:
            progress.was_ended(fit.method)
        else:
            found[fit.key] = fit.method
    return found


def _ended(folder: SweepFolder) -> set[str]:
    return folder.done() | folder.failed()


def _jobs(sweep: Sweep, plan: Plan, keys: set[str]) -> Iterator[Job]:
    """Yield the fits of these keys, each once, as they are needed."""
    for fit in plan:
        if fit.key in keys:
            keys.remove(fit.key)
            yield Job(
                str(sweep.folder.path), fit, sweep.settings.time_limit_s, versions(), sweep.score
            )


def _settled(folder: SweepFolder, fit: Fit, outcome: Outcome | Exception) -> Outcome | None:
    """Return the outcome of a fit that has ended; None if it is still open."""
    if isinstance(outcome, WorkersLostError):
        if folder.attempts(fit.key) < _MOST_ATTEMPTS:
            return None
        error = (
            f"its process ended {folder.attempts(fit.key)} times before the fit was done: it may "
            "need more memory (memory_limit_gb, or fewer --workers)"
        )
        folder.write_failure(fit, {"error": error, "traceback": "", "run": {}})
        return Outcome(State.FAILED)
    if isinstance(outcome, Exception):
        raise outcome
    return None if outcome.state == State.BUSY else outcome


# Optuna


def _run_rounds(sweep: Sweep, engine: Engine, progress: SweepProgress) -> None:
    """Run the methods without settings, then the others in rounds of a few trials each."""
    from offline_training.sweep.plan.tuning import ROUND, Study, open_study  # noqa: PLC0415

    settings = sweep.settings
    methods = [name for name in settings.methods if load_method(name).settings is not None]
    if not methods:
        raise ConfigError('search = "optuna" needs a method with settings, such as ner')
    with ExitStack() as stack:
        studies: dict[str, Study] = {
            name: stack.enter_context(
                open_study(
                    sweep.folder.path / "optuna" / f"{name}.journal",
                    settings.settings,
                    settings.search_seed,
                )
            )
            for name in methods
        }
        for first in range(0, settings.combinations, ROUND):
            n = min(ROUND, settings.combinations - first)
            tried: dict[str, Any] = {name: ({},) if first == 0 else () for name in settings.methods}
            tried |= {name: study.combinations(first, n) for name, study in studies.items()}
            plan = Plan(settings, sweep.sessions, tried)
            _run_plan(sweep, plan, engine, progress)
            scores = _mean_scores(plan, sweep.folder)
            for name, study in studies.items():
                study.tell(first, [scores[name, json.dumps(chosen)] for chosen in tried[name]])


def _mean_scores(plan: Plan, folder: SweepFolder) -> dict[tuple[str, str], float | None]:
    """Return the mean validation R² by method and settings; None if any of the fits failed."""
    found: dict[tuple[str, str], list[float | None]] = {}
    for fit in plan:
        key = (fit.method, json.dumps(fit.settings))
        found.setdefault(key, []).append(folder.validation_r2(fit.key))
    known = {key: [r2 for r2 in values if r2 is not None] for key, values in found.items()}
    return {
        key: fmean(known[key]) if len(known[key]) == len(values) else None
        for key, values in found.items()
    }
