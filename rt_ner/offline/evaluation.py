"""Evaluate: a whole session through the decoder's own code, scored on held-out trials."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.metrics import r2_score

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.arrays import Float32Array, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.raster import SpikeBinner, raster_binner
from rt_ner.decoding.chunks import Chunk
from rt_ner.decoding.decoder import Decoder, DecoderSpecification
from rt_ner.offline.dataset import Labels, label_hops, shuffle_trials


@dataclass(frozen=True, eq=False)
class Decoding:
    """What a decoder gave for a session: ``(hop, …)``, only where it had its full history."""

    end_ns: Int64Array
    latent: Float32Array
    velocity_cm_s: Float32Array


@dataclass(frozen=True, eq=False)
class Comparison:
    """Decoded and true velocity of the same hops, in order of time."""

    labels: Labels
    latent: Float32Array
    decoded_cm_s: FloatArray
    hop_ns: int

    def velocity_r2(self) -> float:
        """R² of velocity, the mean over x and y."""
        return float(r2_score(self.labels.velocity_cm_s, self.decoded_cm_s))

    def swapped_velocity_r2(self) -> float:
        """R² of velocity with decoded and true swapped, as the NER paper reports it."""
        return float(r2_score(self.decoded_cm_s, self.labels.velocity_cm_s))

    def position_r2(self) -> float:
        """R² of position, the mean over x and y; both paths begin each trial at zero."""
        return float(r2_score(self.path_cm(self.labels.velocity_cm_s), self.decoded_path_cm()))

    def decoded_path_cm(self) -> FloatArray:
        """Decoded position ``(hop, 2)`` from each trial's start."""
        return self.path_cm(self.decoded_cm_s)

    def path_cm(self, velocity_cm_s: FloatArray) -> FloatArray:
        """Velocity summed up within each trial."""
        steps_cm = velocity_cm_s * (self.hop_ns / NS_PER_S)
        path_cm = np.cumsum(steps_cm, axis=0)
        trial_begins = np.flatnonzero(np.diff(self.labels.trial, prepend=-1))
        hops = np.diff(np.append(trial_begins, len(path_cm)))
        offset_cm = path_cm[trial_begins] - steps_cm[trial_begins]
        return path_cm - np.repeat(offset_cm, hops, axis=0)


def decode_session(model: DecoderSpecification, session: Session) -> Decoding:
    """Decode a whole session offline, chunk by chunk, as the live loop does.

    Raises SessionError if its channels are not the model's.
    """
    if session.channel_ids != model.channel_ids:
        raise SessionError(
            f"session '{session.name}' ({session.area}) has channels "
            f"{_span(session.channel_ids)}, the bundle was trained on "
            f"{_span(model.channel_ids)}: evaluate it on a session of the same array and area"
        )
    binner = raster_binner(
        len(model.channel_ids), model.window.hop_ns, session.spikes.raster_period_ns
    )
    decoding = decode_chunks(model, binner, session.spikes.raster(0, session.end_ns))
    if not decoding.end_ns.size:
        raise SessionError(
            f"session '{session.name}' is shorter than the bundle's history of "
            f"{model.window.n_hops * model.window.hop_ns / 1e6:g} ms: there is nothing to decode"
        )
    return decoding


def decode_chunks(
    model: DecoderSpecification, binner: SpikeBinner[Any], chunks: Iterable[Chunk]
) -> Decoding:
    """Decode chunks of the binner's kind, as the live loop does."""
    decoder = Decoder(model, binner, now_ns=lambda: 0)
    ends = []
    latents = [np.zeros((0, len(model.readout.matrix)), dtype=np.float32)]
    velocities = [np.zeros((0, 2), dtype=np.float32)]
    for chunk in chunks:
        for decoded in decoder.push(chunk):
            if decoded.ready:
                ends.append(decoded.end_ns)
                latents.append(decoded.latent[None].copy())
                velocities.append(decoded.velocity[None].copy())
    return Decoding(
        np.array(ends, dtype=np.int64), np.concatenate(latents), np.concatenate(velocities)
    )


def compare(decoding: Decoding, session: Session, hop_ns: int) -> Comparison:
    """Put a decoding beside the session's kinematics, at the labelled hops that it covers."""
    labels = label_hops(session, hop_ns)
    labels = labels.where(np.isin(labels.end_ns, decoding.end_ns))
    rows = np.searchsorted(decoding.end_ns, labels.end_ns)
    return Comparison(
        labels, decoding.latent[rows], decoding.velocity_cm_s[rows].astype(np.float64), hop_ns
    )


def only_trials(comparison: Comparison, first: int, last: int) -> Comparison:
    """The hops of trials ``first`` to ``last − 1``."""
    chosen = (comparison.labels.trial >= first) & (comparison.labels.trial < last)
    if not chosen.any():
        raise SessionError(
            f"no kinematics in trials {first + 1} to {last}: there is nothing to score"
        )
    return Comparison(
        comparison.labels.where(chosen),
        comparison.latent[chosen],
        comparison.decoded_cm_s[chosen],
        comparison.hop_ns,
    )


def evaluate_bundle(bundle: Bundle, session: Session) -> dict[str, float | int | str | None]:
    """Scores of a bundle on a session: its held-out trials if it was trained on it, else all.

    The control holds the same decoding against the velocity of shuffled trials; None for one trial.
    """
    training = bundle.manifest.training
    own = training.session_sha256 == session.sha256
    first = training.n_train_trials if own else 0
    hop_ns = bundle.manifest.window.hop_ns
    comparison = only_trials(
        compare(decode_session(bundle.model, session), session, hop_ns), first, len(session.trials)
    )
    shuffled_velocity_r2 = None
    if len(np.unique(comparison.labels.trial)) > 1:
        labels = shuffle_trials(comparison.labels, np.random.default_rng(0))
        shuffled_velocity_r2 = replace(comparison, labels=labels).velocity_r2()
    return {
        "trials": "held out of training" if own else "all: not the session trained on",
        "n_trials": len(session.trials) - first,
        "velocity_r2": comparison.velocity_r2(),
        "position_r2": comparison.position_r2(),
        "shuffled_velocity_r2": shuffled_velocity_r2,
    }


def _span(channel_ids: tuple[str, ...]) -> str:
    return f"'{channel_ids[0]}' … '{channel_ids[-1]}' ({len(channel_ids)})"
