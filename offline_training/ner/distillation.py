"""Train the encoder that is exported: an ensemble first, then one network that gives its average.

The ensemble's members learn side by side, each from noisy input and without some of the
trials. Their latents are brought to one space and averaged, and one network learns to give that
average. It decodes nearly as well as the whole ensemble, at the cost of one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from offline_training.ner.ensemble import OnStep, train_ensemble
from offline_training.ner.networks.descent import Descent, disturbed
from offline_training.ner.networks.encoder_network import EncoderNetwork
from offline_training.ner.networks.faults import with_faults
from offline_training.ner.networks.features import Features
from offline_training.settings import TrainSettings
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


def train_encoder(
    dataset: Dataset,
    settings: TrainSettings,
    step_ns: int,
    device: torch.device,
    on_step: OnStep,
) -> Learned:
    """Train an encoder with the NER loss and, in addition, a linear readout of the outputs.

    ``step_ns`` is the time over which the changes of the outputs are taken that pair anchors and
    partners. The same seed gives the same weights on the same machine.
    """
    alone = settings.ensemble.members == 1
    learning_share = 1.0 if alone else 1.0 - _DISTILLATION_SHARE
    ensemble, validation_r2 = train_ensemble(
        dataset, settings, step_ns, device, lambda part, r2: on_step(learning_share * part, r2)
    )
    if alone:
        return Learned(ensemble.network, validation_r2)
    network = distill(
        dataset,
        settings,
        device,
        ensemble.average,
        lambda part: on_step(learning_share + _DISTILLATION_SHARE * part, validation_r2),
    )
    return Learned(network, validation_r2)


def distill(
    dataset: Dataset,
    settings: TrainSettings,
    device: torch.device,
    average: Callable[[torch.Tensor], torch.Tensor],
    on_step: Callable[[float], None],
) -> EncoderNetwork:
    """Train one encoder to give an ensemble's average latents, also of disturbed input.

    With faults of the input, it learns to give the latents that there would be without them.

    ``average`` maps features ``(batch, bump, channel)`` of the dataset's channels to latents.
    """
    plan = settings.ensemble
    network = EncoderNetwork(dataset, settings).to(device)
    features = Features(network, dataset)
    # The ensemble has an answer to any input, so there is nothing to overfit: no dropout.
    network.eval()
    descent = Descent([*network.parameters()], settings, plan.distillation_steps)
    for step in range(1, plan.distillation_steps + 1):
        rows = torch.randint(len(features), (plan.distillation_batch,)).numpy()
        seen = disturbed(features[rows], settings)
        faulty = with_faults(seen, features.silence, settings.faults)
        descent.step(nn.functional.mse_loss(network(faulty[None])[0], average(seen)))
        on_step(step / plan.distillation_steps)
    return network
