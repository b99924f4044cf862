"""Run all methods on all recordings with all seeds, each with its control."""

from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Protocol

import torch

from offline_training.compare.evaluation_split import EvaluationSplit
from offline_training.compare.scoring.aligned.across import Transfer, score_across
from offline_training.compare.scoring.direction import DirectionScore, score_direction
from offline_training.compare.scoring.readouts import readouts_of
from offline_training.compare.scoring.rows import Row
from offline_training.compare.scoring.scores import Embedding, embed, score
from offline_training.engines.engine import HERE, Engine
from offline_training.engines.threads import one_thread
from offline_training.methods.method import FitContext, Method
from rt_ner.core.arrays import Float32Array


@dataclass(frozen=True, eq=False)
class Plan:
    """Settings of a comparison. Seeds are 0 … ``n_seeds`` − 1."""

    recordings: tuple[EvaluationSplit, ...]
    methods: tuple[Method, ...]
    n_seeds: int
    with_control: bool
    device: torch.device

    @property
    def fits_per_method(self) -> int:
        """Number of fits of each method."""
        return len(self.recordings) * self.n_seeds * (1 + self.with_control)


@dataclass(frozen=True, eq=False)
class Job:
    """One fit of one method."""

    recording: EvaluationSplit
    method: Method
    seed: int
    is_control: bool = False


@dataclass(frozen=True, eq=False)
class DirectionOverTime:
    """Direction accuracy over time of one method and seed on one recording."""

    recording: EvaluationSplit
    method: str
    seed: int
    score: DirectionScore


@dataclass(frozen=True, eq=False)
class Results:
    """Results of a comparison. ``embeddings`` has the latents of the first seed."""

    rows: list[Row] = field(default_factory=list)
    directions: list[DirectionOverTime] = field(default_factory=list)
    embeddings: list[Embedding] = field(default_factory=list)
    across: list[Transfer] = field(default_factory=list)


class Watcher(Protocol):
    """Receives progress and messages."""

    def begins(self, job: Job) -> None:
        """Start a fit."""

    def goes_on(self, part: float) -> None:
        """Report the part of the fit that is done, from 0 to 1."""

    def ends(self) -> None:
        """End the fit."""

    def was_done(self, job: Job, fit_s: float, n_at_once: int) -> None:
        """Count a fit, and its control, that was done elsewhere, one of so many at once."""

    def tell(self, message: str) -> None:
        """Show a message to the user."""


class _Nobody:
    """Watches nothing."""

    def begins(self, job: Job) -> None: ...

    def goes_on(self, part: float) -> None: ...

    def ends(self) -> None: ...

    def was_done(self, job: Job, fit_s: float, n_at_once: int) -> None: ...

    def tell(self, message: str) -> None: ...


_NOBODY = _Nobody()


def run(plan: Plan, watcher: Watcher, engine: Engine = HERE) -> Results:
    """Fit and score every method on every recording, in turn for each seed.

    ``engine`` runs the fits. Elsewhere than here, each keeps to one thread.
    """
    jobs = [
        Job(recording, method, seed)
        for recording, seed, method in product(plan.recordings, range(plan.n_seeds), plan.methods)
    ]
    score = partial(score_apart, plan.with_control, plan.device)
    if engine is HERE:
        score = partial(score_job, plan.with_control, plan.device, watcher)
    scored: dict[Job, ScoredJob] = {}
    for job, outcome in engine.results(score, jobs):
        if isinstance(outcome, Exception):
            raise outcome
        scored[job] = outcome
        if engine is not HERE:
            watcher.was_done(job, outcome.fit_s, engine.n_at_once)
    results = Results()
    for job in jobs:
        _add(job, scored.pop(job), results)
    results.across.extend(score_across(results.embeddings, watcher.tell))
    return results


@dataclass(frozen=True, eq=False)
class ScoredJob:
    """Scores of a fit, and its values ``(hop, dims)`` of training and held-out trials."""

    rows: tuple[Row, ...]
    direction: DirectionScore | None
    train: Float32Array
    test: Float32Array
    fit_s: float


def score_apart(with_control: bool, device: torch.device, job: Job) -> ScoredJob:
    """Fit and score a method in a worker, of which there may be one per core."""
    with one_thread():
        return score_job(with_control, device, _NOBODY, job)


def score_job(with_control: bool, device: torch.device, watcher: Watcher, job: Job) -> ScoredJob:
    """Fit a method, with a control if there is to be one, and score it."""
    embedding = _embed(job, device, watcher)
    control = None
    if with_control:
        shuffled = job.recording.shuffled(job.seed)
        control = _embed(Job(shuffled, job.method, job.seed, is_control=True), device, watcher)
    direction = None
    if job.recording.has_directions:
        direction = score_direction(job.recording, embedding.train, embedding.test)
    accuracy = direction.accuracy if direction else None
    rows = tuple(
        score(embedding, readout, job.seed, accuracy, control)
        for readout in readouts_of(job.method)
    )
    return ScoredJob(rows, direction, embedding.train, embedding.test, embedding.fit_s)


def _add(job: Job, scored: ScoredJob, results: Results) -> None:
    """Add the scores of a fit; of the first seed, the latents too."""
    results.rows.extend(scored.rows)
    if scored.direction is not None:
        over_time = DirectionOverTime(job.recording, job.method.name, job.seed, scored.direction)
        results.directions.append(over_time)
    if job.seed == 0 and not job.method.direct:
        values = (scored.train, scored.test, scored.fit_s)
        results.embeddings.append(Embedding(job.recording, job.method, *values))


def _embed(job: Job, device: torch.device, watcher: Watcher) -> Embedding:
    watcher.begins(job)
    step_ns = job.recording.split.shape.bin_ns
    context = FitContext(job.seed, device, step_ns, watcher.goes_on)
    embedding = embed(job.recording, job.method, context)
    watcher.ends()
    return embedding
