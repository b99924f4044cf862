"""Score decoders with and without the running normalisation, with and without drift.

Both learn from the same training trials. Each decodes the session played over and over, bin by bin
with the live decoder's own code, and is scored on the held-out trials of the last round.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
import torch

from offline_training.bench.drift.channels import Rounds, random_drift, rounds_of
from offline_training.dataset.adequacy import check_adequacy
from offline_training.dataset.split import split_session
from offline_training.ner.ensemble import OnStep
from offline_training.settings import TrainSettings, learned_part, window_shape
from offline_training.training import fit_decoder
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.quantities.interval import Mean, mean_of
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.chunks import RasterChunk
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.decoding import Decoding, decode_chunks
from rt_ner.offline.scores import compare, only_trials
from rt_ner.terminal.progress import Progress

Use: TypeAlias = Literal["off", "on"]
_USES: tuple[Use, ...] = ("off", "on")
_N_DECODERS = 3
_SCORES = ("still_off_r2", "still_on_r2", "drifting_off_r2", "drifting_on_r2", "retrained_r2")
_NS_PER_HOUR = 3600 * NS_PER_S
# Part of the work that is learning; decoding is the rest. Only for the progress.
_LEARNING = 0.9


@dataclass(frozen=True)
class DriftPlan:
    """The sessions, the training, the number of seeds and the time that is played, in hours."""

    sessions: Sequence[Session]
    settings: TrainSettings
    device: torch.device
    n_seeds: int
    hours: float


@dataclass(frozen=True)
class DriftRow:
    """Held-out R² in the last round, of one session and seed, with the normalisation off and on.

    ``still`` is without drift, ``drifting`` with it. ``retrained_r2`` is that of a decoder that
    learned from the same trials, with the channels as they are at the end of the drift: lost and
    random spikes cost it something too.
    """

    session: str
    seed: int
    rounds: int
    still_off_r2: float
    still_on_r2: float
    drifting_off_r2: float
    drifting_on_r2: float
    retrained_r2: float


def measure_drift(
    plan: DriftPlan, progress: Progress, warn: Callable[[str], None]
) -> list[DriftRow]:
    """Return a row for each session and seed. Each seed trains anew, and drifts differently.

    ``warn`` receives what a session lacks; SessionError if it lacks too much.
    """
    rows = []
    for whole in plan.sessions:
        session = learned_part(whole, plan.settings.outputs, plan.settings.classes)
        for warning in check_adequacy(split_session(session, plan.settings), session.channel_ids):
            warn(f"{session.name}: {warning}")
        for seed in range(plan.settings.seed, plan.settings.seed + plan.n_seeds):
            stage = f"{session.name}, seed {seed}"
            rows.append(_measure(session, seed, plan, partial(progress, stage)))
    return rows


def _measure(session: Session, seed: int, plan: DriftPlan, on_step: OnStep) -> DriftRow:
    drift = random_drift(session, np.random.default_rng(seed))
    shape = window_shape(plan.settings.window, session)
    rounds = rounds_of(session, shape.hop_ns, round(plan.hours * _NS_PER_HOUR))
    trainer = _Trainer(plan, seed, on_step)
    scores = {}
    for use in _USES:
        model, n_train = trainer.decoder(session, use)
        for name, chunks in (
            ("still", rounds.chunks()),
            ("drifting", rounds.drifting(drift, seed)),
        ):
            scores[f"{name}_{use}_r2"] = _last_round_r2(model, rounds, chunks, n_train)
    at_the_end = rounds.at_the_end(drift, seed)
    model, n_train = trainer.decoder(at_the_end.session, "off")
    retrained_r2 = _last_round_r2(model, at_the_end, at_the_end.chunks(), n_train)
    on_step(1.0, retrained_r2)
    return DriftRow(session.name, seed, rounds.number, **scores, retrained_r2=retrained_r2)


class _Trainer:
    """Trains the decoders of a session and seed, and reports the progress."""

    def __init__(self, plan: DriftPlan, seed: int, on_step: OnStep) -> None:
        self._plan = plan
        self._seed = seed
        self._on_step = on_step
        self._n_trained = 0

    def decoder(self, session: Session, use: Use) -> tuple[DecoderSpecification, int]:
        """Return a decoder of the training trials, and their number."""
        settings = _with_normalisation(self._plan.settings, self._seed, use)
        split = split_session(session, settings)
        before = self._n_trained

        def learning(part: float, r2: float | None) -> None:
            self._on_step(_LEARNING * (before + part) / _N_DECODERS, r2)

        model, _ = fit_decoder(session, split, settings, self._plan.device, learning)
        self._n_trained += 1
        return model, split.n_train


def _with_normalisation(settings: TrainSettings, seed: int, use: Use) -> TrainSettings:
    normalisation = settings.normalisation.model_copy(update={"use": use})
    return settings.model_copy(update={"seed": seed, "normalisation": normalisation})


def _last_round_r2(
    model: DecoderSpecification, rounds: Rounds, chunks: Iterable[RasterChunk], n_train: int
) -> float:
    """Decode all rounds in order, and return R² on the held-out trials of the last one."""
    session, shape = rounds.session, model.window
    period_ns = session.spikes.raster_period_ns
    binner = raster_binner(len(model.channel_ids), shape.hop_ns, period_ns)
    decoding = decode_chunks(model, binner, chunks)
    last = decoding.end_ns > rounds.last_ns
    of_session = Decoding(
        decoding.end_ns[last] - rounds.last_ns, decoding.latent[last], decoding.values[last]
    )
    whole = compare(of_session, session, shape.hop_ns)
    return only_trials(whole, n_train, len(session.trials), shape.history_ns).r2()


def summary_of(rows: Sequence[DriftRow]) -> dict[str, Mean]:
    """Return the mean of each score, and of the gain that the normalisation brings."""
    scores = {name: np.array([getattr(row, name) for row in rows]) for name in _SCORES}
    for name in ("still", "drifting"):
        scores[f"{name}_gain"] = scores[f"{name}_on_r2"] - scores[f"{name}_off_r2"]
    return {name: mean_of(values) for name, values in scores.items()}
