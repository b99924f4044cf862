"""Learn from the known days, and stitch another day's units to their ensemble.

The readout of the known days is kept. Electrodes that keep their names are one unit on all days.
Otherwise the newest known day gives the units, and every other day has a read-in: a linear map of
its units, which starts as their match and is trained together with the ensemble.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from offline_training.ner.ensemble import OnStep, train_ensemble
from offline_training.ner.networks.encoder_network import EncoderNetwork
from offline_training.ner.networks.features import Features
from offline_training.ner.sharing.members import Ensemble
from offline_training.settings import TrainSettings
from offline_training.transfer.alignment.joint_learning import DayToLearn, Goal, ReadIn, learn_days
from offline_training.transfer.matching.matching import Matching
from rt_ner.core.arrays import BoolArray, Int64Array
from rt_ner.decoding.readouts.readout import Readout, fit_readout
from rt_ner.offline.dataset import Dataset

# Anchors per step and member of the known days, and of the day to decode.
N_ANCHORS = 64
# With so many labelled trials, half of a day's anchors are drawn from them.
_TRIALS_OF_HALF = 4


@dataclass(frozen=True, eq=False)
class SourceDay:
    """The known day whose units the encoder takes, its ensemble, and the readout that is kept.

    ``others``: further known days, behind read-ins of their own.
    """

    dataset: Dataset
    ensemble: Ensemble
    readout: Readout
    step_ns: int
    others: tuple[DayToLearn, ...] = ()

    @property
    def settings(self) -> TrainSettings:
        """Training settings."""
        return self.ensemble.settings

    @property
    def goal(self) -> Goal:
        """The goal of further learning: that the kept readout decodes all days."""
        variance = float(self.dataset.labels.values.var())
        return Goal(self.readout, variance, self.settings, self.step_ns)

    def own(self, n_anchors: int) -> DayToLearn:
        """Return the day itself, to be learned with others."""
        return DayToLearn(self.dataset.labels, self.ensemble.features, None, n_anchors)

    def known_days(self) -> list[DayToLearn]:
        """Return all known days, which share the anchors."""
        n_each = max(2, N_ANCHORS // (1 + len(self.others)))
        others = [replace(each, n_anchors=n_each) for each in self.others]
        return [self.own(N_ANCHORS - n_each * len(others)), *others]


def learn_source_day(
    dataset: Dataset,
    settings: TrainSettings,
    step_ns: int,
    device: torch.device,
    on_step: OnStep,
) -> SourceDay:
    """Train an ensemble and its readout on a day's training windows, whose bins are ``step_ns``."""
    ensemble, _ = train_ensemble(dataset, settings, step_ns, device, on_step)
    latents = ensemble.average(ensemble.features).cpu().numpy()
    readout = fit_readout(latents, dataset.labels.values, dataset.labels.outputs)
    return SourceDay(dataset, ensemble, readout, step_ns)


def with_other_days(
    source: SourceDay, others: Sequence[tuple[Dataset, Matching]], on_step: OnStep
) -> SourceDay:
    """Return the source day with further known days, from which its ensemble has learned too."""
    if not others:
        return source
    days = []
    for dataset, matching in others:
        read_in = read_in_of(source, matching, dataset.windows.shape[2])
        days.append(DayToLearn(dataset.labels, day_features(source, dataset), read_in, N_ANCHORS))
    learn_days(
        source.ensemble.network,
        [source.own(N_ANCHORS), *days],
        source.goal,
        source.settings.seed,
        on_step,
    )
    for day in days:
        assert day.read_in is not None
        day.read_in.requires_grad_(False)
    return replace(source, others=tuple(days))


def read_in_of(source: SourceDay, matching: Matching, n_units: int) -> ReadIn:
    """Return the read-in that a match of units begins with."""
    match = torch.zeros(n_units, source.dataset.windows.shape[2])
    match[matching.pairs[:, 1], matching.pairs[:, 0]] = 1.0
    read_in = ReadIn(match, source.settings.ensemble.members)
    return read_in.to(source.ensemble.features.device)


def day_features(source: SourceDay, dataset: Dataset, known: Dataset | None = None) -> Features:
    """Return features of another day, standardised by its ``known`` windows; None: by all."""
    own = EncoderNetwork(known or dataset, source.settings).to(source.ensemble.features.device)
    return Features(own, dataset)


class Stitched(nn.Module):
    """The source day's ensemble behind the read-in of another day's units."""

    def __init__(self, source: SourceDay, matching: Matching, n_target: int) -> None:
        super().__init__()
        self.network: EncoderNetwork = copy.deepcopy(source.ensemble.network)
        self.read_in = read_in_of(source, matching, n_target)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Encode ``(member, batch, bump, target unit)`` as ``(member, batch, latent)``."""
        latents: torch.Tensor = self.network(self.read_in(features))
        return latents

    def average(self, features: torch.Tensor) -> torch.Tensor:
        """Return the members' mean latents ``(batch, latent)``, without dropout or noise."""
        self.eval()
        members = len(self.read_in.matrix)
        with torch.no_grad():
            mean: torch.Tensor = self(features.expand(members, *features.shape)).mean(0)
        return mean


@dataclass(frozen=True, eq=False)
class LabelledDay:
    """Windows of a day with labels; ``is_true`` ``(hop,)`` is False for pseudo-labels."""

    windows: Dataset
    is_true: BoolArray

    def shares(self) -> list[tuple[Int64Array, int]]:
        """Return rows with the number of anchors to draw among them: more, the more are true."""
        labels = self.windows.labels
        true, guessed = np.flatnonzero(self.is_true), np.flatnonzero(~self.is_true)
        if not true.size or not guessed.size:
            return [(np.arange(len(labels)), N_ANCHORS)]
        n_trials = np.unique(labels.trial[true]).size
        share = n_trials / (n_trials + _TRIALS_OF_HALF)
        n_true = min(max(2, round(N_ANCHORS * share)), N_ANCHORS - 2)
        return [(true, n_true), (guessed, N_ANCHORS - n_true)]


def learn_target_day(
    stitched: Stitched, source: SourceDay, target: LabelledDay, seed: int, on_step: OnStep
) -> None:
    """Train the read-in, and the ensemble at a lower rate, on windows of all days."""
    features = day_features(source, target.windows)
    days = [
        DayToLearn(target.windows.labels, features, stitched.read_in, n_anchors, rows)
        for rows, n_anchors in target.shares()
    ]
    learn_days(stitched.network, [*source.known_days(), *days], source.goal, seed, on_step)
