"""Decode a whole session with the decoder's own code, as the live loop runs it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.manifest import TrainingEntry
from rt_ner.bundle.verification import probabilities_of
from rt_ner.core.arrays import Float32Array, Int64Array
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, names_of
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.chunks import Chunk
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.classes.class_scores import class_scores, with_true_classes
from rt_ner.offline.labels import shuffle_trials
from rt_ner.offline.scores import SessionScores, compare, only_trials

TrialsToScore: TypeAlias = Literal["held_out", "train", "all"]


@dataclass(frozen=True, eq=False, repr=False)
class Decoding:
    """A decoder's results ``(hop, …)``, from the first hop with a full history on."""

    end_ns: Int64Array
    latent: Float32Array
    values: Float32Array
    probabilities: Float32Array | None = field(default=None, kw_only=True)
    classes: tuple[str, ...] = field(default=(), kw_only=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.end_ns):,} hops>"


@dataclass(frozen=True, eq=False, repr=False)
class DecodedSession(Decoding):
    """A session as a bundle decodes it.

    Attributes
    ----------
    end_ns : ndarray of int64, shape (n_hops,)
        End of each hop in ns since the session's start.
    latent : ndarray of float32, shape (n_hops, n_latents)
        Latent of each hop.
    values : ndarray of float32, shape (n_hops, n_outputs)
        Outputs of each hop: velocity along x and y in cm/s, unless the bundle says otherwise.
    hop_ns : int
        Time between two hops, in ns.
    training : TrainingEntry
        The training of the bundle, which tells held-out trials from training trials.
    outputs : tuple of Output, length n_outputs
        Name, unit and kind of each output.
    history_ns : int
        Length of the decoder's history, in ns.
    probabilities : ndarray of float32, shape (n_hops, n_classes), or None
        Probability of each class; zero where nothing could be decoded. None without a classifier.
    classes : tuple of str, length n_classes
        Name of each class.
    classified : str
        The quantity whose classes these are, such as ``"direction"``.

    """

    hop_ns: int
    training: TrainingEntry
    outputs: tuple[Output, ...]
    history_ns: int
    classified: str = ""

    def __repr__(self) -> str:
        seconds = len(self.end_ns) * self.hop_ns / 1e9
        return (
            f"<DecodedSession: {len(self.end_ns):,} hops, {seconds:.0f} s, "
            f"{self.latent.shape[1]} latents>"
        )

    @property
    def velocity_cm_s(self) -> Float32Array:
        """The outputs, if they are a velocity along x and y in cm/s; ConfigError if not."""
        if self.outputs != VELOCITY_XY:
            names = ", ".join(names_of(self.outputs))
            raise ConfigError(
                f"this bundle decodes {names}, no velocity along x and y: read values"
            )
        return self.values

    def score(self, session: Session, trials: TrialsToScore = "held_out") -> SessionScores:
        """Score the decoded velocity against the session's kinematics.

        Parameters
        ----------
        session : Session
            The session that was decoded.
        trials : {"held_out", "train", "all"}
            The trials to score. Of a session that the bundle was not trained on, all trials are
            held out.

        Returns
        -------
        SessionScores
            Scores, with a control that scores the same decoding against shuffled trials.

        Raises
        ------
        SessionError
            If the session has no behaviour in these trials, or lacks an output.
        ConfigError
            If ``trials`` is another word.

        """
        own = session.only(names_of(self.outputs))
        first, last = self._range(own, trials)
        whole = with_true_classes(compare(self, own, self.hop_ns), session, self.classified)
        comparison = only_trials(whole, first, last, self.history_ns)
        shuffled_r2 = None
        if len(np.unique(comparison.labels.trial)) > 1:
            labels = shuffle_trials(comparison.labels, np.random.default_rng(0))
            shuffled_r2 = replace(comparison, labels=labels).r2()
        return SessionScores(
            r2=comparison.r2(),
            path_r2=comparison.path_r2(),
            shuffled_r2=shuffled_r2,
            n_trials=last - first,
            classes=class_scores(comparison),
        )

    def n_train_trials(self, session: Session) -> int | None:
        """Return the number of trials of a session, or of a part, that were trained on; or None."""
        own = session.only(names_of(self.outputs))
        if own.sha256 == self.training.session_sha256:
            return self.training.n_train_trials
        first = 0
        for part in self.training.parts:
            if (part.spikes_sha256, part.n_trials) == (own.spikes_sha256, len(own.trials)):
                return min(max(self.training.n_train_trials - first, 0), part.n_trials)
            first += part.n_trials
        return None

    def _range(self, session: Session, trials: TrialsToScore) -> tuple[int, int]:
        """Return the first trial to score, and the one after the last."""
        n_trials = len(session.trials)
        n_train = self.n_train_trials(session) or 0
        ranges = {"held_out": (n_train, n_trials), "train": (0, n_train), "all": (0, n_trials)}
        if trials not in ranges:
            raise ConfigError(f"trials = {trials!r}: expected 'held_out', 'train' or 'all'")
        if trials == "train" and not n_train:
            raise SessionError(
                f"trials = 'train': the bundle was trained on session '{self.training.session}', "
                f"not on '{session.name}': score 'all' trials"
            )
        if trials == "held_out" and n_train == n_trials:
            raise SessionError(
                f"the bundle was trained on all trials of '{session.name}', so that none is held "
                "out: name all recordings that it was trained on, in that order, or another session"
            )
        return ranges[trials]


