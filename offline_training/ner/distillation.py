"""Train the encoder that is exported: the only member of an ensemble, or one that is distilled.

The latents of several members are brought to one space and averaged, and one network learns to give
that average. So does one that learns to withstand faults of the input.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from offline_training.ner.ensemble import OnStep, train_ensembles
from offline_training.ner.networks.descent import Descent, disturbed
from offline_training.ner.networks.encoder_network import EncoderNetwork
from offline_training.ner.networks.faults import with_faults
from offline_training.ner.networks.features import Features
from offline_training.ner.sharing.members import Ensemble, Kept
from offline_training.ner.sharing.share import Share
from offline_training.ner.sharing.side_by_side import drawn_per_session
from offline_training.settings import FaultSettings, TrainSettings
from rt_ner.decoding.readouts.readout import fit_readout
from rt_ner.offline.dataset import Dataset

# Part of the time that distillation takes after the ensemble has learned; only for the progress.
_DISTILLATION_SHARE = 0.3


@dataclass(frozen=True, eq=False)
class Learned:
    """A trained encoder, and the R² on training trials that members left out.

    ``validation_r2`` is None where there were too few trials to leave any out.
    """

    network: EncoderNetwork
    validation_r2: float | None


@dataclass(frozen=True, eq=False)
class Taught:
    """A session to learn from, and the average latents of its ensemble.

    ``average`` maps features ``(batch, bump, channel)`` of the session's channels to latents.
    Random numbers are drawn within ``drawn``, by default as torch goes on.
    """

    dataset: Dataset
    average: Callable[[torch.Tensor], torch.Tensor]
    drawn: Callable[[], AbstractContextManager[None]] = nullcontext


def train_encoder(
    dataset: Dataset,
    settings: TrainSettings,
    step_ns: int,
    device: torch.device,
    on_step: OnStep,
) -> Learned:
    """Train the encoder of one session, as `train_encoders` does those of several."""
    return train_encoders(Share.whole([dataset]), settings, step_ns, device, on_step)[0]


def train_encoders(
    share: Share,
    settings: TrainSettings,
    step_ns: int,
    device: torch.device,
    on_step: OnStep,
    kept: Kept | None = None,
) -> list[Learned]:
    """Train encoders with the NER loss and, in addition, a linear readout of the outputs.

    There is one encoder per session of this process's share. Their first layers, the heads, are
    their own, and the trunk is one, in all processes. With a ``kept`` trunk and readout, only heads
    are learned. ``step_ns`` is the time over which the changes of the outputs are taken that pair
    anchors and partners. The same seed gives the same weights on the same machine.
    """
    alone = settings.ensemble.members == 1 and settings.faults == FaultSettings() and kept is None
    learning_share = 1.0 if alone else 1.0 - _DISTILLATION_SHARE
    ensembles, validation_r2 = train_ensembles(
        share,
        settings,
        step_ns,
        device,
        lambda part, r2: on_step(learning_share * part, r2),
        kept,
    )
    if alone:
        return [Learned(each.network, validation_r2) for each in ensembles]
    networks = distill(
        [Taught(each.dataset, _average_for(each, kept), each.random.drawn) for each in ensembles],
        settings,
        device,
        lambda part: on_step(learning_share + _DISTILLATION_SHARE * part, validation_r2),
        kept,
        share,
    )
    return [Learned(network, validation_r2) for network in networks]


def _average_for(ensemble: Ensemble, kept: Kept | None) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the average latents of an ensemble, for the kept readout if there is one.

    Latents of a new session are nearer to zero than those that a kept readout was fitted to, and
    their average even more, so that it would decode too little movement. They are moved to where it
    decodes as a readout of their own would.
    """
    if kept is None:
        return ensemble.average
    latents = ensemble.average(ensemble.features)
    own = fit_readout(latents.cpu().numpy(), ensemble.dataset.labels.values)
    back = np.linalg.pinv(kept.readout.matrix)
    turn = np.eye(len(back.T)) + (own.matrix - kept.readout.matrix) @ back
    matrix = torch.tensor(turn).to(latents)
    offset = torch.tensor((own.bias - kept.readout.bias) @ back).to(latents)
    return lambda features: ensemble.average(features) @ matrix + offset


def distill(
    sessions: Sequence[Taught],
    settings: TrainSettings,
    device: torch.device,
    on_step: Callable[[float], None],
    kept: Kept | None = None,
    share: Share | None = None,
) -> list[EncoderNetwork]:
    """Train one encoder per session to give an ensemble's average latents, also of disturbed input.

    The encoders share their trunk. With faults of the input, they learn to give the latents that
    there would be without them. Without a ``share``, the sessions are all there are.
    """
    share = share or Share.whole([each.dataset for each in sessions])
    networks = [_network(each, settings).to(device) for each in sessions]
    for network in networks[1:]:
        network.share_trunk(networks[0])
    if kept is not None:
        networks[0].keep_trunk(kept.weights)
    shared = [each for layer in networks[0].trunk for each in layer.parameters()]
    share.agree(shared)
    lessons = [_Lesson(*pair, settings) for pair in zip(networks, sessions, strict=True)]
    steps = settings.ensemble.distillation_steps
    learned = [each for each in nn.ModuleList(networks).parameters() if each.requires_grad]
    descent = Descent(learned, settings, steps, partial(share.pooled, shared))
    n_each = drawn_per_session(settings.ensemble.distillation_batch, len(share.labels))
    for step in range(1, steps + 1):
        errors = torch.stack([lesson.error(n_each) for lesson in lessons])
        descent.step(share.fraction * errors.mean())
        on_step(step / steps)
    return networks


def _network(session: Taught, settings: TrainSettings) -> EncoderNetwork:
    """Return an untrained network for a session."""
    with session.drawn():
        return EncoderNetwork(session.dataset, settings)


class _Lesson:
    """Disturbed windows of a session, and an encoder's error on them."""

    def __init__(self, network: EncoderNetwork, session: Taught, settings: TrainSettings) -> None:
        # The ensemble has an answer to any input, so there is nothing to overfit: no dropout.
        self._network = network.eval()
        self._session = session
        self._features = Features(network, session.dataset)
        self._settings = settings

    def error(self, n_hops: int) -> torch.Tensor:
        """Return the mean squared error on so many hops, drawn at random."""
        with self._session.drawn():
            rows = torch.randint(len(self._features), (n_hops,)).numpy()
            seen = disturbed(self._features[rows], self._settings)
            faulty = with_faults(seen, self._features.silence, self._settings.faults)
        return nn.functional.mse_loss(self._network(faulty[None])[0], self._session.average(seen))
