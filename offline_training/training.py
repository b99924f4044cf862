"""Train a decoder on a session, and score it against a control."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from offline_training.dataset.adequacy import check_adequacy
from offline_training.dataset.outputs import with_classes_taught
from offline_training.dataset.split import split_session
from offline_training.figures.report import draw_report
from offline_training.ner.distillation import train_encoder
from offline_training.ner.ensemble import OnStep
from offline_training.ner.export.encoder_export import export_onnx, export_weights
from offline_training.ner.networks.encoder_network import EncoderNetwork, embed
from offline_training.ner.readouts.class_readout import fit_classifier
from offline_training.ner.readouts.kalman_readout import fit_kalman
from offline_training.options import pick_device
from offline_training.settings import TrainSettings, learned_part
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.manifest import CarriedFrom, OtherSession, PartEntry, TrainingEntry
from rt_ner.bundle.storage import save_bundle
from rt_ner.core.settings import checked_settings
from rt_ner.data.session.session import Session
from rt_ner.decoding.readouts.readout import Readout, fit_readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.classes.hop_classes import classes_of
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.held_out.proof import Fit, Trained, prove_fit, report_pages
from rt_ner.offline.held_out.split import Split
from rt_ner.terminal.progress import Progress, no_progress, show_progress


def train(
    session: Session,
    *,
    seed: int | None = None,
    settings: TrainSettings | None = None,
    progress: bool = True,
    device: str = "auto",
    **settings_by_keyword: object,
) -> Bundle:
    """Train a decoder on a session.

    The first trials train an encoder and its readout, and the last ones are held out to score
    them. A second decoder is trained on shuffled trials: its score is the chance level.

    Parameters
    ----------
    session : Session
        A session with spikes, kinematics and trials.
    seed : int, optional
        Seed of everything random; the same seed gives the same bundle on the same computer.
        Default: that of the settings, which is 0.
    settings : TrainSettings, optional
        Settings of the training. Default: those of ``rt-ner settings train``.
    progress : bool
        Show a progress bar, with warnings about the session above it. Without it, warnings are
        issued by `warnings.warn`.
    device : str
        ``"cpu"``, ``"cuda"``, or ``"auto"`` for the GPU if there is one.
    **settings_by_keyword
        Single settings that replace those of ``settings``, such as ``latent_dim=4``, or
        ``ensemble={"members": 2}`` for keys of a section.

    Returns
    -------
    Bundle
        The trained decoder with its scores and its report.

    Raises
    ------
    SessionError
        If the session lacks something that training needs.
    ConfigError
        If a setting is unknown or out of range, the device is absent, or training diverges.

    Examples
    --------
    >>> bundle = train(session, seed=1, latent_dim=4)  # doctest: +SKIP
    >>> bundle.scores.r2, bundle.scores.shuffled_r2  # doctest: +SKIP
    (0.912, 0.013)
    >>> bundle.save("m1-bundle")  # doctest: +SKIP

    """
    if seed is not None:
        settings_by_keyword["seed"] = seed
    chosen = _with_keywords(settings or TrainSettings(), settings_by_keyword)
    torch_device = pick_device(device)
    if progress:
        with show_progress("R²") as shown:
            trained = train_bundle(session, chosen, torch_device, shown, shown.warn)
    else:
        warn = partial(warnings.warn, stacklevel=2)
        trained = train_bundle(session, chosen, torch_device, no_progress, warn)
    return replace(trained.bundle, pages=report_of(trained))


def _with_keywords(settings: TrainSettings, keywords: Mapping[str, object]) -> TrainSettings:
    """Return settings with single values replaced; a section's keys are replaced one by one."""
    content: dict[str, object] = settings.model_dump()
    for name, value in keywords.items():
        section = content.get(name)
        if isinstance(section, dict) and isinstance(value, Mapping):
            content[name] = section | dict(value)
        else:
            content[name] = value
    return checked_settings(content, TrainSettings, "train")


def train_bundle(
    session: Session,
    settings: TrainSettings,
    device: torch.device,
    progress: Progress,
    warn: Callable[[str], None] = lambda _: None,
) -> Trained:
    """Train an encoder and its readout on a session's first trials, and score them on the rest.

    ``warn`` receives what the session lacks, before training; SessionError if it lacks too much.
    """
    session, split = prepared(session, settings, warn)

    def fit(part: Split, stage: str) -> tuple[DecoderSpecification, float | None]:
        return fit_decoder(session, part, settings, device, partial(progress, stage))

    return prove(session, split, settings, fit)


