"""Time the exact loss beside the literal one, and a training step beside CEBRA's."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch

from offline_training.methods.latent.cebra import cebra_step
from offline_training.ner.ensemble import training_step
from offline_training.ner.loss import label_distances, value_and_gradient
from offline_training.settings import EnsembleSettings, TrainSettings
from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.errors import ConfigError
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels

_BIN_NS = 30 * NS_PER_MS
_N_TRIALS, _TRIAL_BINS, _HISTORY_BINS, _N_CHANNELS = 128, 40, 20, 96
# The first steps warm caches and threads up, and are not counted.
_WARM_UP_STEPS = 3


@dataclass(frozen=True)
class LossTimes:
    """Median times; None if something was not measured.

    ``n`` is the number of anchors, each with a partner. A step includes sampling, encoder, loss
    and optimiser. ``max_relative_difference`` is the largest difference of value and gradient
    between the exact and the literal loss.
    """

    n: int
    literal_ms: float | None
    exact_ms: float
    step_ms: float
    cebra_step_ms: float | None
    speedup_vs_literal: float | None
    ratio_vs_cebra_step: float | None
    max_relative_difference: float | None


def measure_loss(
    n: int, repeats: int, with_literal: bool, tell: Callable[[str], None]
) -> LossTimes:
    """Time everything in one run; the steps of NER and CEBRA take turns."""
    dataset = _reaches()
    embeddings, labels = _batch(dataset, n)
    exact_ms = 1e3 * median(_times_s([lambda: _exact(embeddings, labels)], repeats)[0])
    literal_ms = difference = None
    if with_literal:
        literal_ms, difference = _literal_against_exact(embeddings, labels)
    steps = [_our_step(dataset, n), *_cebra_step(dataset, n, tell)]
    step_ms, *cebra_ms = (1e3 * median(times) for times in _times_s(steps, repeats))
    return LossTimes(
        n=n,
        literal_ms=literal_ms,
        exact_ms=exact_ms,
        step_ms=step_ms,
        cebra_step_ms=cebra_ms[0] if cebra_ms else None,
        speedup_vs_literal=literal_ms / exact_ms if literal_ms else None,
        ratio_vs_cebra_step=step_ms / cebra_ms[0] if cebra_ms else None,
        max_relative_difference=difference,
    )


def literal_loss(
    embeddings: torch.Tensor, label_distance: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Compute the NER loss as its formula reads, with one sum over all others per pair: O(N³).

    ``embeddings`` are ``(2N, latent)``, ``label_distance`` is ``(N, N)``; autograd gives the
    gradient.
    """
    n_embeddings = len(embeddings)
    itself = torch.eye(n_embeddings, dtype=torch.bool)
    # The other rows of each row, so that none is compared with itself.
    others = torch.arange(n_embeddings).expand(n_embeddings, -1)[~itself].reshape(n_embeddings, -1)
    distance = label_distance.repeat(2, 2).gather(1, others)
    gaps = embeddings[:, None] - embeddings[others]
    similarity = -torch.linalg.vector_norm(gaps, dim=2) / temperature
    exponential = similarity.exp()
    total = embeddings.new_zeros(())
    for j in range(n_embeddings - 1):
        as_far = distance >= distance[:, j : j + 1]
        total = (
            total + (similarity[:, j] - exponential.masked_fill(~as_far, 0).sum(dim=1).log()).sum()
        )
    return -total / (n_embeddings * (n_embeddings - 1))


def _exact(embeddings: FloatArray, labels: Labels) -> tuple[float, FloatArray]:
    return value_and_gradient(embeddings, _distances(labels), 1.0)


def _distances(labels: Labels) -> FloatArray:
    distance: FloatArray = label_distances(labels.values, labels.direction_deg, 1.0, 0.05)
    return distance


def _literal_against_exact(embeddings: FloatArray, labels: Labels) -> tuple[float, float]:
    """Time one literal value and gradient (ms), and compare the exact ones with it."""
    tensor = torch.tensor(embeddings, requires_grad=True)
    distance = torch.from_numpy(_distances(labels))
    started_s = time.perf_counter()
    value = literal_loss(tensor, distance, 1.0)
    (gradient,) = torch.autograd.grad(value, tensor)
    literal_ms = 1e3 * (time.perf_counter() - started_s)
    exact_value, exact_gradient = _exact(embeddings, labels)
    literal = gradient.numpy()
    of_gradient = np.abs(exact_gradient - literal).max() / np.abs(literal).max()
    return literal_ms, max(float(of_gradient), abs(exact_value / value.item() - 1))


def _our_step(dataset: Dataset, n: int) -> Callable[[], None]:
    settings = TrainSettings(batch=n, ensemble=EnsembleSettings(members=1))
    return training_step(dataset, settings, _BIN_NS, torch.device("cpu"))


def _cebra_step(
    dataset: Dataset, n: int, tell: Callable[[str], None]
) -> Sequence[Callable[[], None]]:
    """Return CEBRA's step; without CEBRA return none and tell the reason."""
    try:
        return [cebra_step(dataset, n, seed=0)]
    except ConfigError as error:
        tell(f"CEBRA's step is skipped: {error}")
        return []


def _times_s(calls: Sequence[Callable[[], object]], repeats: int) -> list[list[float]]:
    """Return the seconds that each call takes; the calls take turns, after a warm-up."""
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(_WARM_UP_STEPS + repeats):
        for call, seconds in zip(calls, times, strict=True):
            started_s = time.perf_counter()
            call()
            if turn >= _WARM_UP_STEPS:
                seconds.append(time.perf_counter() - started_s)
    return times


def _batch(dataset: Dataset, n: int) -> tuple[FloatArray, Labels]:
    """Return embeddings ``(2n, 3)`` like those of an encoder, and the labels of n anchors."""
    rng = np.random.default_rng(0)
    rows = rng.integers(len(dataset.labels), size=n)
    labels = dataset.labels.where(rows)
    latents = np.concatenate([labels.values, labels.values[:, :1]], axis=1) / 8
    embeddings: FloatArray = np.tile(latents, (2, 1)) + rng.normal(0, 0.3, (2 * len(latents), 3))
    return embeddings, labels


def _reaches() -> Dataset:
    """Simulate windows of 96 channels during reaches in eight directions."""
    rng = np.random.default_rng(0)
    trial = np.repeat(np.arange(_N_TRIALS), _TRIAL_BINS)
    direction_deg: FloatArray = (45.0 * (trial % 8)).astype(np.float64)
    angle = np.deg2rad(direction_deg)
    speed_cm_s = 25 * np.tile(np.sin(np.linspace(0, np.pi, _TRIAL_BINS)) ** 2, _N_TRIALS)
    velocity: FloatArray = speed_cm_s[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    velocity += rng.normal(0, 1.0, velocity.shape)
    tuning = rng.normal(0, 0.04, (2, _N_CHANNELS))
    counts = rng.poisson(0.4 * np.exp(velocity @ tuning)).astype(np.uint16)
    windows = np.lib.stride_tricks.sliding_window_view(counts, _HISTORY_BINS, axis=0)
    end_ns = (np.arange(trial.size, dtype=np.int64) + 1) * _BIN_NS
    whole = slice(_HISTORY_BINS - 1, None)
    labels = Labels(end_ns[whole], velocity[whole], direction_deg[whole], trial[whole])
    return Dataset(np.ascontiguousarray(windows.transpose(0, 2, 1)), labels)
