"""Embed by NER: our encoder, and the method as published, without our additions."""

from functools import partial

from offline_training.methods.method import FitContext, Fitted, Method
from offline_training.ner.distillation import train_encoder
from offline_training.ner.networks.encoder_network import embed
from offline_training.settings import LossSettings, TrainSettings
from rt_ner.core.arrays import FloatArray
from rt_ner.offline.dataset import Dataset

# The ranking loss alone.
_ALONE = TrainSettings(loss=LossSettings(readout_weight=0.0, auxiliary_weight=0.0))
# As published: unit norm, the authors' label distance, no noise in the input. The rest of their
# training is not known to us: this dropout comes closest to their figures.
_PAPER = TrainSettings(
    unit_norm=True,
    hidden_dropout=(0.1, 0.1),
    channel_dropout=0.0,
    input_noise=0.0,
    loss=LossSettings(
        readout_weight=0.0, auxiliary_weight=0.0, velocity_scale=10.0, direction_scale=1.0
    ),
)
# 2: a single encoder that learns from all trials.
_VERSION = 2


def ner(name: str, settings: TrainSettings) -> Method:
    """Return NER with these settings, but with the seed of the context."""
    fit = partial(_fit, settings=settings)
    return Method(name, settings.latent_dim, fit, settings=settings, version=_VERSION)


def _fit(train: Dataset, context: FitContext, settings: TrainSettings) -> Fitted:
    seeded = settings.model_copy(update={"seed": context.seed})

    def on_step(part: float, _: float | None) -> None:
        context.progress(part)

    learned = train_encoder(train, seeded, context.step_ns, context.device, on_step)

    def latents(dataset: Dataset) -> FloatArray:
        return embed(learned.network, dataset).astype(float)

    return latents


NER = ner("ner", TrainSettings())
NER_FREE = ner("ner-free", _ALONE)
NER_UNIT = ner("ner-unit", _ALONE.model_copy(update={"unit_norm": True}))
NER_PAPER = ner("ner-paper", _PAPER)