def prepared(
    whole: Session, settings: TrainSettings, warn: Callable[[str], None]
) -> tuple[Session, Split]:
    """Return the part of a session to learn, and its split; SessionError if it lacks too much."""
    session = learned_part(whole, settings.outputs, settings.classes)
    split = split_session(session, settings)
    if settings.classes:
        split = split.with_classes(classes_of(whole, settings.classes, split.shape.hop_ns))
    for warning in check_adequacy(split, session.channel_ids):
        warn(warning)
    return session, split


def prove(session: Session, split: Split, settings: TrainSettings, fit: Fit) -> Trained:
    """Fit a decoder to the training trials of a session and score it on the others."""
    training = training_entry(session, settings, split.n_train)
    return prove_fit(session, split, training, settings.seed, fit)


def save_trained(trained: Trained, folder: Path, overwrite: bool) -> None:
    """Write a trained bundle with its report."""
    save_bundle(trained.bundle, folder, report_of(trained), overwrite)


def report_of(trained: Trained) -> dict[str, bytes]:
    """Return a bundle's report by file name: held-out trials as a picture, training latents."""
    return report_pages(trained, draw_report)


def fit_decoder(
    session: Session, split: Split, settings: TrainSettings, device: torch.device, on_step: OnStep
) -> tuple[DecoderSpecification, float | None]:
    """Train the encoder, then fit the readouts to its latents of the training windows.

    Returns the decoder, and the R² of training trials that the witness left out, if any.
    """
    taught = split.train
    if split.classes:
        taught = replace(taught, labels=with_classes_taught(taught.labels, split.classes))
    learned = train_encoder(taught, settings, split.shape.bin_ns, device, on_step)
    latents, labels = embed(learned.network, split.train), split.train.labels
    if settings.readout == "kalman":
        readout = fit_kalman(latents, labels, split.shape.hop_ns, is_white=False)
    else:
        readout = fit_readout(latents, labels.values, labels.outputs)
    is_of_outputs = taught.labels.outputs == labels.outputs
    validation_r2 = learned.validation_r2 if is_of_outputs else None
    return decoder_of(learned.network, session, split, readout), validation_r2


def decoder_of(
    network: EncoderNetwork, session: Session, split: Split, readout: Readout
) -> DecoderSpecification:
    """Return the decoder of a session: a trained network, its readout and, if any, a classifier."""
    model = exported_model(network, session.channel_ids, split.shape, readout, split.train)
    if split.classes:
        latents = embed(network, split.train)
        classifier = fit_classifier(latents, split.train.labels, split.classes)
        model = replace(model, classifier=classifier)
    return replace(model, voltage=session.voltage)


def exported_model(
    network: EncoderNetwork,
    channel_ids: tuple[str, ...],
    shape: WindowShape,
    readout: Readout,
    learned: Dataset | None = None,
) -> DecoderSpecification:
    """Return a decoder of a trained network and its readout.

    It has the running normalisation that was followed through the ``learned`` windows, if any.
    """
    scales = learned.scales if learned else None
    return DecoderSpecification(
        channel_ids,
        shape,
        export_onnx(network, is_scaled=scales is not None),
        readout,
        export_weights(network),
        normalisation=scales.normalisation if scales else None,
    )


def training_entry(
    session: Session,
    settings: TrainSettings,
    n_train: int,
    carried_from: CarriedFrom | None = None,
    joint_with: tuple[OtherSession, ...] = (),
) -> TrainingEntry:
    """Return the manifest's entry on a training with the first ``n_train`` trials of a session."""
    return TrainingEntry(
        session=session.name,
        session_sha256=session.sha256,
        area=session.area,
        n_train_trials=n_train,
        n_test_trials=len(session.trials) - n_train,
        settings=settings.model_dump(mode="json"),
        carried_from=carried_from,
        parts=tuple(
            PartEntry(session=part.name, spikes_sha256=part.spikes_sha256, n_trials=part.n_trials)
            for part in session.parts
        ),
        joint_with=joint_with,
    )
