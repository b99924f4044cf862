"""Run: all methods on all recordings with all seeds, each beside its control."""

from dataclasses import dataclass, field
from itertools import product
from typing import Protocol

import torch

from offline_training.compare.evaluation_split import EvaluationSplit
from offline_training.compare.scoring.across import Transfer, score_across
from offline_training.compare.scoring.direction import DirectionScore, score_direction
from offline_training.compare.scoring.readouts import readouts_of
from offline_training.compare.scoring.rows import Row
from offline_training.compare.scoring.scores import Embedding, embed, score
from offline_training.methods.method import FitContext, Method


@dataclass(frozen=True, eq=False)
class Plan:
    """What is compared. Seeds are 0 … ``n_seeds`` − 1."""

    recordings: tuple[EvaluationSplit, ...]
    methods: tuple[Method, ...]
    n_seeds: int
    with_control: bool
    device: torch.device

    @property
    def fits_a_method(self) -> int:
        """How often each method is fitted."""
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
    """How well each step of one recording tells the direction, by one method and seed."""

    recording: EvaluationSplit
    method: str
    seed: int
    score: DirectionScore


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that was compared. ``embeddings``: the first seed's latents."""

    rows: list[Row] = field(default_factory=list)
    directions: list[DirectionOverTime] = field(default_factory=list)
    embeddings: list[Embedding] = field(default_factory=list)
    across: list[Transfer] = field(default_factory=list)


class Watcher(Protocol):
    """Who is told how the comparison goes."""

    def begins(self, job: Job) -> None:
        """A fit begins."""

    def goes_on(self, part: float) -> None:
        """The part of the fit that is done, 0 to 1."""

    def ends(self) -> None:
        """The fit is done."""

    def tell(self, message: str) -> None:
        """Something had to be left out."""


def run(plan: Plan, watcher: Watcher) -> Results:
    """Fit and score everything. All methods have their turn before any has a second one."""
    results = Results()
    for recording, seed, method in product(plan.recordings, range(plan.n_seeds), plan.methods):
        _compare(Job(recording, method, seed), plan, watcher, results)
    results.across.extend(score_across(results.embeddings, watcher.tell))
    return results


def _compare(job: Job, plan: Plan, watcher: Watcher, results: Results) -> None:
    embedding = _embed(job, plan, watcher)
    control = None
    if plan.with_control:
        shuffled = job.recording.shuffled(job.seed)
        control = _embed(Job(shuffled, job.method, job.seed, is_control=True), plan, watcher)
    direction = score_direction(job.recording, embedding.train, embedding.test)
    for readout in readouts_of(job.method):
        results.rows.append(score(embedding, readout, job.seed, direction.accuracy, control))
    over_time = DirectionOverTime(job.recording, job.method.name, job.seed, direction)
    results.directions.append(over_time)
    if job.seed == 0 and not job.method.direct:
        results.embeddings.append(embedding)


def _embed(job: Job, plan: Plan, watcher: Watcher) -> Embedding:
    watcher.begins(job)
    step_ns = job.recording.split.shape.bin_ns
    context = FitContext(job.seed, plan.device, step_ns, watcher.goes_on)
    embedding = embed(job.recording, job.method, context)
    watcher.ends()
    return embedding
