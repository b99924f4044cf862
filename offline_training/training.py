"""Training: a session and settings in, a proven bundle out, with its control and its report."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import r2_score

from offline_training.dataset import Dataset, build_dataset, shuffle_trials
from offline_training.evaluate import Comparison, compare, decode_session, only_trials
from offline_training.network import EncoderNetwork, embed, export_onnx
from offline_training.report import draw_report
from offline_training.settings import TrainSettings, window_shape
from offline_training.trainer import train_encoder
from rt_ner.bundle import (
    Bundle,
    Golden,
    Manifest,
    ReadoutEntry,
    Scores,
    TrainingEntry,
    run_windows,
    save_bundle,
)
from rt_ner.decoder import DecoderModel
from rt_ner.errors import SessionError
from rt_ner.readout import fit_readout
from rt_ner.session import Session
from rt_ner.windows import WindowShape

_N_GOLDEN = 16
_N_REPORTS = 5
_PACKAGES = ("rt-ner", "torch", "numpy", "numba", "onnx", "onnxruntime")

# Told: what is being trained, the part done (0 to 1), and the newest held-out velocity R².
Progress = Callable[[str, float, float | None], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """A bundle, its decoding of the held-out trials, and how long it all took."""

    bundle: Bundle
    held_out: Comparison
    train_s: float


@dataclass(frozen=True, eq=False)
class _Split:
    """The labelled windows of the training trials and of the held-out trials."""

    train: Dataset
    test: Dataset
    n_train: int
    shape: WindowShape


def train_bundle(
    session: Session, settings: TrainSettings, device: torch.device, progress: Progress
) -> Trained:
    """Train an encoder and its readout on a session's first trials; score them on the rest.

    A second encoder learns from shuffled trials, on the same input and scored the same way: the
    control. ``train_s`` is the time of both and of the scoring.
    """
    started_s = time.monotonic()
    split = _split(session, settings)
    hop_ns = split.shape.hop_ns
    model = _fit(session, split, settings, device, _reporter("training", split, progress, settings))
    rng = np.random.default_rng(settings.seed)
    labels = shuffle_trials(split.train.labels, rng)
    shuffled = replace(split, train=replace(split.train, labels=labels))
    control = _fit(
        session, shuffled, settings, device, _reporter("control", shuffled, progress, settings)
    )
    n_trials = len(session.trials)
    whole = compare(decode_session(model, session), session, hop_ns)
    held_out = only_trials(whole, split.n_train, n_trials)
    chance = compare(decode_session(control, session), session, hop_ns)
    scores = Scores(
        velocity_r2=held_out.velocity_r2(),
        position_r2=held_out.position_r2(),
        train_velocity_r2=only_trials(whole, 0, split.n_train).velocity_r2(),
        shuffled_velocity_r2=only_trials(chance, split.n_train, n_trials).velocity_r2(),
    )
    manifest = _manifest(session, settings, split, model, scores)
    bundle = Bundle(manifest, model.encoder_onnx, _golden(model, split.test))
    return Trained(bundle, held_out, time.monotonic() - started_s)


def save_trained(trained: Trained, folder: Path, overwrite: bool) -> None:
    """Write a trained bundle with the picture of its held-out trials."""
    training = trained.bundle.manifest.training
    scores = trained.bundle.manifest.scores
    report = draw_report(
        trained.held_out,
        f"{training.session} {training.area}, held-out trials",
        f"offline; velocity R² {scores.velocity_r2:.2f}, position R² {scores.position_r2:.2f}, "
        f"shuffled control {scores.shuffled_velocity_r2:.2f}",
    )
    save_bundle(trained.bundle, folder, {"report.png": report}, overwrite)


def _split(session: Session, settings: TrainSettings) -> _Split:
    shape = window_shape(settings.window, session)
    n_train = session.trials.n_train(settings.held_out)
    dataset = build_dataset(session, shape)
    in_train = dataset.labels.trial < n_train
    if in_train.all() or not in_train.any():
        raise SessionError(
            f"session '{session.name}' has no kinematics in its "
            f"{'held-out' if in_train.all() else 'training'} trials ({n_train} of "
            f"{len(session.trials)} train): cut the session to where both are known"
        )
    return _Split(dataset.where(in_train), dataset.where(~in_train), n_train, shape)


def _fit(
    session: Session,
    split: _Split,
    settings: TrainSettings,
    device: torch.device,
    on_step: Callable[[int, EncoderNetwork], None],
) -> DecoderModel:
    """Learn the encoder, then fit the readout to what it makes of the training windows."""
    network = train_encoder(split.train, settings, split.shape.bin_ns, device, on_step)
    readout = fit_readout(embed(network, split.train), split.train.labels.velocity_cm_s)
    return DecoderModel(session.channel_ids, split.shape, export_onnx(network), readout)


def _reporter(
    what: str, split: _Split, progress: Progress, settings: TrainSettings
) -> Callable[[int, EncoderNetwork], None]:
    """Reports progress, with the held-out R² of the moment; no decision hangs on it."""
    every = max(settings.steps // _N_REPORTS, 1)
    newest: float | None = None

    def report(step: int, network: EncoderNetwork) -> None:
        nonlocal newest
        if step % every == 0:
            readout = fit_readout(embed(network, split.train), split.train.labels.velocity_cm_s)
            decoded = embed(network, split.test) @ readout.matrix + readout.bias
            newest = float(r2_score(split.test.labels.velocity_cm_s, decoded))
        progress(what, step / settings.steps, newest)

    return report


def _golden(model: DecoderModel, test: Dataset) -> Golden:
    """Some held-out windows and what they give."""
    rows = np.linspace(0, len(test.windows) - 1, min(_N_GOLDEN, len(test.windows))).astype(int)
    windows = test.windows[rows].astype(np.float32)
    latents, velocities = run_windows(model, windows)
    return Golden(windows=windows, latents=latents, velocities=velocities)


def _manifest(
    session: Session, settings: TrainSettings, split: _Split, model: DecoderModel, scores: Scores
) -> Manifest:
    readout = model.readout
    return Manifest(
        format_version=1,
        channel_ids=session.channel_ids,
        window=model.window,
        latent_dim=settings.latent_dim,
        readout=ReadoutEntry(
            matrix=tuple((float(x), float(y)) for x, y in readout.matrix),
            bias=(float(readout.bias[0]), float(readout.bias[1])),
            unit="cm/s",
        ),
        training=TrainingEntry(
            session=session.name,
            session_sha256=session.sha256,
            area=session.area,
            n_train_trials=split.n_train,
            n_test_trials=len(session.trials) - split.n_train,
            settings=settings.model_dump(mode="json"),
        ),
        scores=scores,
        versions={"python": platform.python_version()}
        | {package: version(package) for package in _PACKAGES},
    )
