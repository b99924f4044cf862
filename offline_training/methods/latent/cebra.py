"""Embed by CEBRA-Behavior (Schneider, Lee & Mathis 2023), with its authors' package.

Sampler, layers, loss and solver are the package's own, with its default settings. Only the
receptive field is adapted: it is the whole window, which ends now.
"""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from offline_training.methods.decoders.learning import apply
from offline_training.methods.method import FitContext, Fitted, Method
from offline_training.methods.packages import optional_package
from offline_training.methods.preparation import Standardiser, fit_standardiser
from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.core.errors import ConfigError
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels

# The package's default is 10 000. Training trials that were left out were decoded best after 500
# (velocity R² 0.53, after 2000 0.43), so more would be unfair to it.
STEPS = 500
# The package's defaults, but for the batch: its documentation asks for 512 or more.
_BATCH, _LEARNING_RATE, _TEMPERATURE, _HIDDEN = 512, 3e-4, 1.0, 32


def cebra(dims: int, steps: int = STEPS) -> Method:
    """Return the method with ``dims`` latents, trained for some steps."""
    return Method(f"cebra-{dims}", dims, partial(_fit, dims=dims, steps=steps), needs="cebra")


def cebra_step(train: Dataset, batch: int, seed: int) -> Callable[[], None]:
    """Return a function for one training step of the package, with three latents, on the CPU."""
    context = FitContext(seed, torch.device("cpu"), step_ns=0, progress=lambda _: None)
    return _training(train, context, 3, batch)[1]


def _fit(train: Dataset, context: FitContext, dims: int, steps: int) -> Fitted:
    model, take_step = _training(train, context, dims, _BATCH)
    for step in range(1, steps + 1):
        take_step()
        context.progress(step / steps)
    standardise = fit_standardiser(train.windows)

    def embed(dataset: Dataset) -> FloatArray:
        return apply(model, _by_channel(standardise, dataset), context.device)

    return embed


def _training(
    train: Dataset, context: FitContext, dims: int, batch: int
) -> tuple[nn.Module, Callable[[], None]]:
    """Return the model, and a function for one training step: sampling, loss and gradients."""
    package = optional_package("cebra")
    torch.manual_seed(context.seed)
    model = _causal_model(package, train.windows.shape, dims).to(context.device)
    loader = _loader(package, train, context, batch)
    solver = package.solver.init(
        "single-session",
        model=model,
        criterion=package.models.criterions.FixedCosineInfoNCE(_TEMPERATURE),
        optimizer=torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE),
        tqdm_on=False,
    )

    def take_step() -> None:
        solver.step(loader.dataset.load_batch(loader.get_indices(batch)))

    return model, take_step


def _causal_model(package: ModuleType, shape: tuple[int, ...], dims: int) -> nn.Module:
    """Return the package's "offset10-model" for windows of a shape ``(hop, bin, channel)``.

    The original narrows ten samples around the present down to one: a convolution, three residual
    ones and a last one. A longer window takes more residual ones, each of which narrows it by two.
    Windows come flat, channel by channel, ``(batch, channel · bin, 1)``, as the package's datasets
    of single samples give them, so that none reaches across a join between trials.
    """
    _, n_bins, n_channels = shape
    if n_bins < 4:
        raise ConfigError(f"cebra: history_bins = {n_bins}: its convolutions need 4 or more")
    first_kernel = 2 + n_bins % 2
    residual = [
        package.models.layers._Skip(nn.Conv1d(_HIDDEN, _HIDDEN, 3), nn.GELU())
        for _ in range((n_bins - first_kernel - 2) // 2)
    ]
    return nn.Sequential(
        nn.Flatten(),
        nn.Unflatten(1, (n_channels, n_bins)),
        nn.Conv1d(n_channels, _HIDDEN, first_kernel),
        nn.GELU(),
        *residual,
        nn.Conv1d(_HIDDEN, dims, 3),
        package.models.layers._Norm(),
        package.models.layers.Squeeze(),
    )


def _loader(package: ModuleType, train: Dataset, context: FitContext, batch: int) -> Any:
    """Return the package's sampler of references, positives (by time delta) and negatives."""
    device = context.device.type
    dataset = package.data.datasets.TensorDataset(
        _by_channel(fit_standardiser(train.windows), train),
        continuous=train.labels.values,
        device=device,
    )
    loader = package.data.ContinuousDataLoader(
        dataset=dataset,
        num_steps=1,
        batch_size=batch,
        time_offset=_rows_apart(train.labels, context.step_ns),
    )
    # The package seeds its generators from the clock, whatever seed is set.
    loader.distribution.generator.manual_seed(context.seed)
    loader.distribution.prior.generator.manual_seed(context.seed + 1)
    return loader


def _by_channel(standardise: Standardiser, dataset: Dataset) -> Float32Array:
    """Return features ``(hop, channel · bin)``, as the package's convolutions take them."""
    standardised = standardise(dataset.windows)
    return standardised.transpose(0, 2, 1).reshape(len(standardised), -1)


def _rows_apart(labels: Labels, step_ns: int) -> int:
    """Return the number of hops in a step, at least one."""
    return max(1, step_ns // int(np.diff(labels.end_ns).min()))


CEBRA_3 = cebra(3)
CEBRA_16 = cebra(16)
