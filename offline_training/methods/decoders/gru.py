"""Decode outputs by a GRU, a recurrent network over the window's bins."""

from functools import partial

import torch
from torch import nn

from offline_training.dataset.outputs import output_scale
from offline_training.methods.decoders.learning import Plan, apply, learn
from offline_training.methods.method import FitContext, Fitted, Method
from offline_training.methods.preparation import fit_standardiser
from rt_ner.core.arrays import FloatArray
from rt_ner.offline.dataset import Dataset

PLAN = Plan(steps=800, batch=256, learning_rate=2e-3, weight_decay=1e-2)
_HIDDEN = 128
_CHANNEL_DROPOUT, _HIDDEN_DROPOUT = 0.2, 0.4


class OutputGRU(nn.Module):
    """A network from standardised windows ``(batch, bin, channel)`` to outputs ``(batch, output)``.

    The outputs have unit variance. In training whole channels fall silent at random, as they do for
    the NER encoder.
    """

    def __init__(self, n_channels: int, n_outputs: int) -> None:
        super().__init__()
        self.gru = nn.GRU(n_channels, _HIDDEN, batch_first=True)
        self.dropout = nn.Dropout(_HIDDEN_DROPOUT)
        self.readout = nn.Linear(_HIDDEN, n_outputs)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Run over the bins from oldest to newest, and read outputs from the last state."""
        if self.training:
            heard = torch.ones_like(windows[:, :1])
            windows = windows * nn.functional.dropout(heard, _CHANNEL_DROPOUT)
        _, last = self.gru(windows)
        outputs: torch.Tensor = self.readout(self.dropout(last[0]))
        return outputs


def gru(plan: Plan = PLAN) -> Method:
    """Return the method, trained to a plan."""
    return Method("gru", 2, partial(_fit, plan=plan), direct=True)


def _fit(train: Dataset, context: FitContext, plan: Plan) -> Fitted:
    torch.manual_seed(context.seed)
    standardise = fit_standardiser(train.windows)
    scale = output_scale(train.labels)
    network = OutputGRU(train.windows.shape[2], train.labels.values.shape[1]).to(context.device)
    windows = torch.from_numpy(standardise(train.windows)).to(context.device)
    wanted = torch.from_numpy(scale.to_standard(train.labels.values)).to(windows)

    def loss(rows: torch.Tensor) -> torch.Tensor:
        return nn.functional.mse_loss(network(windows[rows]), wanted[rows])

    learn(network, loss, len(windows), plan, context)

    def decode(dataset: Dataset) -> FloatArray:
        return scale.to_values(apply(network, standardise(dataset.windows), context.device))

    return decode


GRU = gru()