def decode(bundle: Bundle, session: Session) -> DecodedSession:
    """Decode a session offline, exactly as the live decoder would.

    Parameters
    ----------
    bundle : Bundle
        The trained decoder.
    session : Session
        A session with the channels that the bundle was trained on.

    Returns
    -------
    DecodedSession
        Latents and outputs, from the first hop with a full history on.

    Raises
    ------
    SessionError
        If the session has other channels, or is shorter than the decoder's history.

    """
    decoding = decode_session(bundle.model, session)
    manifest = bundle.manifest
    return DecodedSession(
        **vars(decoding),
        hop_ns=manifest.window.hop_ns,
        training=manifest.training,
        outputs=manifest.decoded_outputs,
        history_ns=manifest.window.history_ns,
        classified=manifest.classifier.of if manifest.classifier else "",
    )


def decode_session(model: DecoderSpecification, session: Session, begin_ns: int = 0) -> Decoding:
    """Decode a session from ``begin_ns`` on; SessionError unless its channels are the model's."""
    if session.voltage != model.voltage:
        raise SessionError(
            f"session '{session.name}' holds {session.voltage}, the bundle was trained on "
            f"{model.voltage}: load the session with these values"
        )
    if session.channel_ids != model.channel_ids:
        raise SessionError(
            f"session '{session.name}' ({session.area}) has channels "
            f"{_span(session.channel_ids)}, the bundle was trained on "
            f"{_span(model.channel_ids)}: decode a session of the same array and area"
        )
    binner = raster_binner(
        len(model.channel_ids), model.window.hop_ns, session.spikes.raster_period_ns
    )
    decoding = decode_chunks(model, binner, session.spikes.raster(begin_ns, session.end_ns))
    if not decoding.end_ns.size:
        raise SessionError(
            f"session '{session.name}' is shorter than the bundle's history of "
            f"{model.window.history_ns / 1e6:g} ms: decode a longer one"
        )
    return decoding


def decode_chunks(
    model: DecoderSpecification, binner: SpikeBinner[Any], chunks: Iterable[Chunk]
) -> Decoding:
    """Decode chunks of the binner's kind, as the live loop does."""
    decoder = Decoder(model, binner, now_ns=lambda: 0)
    ends = []
    latents = [np.zeros((0, len(model.readout.matrix)), dtype=np.float32)]
    values = [np.zeros((0, len(model.readout.outputs)), dtype=np.float32)]
    for chunk in chunks:
        for decoded in decoder.push(chunk):
            if decoded.ready:
                ends.append(decoded.end_ns)
                latents.append(decoded.latent[None].copy())
                values.append(decoded.values[None].copy())
                decoder.adapt()
    latent = np.concatenate(latents)
    return Decoding(
        np.array(ends, dtype=np.int64),
        latent,
        np.concatenate(values),
        probabilities=probabilities_of(model, latent),
        classes=model.classes,
    )


def _span(channel_ids: tuple[str, ...]) -> str:
    return f"'{channel_ids[0]}' … '{channel_ids[-1]}' ({len(channel_ids)})"
