"""Run all methods on all recordings with all seeds, each with its control."""

from dataclasses import dataclass, field
from itertools import product
from typing import Protocol

import torch

from offline_training.compare.evaluation_split import EvaluationSplit
from offline_training.compare.scoring.aligned.across import Transfer, score_across
from offline_training.compare.scoring.direction import DirectionScore, score_direction
from offline_training.compare.scoring.readouts import readouts_of
from offline_training.compare.scoring.rows import Row
from offline_training.compare.scoring.scores import Embedding, embed, score
from offline_training.methods.method import FitContext, Method


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

    def tell(self, message: str) -> None:
        """Show a message to the user."""


def run(plan: Plan, watcher: Watcher) -> Results:
    """Fit and score every method on every recording, in turn for each seed."""
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
    accuracy = None
    if job.recording.has_directions:
        direction = score_direction(job.recording, embedding.train, embedding.test)
        accuracy = direction.accuracy
        over_time = DirectionOverTime(job.recording, job.method.name, job.seed, direction)
        results.directions.append(over_time)
    for readout in readouts_of(job.method):
        results.rows.append(score(embedding, readout, job.seed, accuracy, control))
    if job.seed == 0 and not job.method.direct:
        results.embeddings.append(embedding)


def _embed(job: Job, plan: Plan, watcher: Watcher) -> Embedding:
    watcher.begins(job)
    step_ns = job.recording.split.shape.bin_ns
    context = FitContext(job.seed, plan.device, step_ns, watcher.goes_on)
    embedding = embed(job.recording, job.method, context)
    watcher.ends()
    return embedding
