"""Pipeline: from a calibration with the subject's own hand to a recalibrated decoder, and back.

The cursor is to follow what the subject means, and the hand lags what it means: decoders are
trained on the hand as it will be a little later.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from offline_training.closed_loop.block import HAND, IDEAL, BlockPlan, run_block
from offline_training.closed_loop.intention import refit_labels
from offline_training.closed_loop.kalman_reference import counts_encoder, fit_kalman
from offline_training.closed_loop.recording import HOP_NS, Block
from offline_training.evaluate import compare, decode_session, only_trials
from offline_training.settings import TrainSettings, WindowSettings
from offline_training.split import Split, split_session
from offline_training.training import Trained, prove, save_trained, train_bundle
from rt_ner.arrays import BoolArray, Float32Array, FloatArray
from rt_ner.bundle import run_windows
from rt_ner.clock import NS_PER_MS, ns_from_ms
from rt_ner.decoder import DecoderModel
from rt_ner.readout import Readout, fit_readout
from rt_ner.session import Session

# Told: what is going on, and the part of it that is done.
Progress = Callable[[str, float], None]

_KALMAN = TrainSettings(window=WindowSettings(hop_ms=50.0, bin_ms=50.0, history_bins=1))


@dataclass(frozen=True)
class LoopPlan:
    """What is run, and where everything is kept.

    ``subject``: options of `rt-ner subject` for every block; ``lead_ms``: how much later
    the hand is that decoders are trained on.
    """

    folder: Path
    calibration_trials: int
    trials: int
    lead_ms: float
    seed: int
    subject: tuple[str, ...]
    settings: TrainSettings
    device: torch.device


@dataclass(frozen=True)
class Recalibration:
    """What ReFIT brought.

    ``…_r2``: of intended velocity on the first block's last trials, from which nothing was fitted;
    it does not tell who is better in the loop. ``…_bps``: throughput in the loop, a block each.
    """

    in_use_r2: float
    refitted_r2: float
    in_use_bps: float
    refitted_bps: float

    @property
    def is_kept(self) -> bool:
        """Whether the refitted decoder was better in the loop."""
        return self.refitted_bps > self.in_use_bps


@dataclass(frozen=True, eq=False)
class LoopResult:
    """Scores of each block in order: NER's, and its references'; and what ReFIT brought each."""

    blocks: list[dict[str, object]]
    references: dict[str, list[dict[str, object]]]
    recalibrations: dict[str, Recalibration]

    def summary(self) -> dict[str, object]:
        """Everything as one JSON object."""
        recalibrations = {
            name: vars(found) | {"is_kept": found.is_kept}
            for name, found in self.recalibrations.items()
        }
        return {
            "blocks": self.blocks,
            "references": self.references,
            "recalibrations": recalibrations,
        }


def run_closed_loop(plan: LoopPlan, progress: Progress) -> LoopResult:
    """Calibrate, train, decode, recalibrate; the same for a Kalman filter; and the ideal."""
    lab = _Lab(plan, progress)
    calibration_scores, calibration = lab.block("calibration", plan.calibration_trials, HAND)
    session = _session(calibration, *_hand_ahead(calibration, plan.lead_ms))
    ner = train_bundle(
        session, plan.settings, plan.device, lambda what, part, _: progress(what, part)
    )
    blocks, refit = lab.decode_and_refit("NER", ner, _readout_refit)
    kalman = _kalman(_session(calibration, calibration.hand_cm_s, _everywhere(calibration)))
    kalman_blocks, kalman_refit = lab.decode_and_refit(
        "Kalman", kalman, lambda refit_session, _: _kalman(refit_session)
    )
    ideal, _ = lab.block("ideal", plan.trials, IDEAL)
    return LoopResult(
        blocks=[{"name": "calibration", **calibration_scores}, *blocks],
        references={"ideal": [{"name": "ideal", **ideal}], "kalman": kalman_blocks},
        recalibrations={"ner": refit, "kalman": kalman_refit},
    )


class _Lab:
    """Runs blocks with the plan's subject, and writes bundles."""

    def __init__(self, plan: LoopPlan, progress: Progress) -> None:
        self._plan = plan
        self._progress = progress

    def block(self, name: str, trials: int, mover: Path | str) -> tuple[dict[str, float], Block]:
        """Run a block; its scores and its recording."""
        plan = self._plan
        delay = ("--expected-delay-ms", "0") if mover == IDEAL else ()
        subject = (*plan.subject, "--seed", str(plan.seed), *delay)
        block_plan = BlockPlan(name, trials, mover, subject)
        folder = plan.folder / name.replace(" ", "-").lower()
        return run_block(block_plan, folder, lambda part: self._progress(name, part))

    def decode_and_refit(
        self, name: str, first: Trained, refit: Callable[[Session, DecoderModel], Trained]
    ) -> tuple[list[dict[str, object]], Recalibration]:
        """A block with a first decoder, and one with the decoder that ReFIT makes of it."""
        scores, block = self.block(f"{name} first", self._plan.trials, self._saved(first, name))
        labelled = _session(block, *refit_labels(block))
        refitted = refit(labelled, first.bundle.model)
        bundle = self._saved(refitted, f"{name} refit")
        after, _ = self.block(f"{name} after ReFIT", self._plan.trials, bundle)
        found = Recalibration(
            in_use_r2=_held_out_r2(first.bundle.model, labelled),
            refitted_r2=refitted.bundle.manifest.scores.velocity_r2,
            in_use_bps=scores["throughput_bps"],
            refitted_bps=after["throughput_bps"],
        )
        return [
            {"name": f"{name} first", **scores},
            {"name": f"{name} after ReFIT", **after},
        ], found

    def _saved(self, trained: Trained, name: str) -> Path:
        folder = self._plan.folder / f"bundle-{name.replace(' ', '-').lower()}"
        save_trained(trained, folder, overwrite=True)
        return folder


