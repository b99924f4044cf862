"""Recordings made up for tests: reaches whose windows spell out the velocity."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from offline_training.compare.evaluation_split import EvaluationSplit
from offline_training.compare.run import Job, Plan
from offline_training.methods.method import FitContext, Fitted, Method
from rt_ner.core.arrays import FloatArray
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.held_out.split import Split
from rt_ner.offline.labels import Labels

BIN_NS, TRIAL_HOPS = 30_000_000, 20
_OFFSET, _GAIN = 30_000, 100


def reaches(
    name: str = "made-up",
    directions: tuple[float, ...] = (0.0, 90.0, 180.0, 270.0),
    n_trials: int = 40,
    hops_per_bin: int = 1,
    noise_cm_s: float = 2.0,
) -> EvaluationSplit:
    """Bell-shaped reaches, directions in turn, a fifth held out; the go cue begins each trial."""
    rng = np.random.default_rng(len(name))
    hop_ns = BIN_NS // hops_per_bin
    trial = np.repeat(np.arange(n_trials), TRIAL_HOPS)
    direction_deg = np.resize(directions, n_trials)[trial]
    speed_cm_s = np.tile(30 * np.sin(np.linspace(0.1, np.pi, TRIAL_HOPS)), n_trials)
    angle = np.deg2rad(direction_deg)
    velocity = speed_cm_s[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    velocity += rng.normal(scale=noise_cm_s, size=velocity.shape)
    end_ns = np.arange(1, trial.size + 1, dtype=np.int64) * hop_ns
    windows = np.round(velocity * _GAIN + _OFFSET).astype(np.uint16)[:, None, :]
    whole = Dataset(windows, Labels(end_ns, velocity, direction_deg, trial))
    n_train = int(0.8 * n_trials)
    in_train = trial < n_train
    shape = WindowShape(hop_ns=hop_ns, bin_ns=BIN_NS, history_bins=1)
    split = Split(whole.where(in_train), whole.where(~in_train), n_train, shape)
    go_ns = np.arange(n_trials, dtype=np.int64) * TRIAL_HOPS * hop_ns
    return EvaluationSplit(name, "M1", split, go_ns, "0" * 64)


def spelled(dataset: Dataset) -> FloatArray:
    """The velocity that the windows spell out, ``(hop, 2)`` in cm/s."""
    return (dataset.windows[:, 0].astype(np.float64) - _OFFSET) / _GAIN


def latents(dataset: Dataset) -> FloatArray:
    """Three latents, of which two are the velocity, squeezed and turned."""
    velocity = spelled(dataset)
    return np.c_[velocity[:, 1], 0 * velocity[:, 0] + 1.0, -velocity[:, 0]] / 7.0


def fake(name: str, apply: Callable[[Dataset], FloatArray], dims: int = 3, **more: Any) -> Method:
    """A method that learns nothing and applies a function."""

    def fit(train: Dataset, context: FitContext) -> Fitted:
        context.progress(1.0)
        return apply

    return Method(name, dims, fit, **more)


LATENTS = fake("latents", latents)
DIRECT = fake("direct", spelled, dims=2, direct=True)


def plan(recordings: tuple[EvaluationSplit, ...], *methods: Method, **more: Any) -> Plan:
    """A comparison of one seed, with controls."""
    settings = {"n_seeds": 1, "with_control": True, "device": torch.device("cpu")} | more
    return Plan(recordings, methods, **settings)


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.told: list[str] = []

    def begins(self, job: Job) -> None:
        self.jobs.append(job)

    def goes_on(self, part: float) -> None:
        assert 0 <= part <= 1

    def ends(self) -> None:
        pass

    def was_done(self, job: Job, fit_s: float, n_at_once: int) -> None:
        pass

    def tell(self, message: str) -> None:
        self.told.append(message)
