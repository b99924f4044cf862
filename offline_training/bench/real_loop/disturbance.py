"""Decode intention from a real closed loop, and recover it after the signals change.

A decoder learns from the first baseline trials. From a later trial on, the signals are disturbed;
the decoder is recalibrated on the next trials, with its encoder kept or learned again, and scored
on the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.linear_model import Ridge

from offline_training.bench.real_loop.stabilized import disturb, labelled_session, trials_of
from offline_training.closed_loop.encoder import USUAL_STEPS
from offline_training.closed_loop.refinement import refined
from offline_training.ner.distillation import train_encoder
from offline_training.ner.networks.encoder_network import EncoderNetwork, embed
from offline_training.settings import TrainSettings, WindowSettings, window_shape
from rt_ner.core.arrays import AnyArray, Float32Array, FloatArray, Int64Array
from rt_ner.decoding.readouts.readout import Readout, fit_readout
from rt_ner.offline.dataset import Dataset, build_dataset
from rt_ner.offline.labels import shuffle_trials
from rt_ner.offline.scores import Comparison
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.intention.labels import mean_angle_deg, refit_labels

N_TRAIN = 250
_N_RECALIBRATE = 60
_WINDOW = WindowSettings(history_bins=4)
_RIDGE_BINS, _RIDGE_ALPHA = 5, 1000.0

# Receives the stage, and the part of it that is done (0 to 1).
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Disturbed:
    """Mean angles to the intended velocity after one disturbance, in degrees.

    ``undisturbed_deg`` is that of the same trials without the disturbance, ``as_it_was_deg`` that
    of the old decoder. The others are recalibrated on disturbed trials, with the encoder kept
    (``readout_deg``) or learned again (``encoder_deg``).
    """

    undisturbed_deg: float
    as_it_was_deg: float
    readout_deg: float
    encoder_deg: float

    def recovered(self, deg: float) -> float:
        """Return the part of the loss that is recovered, 1 for all of it."""
        return (self.as_it_was_deg - deg) / (self.as_it_was_deg - self.undisturbed_deg)


def measure_disturbances(
    recording: tuple[ClosedLoopBlock, AnyArray],
    n_disturbances: int,
    seed: int,
    device: torch.device,
    progress: Progress,
) -> dict[str, object]:
    """Return angles on baseline and stabilised trials, and after disturbances, as JSON values."""
    block, kinds = recording
    baseline = trials_of(kinds, "baselineEvaluation")
    lab = _Lab(block, baseline[:N_TRAIN], seed, device, progress)
    later, stabilized = baseline[N_TRAIN:], trials_of(kinds, "stabilizationEvaluation")
    decoders = {
        "ner": lab.ner_deg,
        "ridge": lab.ridge_deg,
        "constant_direction": lab.constant_deg,
        "shuffled_control": lab.control_deg,
    }
    angles = {
        name: {"baseline_deg": decode(later), "stabilization_deg": decode(stabilized)}
        for name, decode in decoders.items()
    }
    found = [
        lab.disturb(later, seed + number, number / n_disturbances)
        for number in range(n_disturbances)
    ]
    return {
        "trained_on_trials": N_TRAIN,
        "recalibrated_from_trials": _N_RECALIBRATE,
        "angles": angles,
        "disturbances": [vars(one) for one in found],
        "recovered": {part: _mean_recovered(found, part) for part in ("readout", "encoder")},
    }


def angles_of(
    block: ClosedLoopBlock, trials: Int64Array, seed: int, device: torch.device, progress: Progress
) -> dict[str, float]:
    """Return the angles of NER and ridge on the later trials of a block; they learn from others."""
    lab = _Lab(block, trials[:N_TRAIN], seed, device, progress)
    later = trials[N_TRAIN:]
    return {"ner": lab.ner_deg(later), "ridge": lab.ridge_deg(later)}


def _mean_recovered(found: list[Disturbed], part: str) -> float:
    return float(np.mean([one.recovered(getattr(one, f"{part}_deg")) for one in found]))


class _Lab:
    """A recording, and the decoder that learned from some of its trials."""

    def __init__(
        self,
        block: ClosedLoopBlock,
        trials: Int64Array,
        seed: int,
        device: torch.device,
        progress: Progress,
    ) -> None:
        self._block = block
        self._trials = trials
        self._settings = TrainSettings(seed=seed, window=_WINDOW)
        self._device = device
        self._progress = progress
        self._train = _windows(block, trials)
        self._network = self._learned(self._train, "learning")
        self._readout = fit_readout(self._latents_of(self._train), self._train.labels.values)
        self._control: Callable[[Dataset], FloatArray] | None = None

    def ner_deg(self, trials: Int64Array) -> float:
        """Score the decoder as it was learned."""
        return self._angle(self._block, trials, self._readout)

    def ridge_deg(self, trials: Int64Array) -> float:
        """Score a ridge regression on five bins of counts, fitted to the same trials."""
        counts = self._block.counts.astype(np.float64)
        inputs = np.concatenate([np.roll(counts, k, axis=0) for k in range(_RIDGE_BINS)], axis=1)
        intended_cm_s, _ = refit_labels(self._block)
        learned = np.isin(self._block.reach, self._trials)
        ridge = Ridge(alpha=_RIDGE_ALPHA).fit(inputs[learned], intended_cm_s[learned])
        dataset = _windows(self._block, trials)
        rows = dataset.labels.end_ns // self._block.hop_ns - 1
        return _angle(dataset, ridge.predict(inputs[rows]))

    def constant_deg(self, trials: Int64Array) -> float:
        """Score the mean direction of the training trials, whatever the spikes."""
        dataset = _windows(self._block, trials)
        mean = self._train.labels.values.mean(axis=0)
        return _angle(dataset, np.tile(mean, (len(dataset.labels), 1)))

    def control_deg(self, trials: Int64Array) -> float:
        """Score the same decoder, learned from other trials' intentions."""
        if self._control is None:
            self._control = self._learned_control()
        dataset = _windows(self._block, trials)
        return _angle(dataset, self._control(dataset))

    def disturb(self, later: Int64Array, seed: int, done: float) -> Disturbed:
        """Disturb the signals from the first of the later trials on, and recalibrate."""
        disturbed = disturb(self._block, int(later[0]), seed)
        next_trials, rest = later[:_N_RECALIBRATE], later[_N_RECALIBRATE:]
        target, scored = _windows(disturbed, next_trials), _windows(disturbed, rest)
        refitted = fit_readout(self._latents_of(target), target.labels.values)
        kept = self._readout
        network = refined(
            self._network,
            target,
            kept,
            self._settings,
            USUAL_STEPS,
            lambda part: self._progress("disturbances", done + part * (1 - done)),
        )
        return Disturbed(
            undisturbed_deg=self._angle(self._block, rest, self._readout),
            as_it_was_deg=self._angle(disturbed, rest, self._readout),
            readout_deg=self._angle(disturbed, rest, refitted),
            encoder_deg=_angle(scored, kept.mapped(embed(network, scored))),
        )

    def _learned_control(self) -> Callable[[Dataset], FloatArray]:
        """Learn from shuffled trials, and return the decoding of windows as velocity in cm/s."""
        train = _windows(self._block, self._trials)
        rng = np.random.default_rng(self._settings.seed)
        shuffled = replace(train, labels=shuffle_trials(train.labels, rng))
        network = self._learned(shuffled, "control")
        readout = fit_readout(embed(network, shuffled), shuffled.labels.values)
        return lambda dataset: readout.mapped(embed(network, dataset))

    def _learned(self, dataset: Dataset, stage: str) -> EncoderNetwork:
        """Train an encoder."""
        step_ns, show = self._block.hop_ns, self._progress
        learned = train_encoder(
            dataset, self._settings, step_ns, self._device, lambda part, _: show(stage, part)
        )
        return learned.network

    def _latents_of(self, dataset: Dataset) -> Float32Array:
        return embed(self._network, dataset)

    def _angle(self, block: ClosedLoopBlock, trials: Int64Array, readout: Readout) -> float:
        dataset = _windows(block, trials)
        return _angle(dataset, readout.mapped(self._latents_of(dataset)))


def _windows(block: ClosedLoopBlock, trials: Int64Array) -> Dataset:
    session = labelled_session(block, trials)
    return build_dataset(session, window_shape(_WINDOW, session))


def _angle(dataset: Dataset, decoded_cm_s: AnyArray) -> float:
    empty = np.zeros((len(dataset.labels), 0), dtype=np.float32)
    return mean_angle_deg(Comparison(dataset.labels, empty, np.asarray(decoded_cm_s), 1))