def _session(block: Block, velocity_cm_s: FloatArray, known: BoolArray) -> Session:
    return block.session("closed-loop", velocity_cm_s, known)


def _everywhere(block: Block) -> BoolArray:
    return np.ones(len(block.counts), dtype=np.bool_)


def _hand_ahead(block: Block, lead_ms: float) -> tuple[FloatArray, BoolArray]:
    """The hand's velocity so much later, and where it is known."""
    hops = ns_from_ms(lead_ms) // HOP_NS
    known = _everywhere(block)
    known[len(known) - hops :] = False
    return np.roll(block.hand_cm_s, -hops, axis=0), known


def _readout_refit(session: Session, model: DecoderModel) -> Trained:
    """The same encoder with a readout that is fitted to the session."""
    settings = TrainSettings(
        window=WindowSettings(
            hop_ms=model.window.hop_ns / NS_PER_MS,
            bin_ms=model.window.bin_ns / NS_PER_MS,
            history_bins=model.window.history_bins,
        )
    )

    def fit(split: Split, _what: str) -> tuple[DecoderModel, None]:
        latents, in_use_cm_s = run_windows(model, split.train.windows.astype(np.float32))
        intended_cm_s = split.train.labels.velocity_cm_s
        moving = intended_cm_s.any(axis=1)
        readout = as_fast(fit_readout(latents, intended_cm_s), latents[moving], in_use_cm_s[moving])
        return replace(model, readout=readout), None

    return prove(session, split_session(session, settings), settings, fit)


def as_fast(readout: Readout, latents: Float32Array, in_use_cm_s: Float32Array) -> Readout:
    """The readout, scaled so that its mean squared speed is that in use ``(hop, 2)``.

    Least squares shrinks what it can't predict, and so makes the cursor slower with each refit: in
    the loop that costs more than better directions bring.
    """
    refitted_cm_s = latents @ readout.matrix + readout.bias
    scale = float(np.sqrt(np.square(in_use_cm_s).sum() / np.square(refitted_cm_s).sum()))
    return Readout(scale * readout.matrix, scale * readout.bias, readout.unit)


def _kalman(session: Session) -> Trained:
    """The Kalman reference, fitted to the session."""

    def fit(split: Split, _: str) -> tuple[DecoderModel, None]:
        shape = split.shape
        readout = fit_kalman(split.train, shape.hop_ns)
        encoder = counts_encoder(shape.history_bins, len(session.channel_ids))
        return DecoderModel(session.channel_ids, shape, encoder, readout), None

    return prove(session, split_session(session, _KALMAN), _KALMAN, fit)


def _held_out_r2(model: DecoderModel, session: Session) -> float:
    """R² of velocity on a session's last trials."""
    first = session.trials.n_train(TrainSettings().held_out)
    whole = compare(decode_session(model, session), session, model.window.hop_ns)
    return only_trials(whole, first, len(session.trials)).velocity_r2()
