"""Trainer: one encoder learns from one labelled dataset.

A ensemble of encoders learns side by side, each from noisy input and without some of the trials;
their latents are brought to one space and averaged; and one encoder learns to give that average.
It decodes nearly as well as the whole ensemble, at the cost of one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from offline_training.ner.ensemble import Descent, Ensemble, disturbed
from offline_training.ner.network import EncoderNetwork, all_features
from offline_training.settings import TrainSettings
from rt_ner.core.errors import ConfigError
from rt_ner.offline.dataset import Dataset

# How often the trials left out are looked at, and how often in vain.
_CHECK_STEPS, _PATIENT_CHECKS = 20, 6
# How much of the time a step of teaching takes beside one of learning; only for the progress.
_TEACHING_SHARE = 0.3

# Told: the part done (0 to 1), and the newest velocity R² of the trials left out.
OnStep = Callable[[float, float | None], None]


@dataclass(frozen=True, eq=False)
class Learned:
    """An encoder, and how well members decoded the training trials that they had left out.

    ``validation_r2``: of velocity; None where there were too few trials to leave any out.
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
    """Learn an encoder with the NER loss and, beside it, a linear readout of velocity.

    ``step_ns``: over how long the velocity changes that pair anchors and partners. The same seed
    gives the same weights on one machine.
    """
    alone = settings.ensemble.members == 1
    learning_share = 1.0 if alone else 1.0 - _TEACHING_SHARE
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
        lambda part: on_step(learning_share + _TEACHING_SHARE * part, validation_r2),
    )
    return Learned(network, validation_r2)


def train_ensemble(
    dataset: Dataset,
    settings: TrainSettings,
    step_ns: int,
    device: torch.device,
    on_step: OnStep,
) -> tuple[Ensemble, float | None]:
    """Encoders whose latents stand in one space, and their R² on the trials they left out.

    They learn until those trials are decoded no better, and are put back to where they were best.
    """
    torch.manual_seed(settings.seed)
    ensemble = Ensemble(dataset, settings, step_ns, device)
    best_r2, best_step = ensemble.validation_r2(), 0
    best = _copied(ensemble.network.state_dict())
    for step in range(1, settings.steps + 1):
        ensemble.step()
        if step % _CHECK_STEPS == 0 or step == settings.steps:
            r2 = ensemble.validation_r2()
            if r2 is None or best_r2 is None or r2 > best_r2:
                best_r2, best_step, best = r2, step, _copied(ensemble.network.state_dict())
            if step - best_step >= _PATIENT_CHECKS * _CHECK_STEPS:
                break
        on_step(step / settings.steps, best_r2)
    ensemble.network.load_state_dict(best)
    ensemble.settle()
    return ensemble, best_r2


def distill(
    dataset: Dataset,
    settings: TrainSettings,
    device: torch.device,
    average: Callable[[torch.Tensor], torch.Tensor],
    on_step: Callable[[float], None],
) -> EncoderNetwork:
    """One encoder that gives a ensemble's average latents, also of disturbed input.

    ``average``: features ``(batch, bump, channel)`` of the dataset's channels to latents.
    """
    plan = settings.ensemble
    pupil = EncoderNetwork(dataset, settings).to(device)
    features = all_features(pupil, dataset)
    # It learns from teachers that have answers to any input: there is no need to hold it back.
    pupil.eval()
    descent = Descent([*pupil.parameters()], settings, plan.distillation_steps)
    for step in range(1, plan.distillation_steps + 1):
        rows = torch.randint(len(features), (plan.distillation_batch,)).to(device)
        seen = disturbed(features[rows], settings)
        descent.step(nn.functional.mse_loss(pupil(seen[None])[0], average(seen)))
        on_step(step / plan.distillation_steps)
    return pupil


def pick_device(name: str) -> torch.device:
    """The torch device of that name; ConfigError if there is none here.

    ``auto`` is the GPU where there is one, else the CPU.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"--device {name}: {reason}; use --device cpu") from error
    return device


def training_step(
    dataset: Dataset, settings: TrainSettings, step_ns: int, device: torch.device
) -> Callable[[], None]:
    """One whole step of learning a call: sampling, encoders, loss, gradients, optimiser."""
    torch.manual_seed(settings.seed)
    return Ensemble(dataset, settings, step_ns, device).step


def _copied(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in state.items()}
