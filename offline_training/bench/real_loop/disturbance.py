"""Disturbance: how well intention is decoded on a real closed loop, and won back when signals move.

A decoder learns from the first baseline trials. From a later one on, signals are disturbed; it is
recalibrated from the next trials, with its encoder as it was and not, and scored on the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.linear_model import Ridge

from offline_training.bench.real_loop.stabilized import Recording
from offline_training.closed_loop.encoder import aligned_network
from offline_training.ner.distillation import distill
from offline_training.ner.networks.encoder_network import embed
from offline_training.settings import TrainSettings, WindowSettings, window_shape
from offline_training.transfer.alignment.source_day import SourceDay, learn_source_day
from rt_ner.core.arrays import AnyArray, Float32Array, FloatArray, Int64Array
from rt_ner.decoding.readout import Readout, fit_readout
from rt_ner.offline.dataset import Dataset, build_dataset
from rt_ner.offline.held_out.split import Split
from rt_ner.offline.labels import shuffle_trials
from rt_ner.offline.scores import Comparison
from rt_ner.recalibration.intention import mean_angle_deg

_N_TRAIN, _N_RECALIBRATE = 250, 60
_HISTORY_BINS = 4
_RIDGE_BINS, _RIDGE_ALPHA = 5, 1000.0

# Told: what is going on, and the part of it that is done.
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Disturbed:
    """Mean angles to the intended velocity after one disturbance, in degrees.

    ``undisturbed_deg``: of the same trials as they were. ``as_it_was_deg``: with the old decoder;
    the others: recalibrated, from the disturbed trials alone but for the old encoder.
    """

    undisturbed_deg: float
    as_it_was_deg: float
    readout_deg: float
    encoder_deg: float

    def recovered(self, deg: float) -> float:
        """How much of the loss is won back, 1 for all of it."""
        return (self.as_it_was_deg - deg) / (self.as_it_was_deg - self.undisturbed_deg)


def measure_disturbances(
    recording: Recording, n_disturbances: int, seed: int, device: torch.device, progress: Progress
) -> dict[str, object]:
    """Angles on later baseline and stabilised trials, and after disturbances; all as JSON."""
    lab = _Lab(recording, seed, device, progress)
    baseline = recording.trials("baselineEvaluation")
    later, stabilized = baseline[_N_TRAIN:], recording.trials("stabilizationEvaluation")
    angles = {
        name: {"baseline_deg": decode(later), "stabilization_deg": decode(stabilized)}
        for name, decode in {
            "ner": lab.ner_deg,
            "ridge": lab.ridge_deg,
            "constant_direction": lab.constant_deg,
            "shuffled_control": lab.control_deg,
        }.items()
    }
    found = [
        lab.disturb(later, seed + number, number / n_disturbances)
        for number in range(n_disturbances)
    ]
    mean = {
        part: float(np.mean([one.recovered(getattr(one, f"{part}_deg")) for one in found]))
        for part in ("readout", "encoder")
    }
    return {
        "trained_on_trials": _N_TRAIN,
        "recalibrated_from_trials": _N_RECALIBRATE,
        "angles": angles,
        "disturbances": [vars(one) for one in found],
        "recovered": mean,
    }


class _Lab:
    """One recording, and the decoder that learned from its first baseline trials."""

    def __init__(
        self, recording: Recording, seed: int, device: torch.device, progress: Progress
    ) -> None:
        self._recording = recording
        self._device = device
        self._progress = progress
        self._settings = TrainSettings(seed=seed, window=WindowSettings(history_bins=_HISTORY_BINS))
        self._train = recording.trials("baselineEvaluation")[:_N_TRAIN]
        self._first, self._latents_of = self._learned(_windows(recording, self._train), "learning")
        latents = self._latents_of(self._first.dataset)
        self._readout = fit_readout(latents, self._first.dataset.labels.velocity_cm_s)
        self._chance: Callable[[Dataset], FloatArray] | None = None

    def ner_deg(self, trials: Int64Array) -> float:
        """Of the decoder as it was learned."""
        return self._angle(self._recording, trials, self._readout)

    def ridge_deg(self, trials: Int64Array) -> float:
        """Of a ridge regression on five bins of counts, learned from the same trials."""
        counts = self._recording.counts.astype(np.float64)
        inputs = np.concatenate([np.roll(counts, k, axis=0) for k in range(_RIDGE_BINS)], axis=1)
        intended = self._recording.intended_cm_s
        learned = self._recording.bins(self._train)
        ridge = Ridge(alpha=_RIDGE_ALPHA).fit(inputs[learned], intended[learned])
        dataset = _windows(self._recording, trials)
        rows = dataset.labels.end_ns // self._recording.bin_ns - 1
        return _angle(dataset, ridge.predict(inputs[rows]))

    def constant_deg(self, trials: Int64Array) -> float:
        """Of the training trials' mean direction, whatever the spikes."""
        dataset = _windows(self._recording, trials)
        mean = self._first.dataset.labels.velocity_cm_s.mean(axis=0)
        return _angle(dataset, np.tile(mean, (len(dataset.labels), 1)))

    def control_deg(self, trials: Int64Array) -> float:
        """Of the same decoder, learned from other trials' intentions."""
        if self._chance is None:
            train = _windows(self._recording, self._train)
            rng = np.random.default_rng(self._settings.seed)
            mixed = replace(train, labels=shuffle_trials(train.labels, rng))
            _, latents_of = self._learned(mixed, "control")
            readout = fit_readout(latents_of(mixed), mixed.labels.velocity_cm_s)
            self._chance = lambda dataset: latents_of(dataset) @ readout.matrix + readout.bias
        dataset = _windows(self._recording, trials)
        return _angle(dataset, self._chance(dataset))

    def disturb(self, later: Int64Array, seed: int, done: float) -> Disturbed:
        """Disturb from the first of the later trials on, and recalibrate."""
        disturbed = self._recording.disturbed(int(later[0]), seed)
        next_trials, rest = later[:_N_RECALIBRATE], later[_N_RECALIBRATE:]
        second, scored = _windows(disturbed, next_trials), _windows(disturbed, rest)
        refitted = fit_readout(self._latents_of(second), second.labels.velocity_cm_s)
        shape = window_shape(self._settings.window, disturbed.session(rest))
        network = aligned_network(
            self._first,
            Split(second, scored, len(next_trials), shape),
            lambda part: self._progress("disturbances", done + part * (1 - done)),
        )
        fixed = self._first.readout
        carried_cm_s = embed(network, scored) @ fixed.matrix + fixed.bias
        return Disturbed(
            undisturbed_deg=self._angle(self._recording, rest, self._readout),
            as_it_was_deg=self._angle(disturbed, rest, self._readout),
            readout_deg=self._angle(disturbed, rest, refitted),
            encoder_deg=_angle(scored, carried_cm_s),
        )

    def _learned(
        self, dataset: Dataset, what: str
    ) -> tuple[SourceDay, Callable[[Dataset], Float32Array]]:
        """A ensemble, and the latents of the one encoder that it teaches."""
        first = learn_source_day(
            dataset,
            self._settings,
            self._recording.bin_ns,
            self._device,
            lambda part, _: self._progress(what, 0.7 * part),
        )
        network = distill(
            dataset,
            self._settings,
            self._device,
            first.ensemble.average,
            lambda part: self._progress(what, 0.7 + 0.3 * part),
        )
        return first, lambda windows: embed(network, windows)

    def _angle(self, recording: Recording, trials: Int64Array, readout: Readout) -> float:
        dataset = _windows(recording, trials)
        return _angle(dataset, self._latents_of(dataset) @ readout.matrix + readout.bias)


def _windows(recording: Recording, trials: Int64Array) -> Dataset:
    session = recording.session(trials)
    return build_dataset(session, window_shape(WindowSettings(history_bins=_HISTORY_BINS), session))


def _angle(dataset: Dataset, decoded_cm_s: AnyArray) -> float:
    empty = np.zeros((len(dataset.labels), 0), dtype=np.float32)
    return mean_angle_deg(Comparison(dataset.labels, empty, np.asarray(decoded_cm_s), 1))
