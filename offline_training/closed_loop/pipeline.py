"""Run complete closed-loop sessions: calibration, training, use, recalibration, and references.

The cursor should follow the intention, and the hand lags the intention. So NER is trained on the
hand as it is a little later. (The Kalman reference is trained on the hand at the same time.)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from offline_training.closed_loop.block_run import BlockPlan, run_block
from offline_training.closed_loop.in_process.simulation import Reference
from offline_training.closed_loop.references.kalman import refit_kalman, train_kalman
from offline_training.settings import TrainSettings
from offline_training.training import save_trained, train_bundle
from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.core.clock import NS_PER_S, ns_from_ms
from rt_ner.data.session.session import Session
from rt_ner.offline.held_out.proof import Trained
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.choices import LabelMethod, Part
from rt_ner.recalibration.intention.labels import hand_ahead
from rt_ner.recalibration.learning import recalibrated
from rt_ner.recalibration.readouts.refit import Recalibrated
from rt_ner.recalibration.use import reaching_in, use_of

# Makes a new decoder from a block in which an earlier one was used.
Refit = Callable[[ClosedLoopBlock, Trained], Recalibrated]
# Called with the stage, and the part of it that is done (0 to 1).
Progress = Callable[[str, float], None]

# On another day: longest use per round to recalibrate from, and number of rounds.
_USE_NS, _ROUNDS = 240 * NS_PER_S, 2


@dataclass(frozen=True)
class LoopPlan:
    """Plan of a closed-loop session; ``folder`` keeps everything.

    ``subject`` holds options of `rt-ner subject` for every block. NER is trained on the hand
    ``lead_ms`` later. ``with_another_day`` adds blocks with other neurons: one before any
    recalibration, and one after each round. A round adds at most four minutes of use, and learns
    from the use of all rounds so far.
    """

    folder: Path
    calibration_trials: int
    trials: int
    lead_ms: float
    seed: int
    subject: tuple[str, ...]
    settings: TrainSettings
    device: torch.device
    speed: float = 1.0
    with_another_day: bool = False
    with_view: bool = False


@dataclass(frozen=True)
class Recalibration:
    """A decoder before and after recalibration.

    ``…_deg`` is the mean angle to the intended velocity on reaches to which nothing was fitted; it
    does not always tell which is better in the loop. ``…_bps`` is the throughput in one block each.
    """

    in_use_deg: float
    refitted_deg: float
    in_use_bps: float
    refitted_bps: float

    @property
    def is_kept(self) -> bool:
        """True if the refitted decoder was better in the loop."""
        return self.refitted_bps > self.in_use_bps


@dataclass(frozen=True, eq=False)
class LoopResult:
    """Scores of NER's blocks and of the references, in order; and of each recalibration.

    ``another_day`` holds NER's blocks on another day, before and after each recalibration.
    """

    speed: float
    blocks: list[dict[str, object]]
    references: dict[str, list[dict[str, object]]]
    recalibrations: dict[str, Recalibration]
    another_day: list[dict[str, object]]

    def summary(self) -> dict[str, object]:
        """Return everything as one JSON object."""
        recalibrations = {
            name: vars(found) | {"is_kept": found.is_kept}
            for name, found in self.recalibrations.items()
        }
        return {
            "speed": self.speed,
            "blocks": self.blocks,
            "references": self.references,
            "recalibrations": recalibrations,
            "another_day": self.another_day,
        }


def run_closed_loop(plan: LoopPlan, progress: Progress, tell: Callable[[str], None]) -> LoopResult:
    """Calibrate, train, use and recalibrate NER; a Kalman filter too, by ReFIT; run the ideal.

    ``tell`` is called if ReFIT must find the intention for NER too, and why.
    """
    lab = _Lab(plan, progress, tell)
    n_calibration = plan.calibration_trials
    calibration_scores, calibration = lab.block("calibration", n_calibration, Reference.HAND)
    lead_ns = ns_from_ms(plan.lead_ms)
    session = _session(calibration, *hand_ahead(calibration, lead_ns))
    ner = train_bundle(
        session, plan.settings, plan.device, lambda stage, part, _=None: progress(stage, part)
    )
    ner = replace(ner, bundle=ner.bundle.with_reaching(reaching_in(calibration)))
    blocks, refit = lab.decode_and_refit(
        "NER", ner, lambda block, first: lab.recalibrated((block,), first)
    )
    another_day = lab.another_day(ner) if plan.with_another_day else []
    kalman = train_kalman(_session(calibration, calibration.hand_cm_s, _everywhere(calibration)))
    kalman_blocks, kalman_refit = lab.decode_and_refit("Kalman", kalman, refit_kalman)
    ideal, _ = lab.block("ideal", plan.trials, Reference.IDEAL)
    return LoopResult(
        speed=plan.speed,
        blocks=[{"name": "calibration", **calibration_scores}, *blocks],
        references={"ideal": [{"name": "ideal", **ideal}], "kalman": kalman_blocks},
        recalibrations={"ner": refit, "kalman": kalman_refit},
        another_day=another_day,
    )


class _Lab:
    """Runs blocks with the plan's subject, and writes bundles."""

    def __init__(self, plan: LoopPlan, progress: Progress, tell: Callable[[str], None]) -> None:
        self._plan = plan
        self._progress = progress
        self._tell = tell

    def block(
        self, name: str, trials: int, mover: Path | Reference, *subject: str
    ) -> tuple[dict[str, float], ClosedLoopBlock]:
        """Run a block, and return its scores and its recording."""
        plan = self._plan
        options = (*plan.subject, "--seed", str(plan.seed), *subject)
        block_plan = BlockPlan(name, trials, mover, options, plan.speed, plan.with_view)
        folder = plan.folder / _file_name(name)
        return run_block(block_plan, folder, lambda part: self._progress(name, part))

    def decode_and_refit(
        self, name: str, first: Trained, refit: Refit
    ) -> tuple[list[dict[str, object]], Recalibration]:
        """Run a block with a first decoder, and one with the decoder that recalibration makes."""
        names = f"{name} first", f"{name} recalibrated"
        scores, block = self.block(names[0], self._plan.trials, self._saved(first, names[0]))
        found = refit(block, first)
        bundle = self._saved(found.trained, names[1])
        after, _ = self.block(names[1], self._plan.trials, bundle)
        recalibration = Recalibration(
            in_use_deg=found.in_use_deg,
            refitted_deg=found.refitted_deg,
            in_use_bps=scores["throughput_bps"],
            refitted_bps=after["throughput_bps"],
        )
        return [{"name": names[0], **scores}, {"name": names[1], **after}], recalibration

    def another_day(self, trained: Trained) -> list[dict[str, object]]:
        """Run a block with other neurons, and one after each recalibration from all use so far."""
        day, trials = ("--day", "1"), self._plan.trials
        name, in_use, rows = "NER another day", trained, list[dict[str, object]]()
        scores, heard = self.block(name, trials, self._saved(in_use, name), *day)
        rows.append({"name": name, **scores})
        use: tuple[ClosedLoopBlock, ...] = ()
        for number in range(1, _ROUNDS + 1):
            use = (*use, heard.until(_USE_NS))
            found = self.recalibrated(use, in_use)
            in_use, name = found.trained, f"NER another day recalibrated {number}"
            scores, heard = self.block(name, trials, self._saved(in_use, name), *day)
            angles = {"in_use_deg": found.in_use_deg, "recalibrated_deg": found.refitted_deg}
            rows.append({"name": name, **scores, **angles})
        return rows

    def recalibrated(self, blocks: tuple[ClosedLoopBlock, ...], in_use: Trained) -> Recalibrated:
        """Train the encoder further; the bundle tells how the subject reaches."""
        say, bundle = partial(self._progress, "recalibration"), in_use.bundle
        use = use_of(blocks, LabelMethod.REACH_MODEL, bundle.manifest.reaching, self._tell)
        return recalibrated(use, bundle, Part.ENCODER, say)

    def _saved(self, trained: Trained, name: str) -> Path:
        folder = self._plan.folder / f"bundle-{_file_name(name)}"
        save_trained(trained, folder, overwrite=True)
        return folder


def _file_name(name: str) -> str:
    return name.replace(" ", "-").lower()


def _session(block: ClosedLoopBlock, velocity_cm_s: FloatArray, known: BoolArray) -> Session:
    return block.session("closed-loop", velocity_cm_s, known)


def _everywhere(block: ClosedLoopBlock) -> BoolArray:
    return np.ones(len(block.counts), dtype=np.bool_)
