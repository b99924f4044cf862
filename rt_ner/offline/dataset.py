"""Dataset: a session as labelled windows, made by the decoder's own bins and windows."""

from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import AnyArray, BoolArray
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.windows import Window, WindowShape
from rt_ner.offline.labels import Labels, label_hops


@dataclass(frozen=True, eq=False)
class Dataset:
    """Windows of counts ``(hop, bin, channel)`` with their labels.

    Counts are whole, but for a comparison with others' smoothed ones.
    """

    windows: AnyArray
    labels: Labels

    def where(self, chosen: BoolArray) -> "Dataset":
        """The chosen hops."""
        return Dataset(self.windows[chosen], self.labels.where(chosen))


def build_dataset(session: Session, shape: WindowShape) -> Dataset:
    """All labelled hops of a session that have a full history behind them.

    The history runs across the joins between trials, as it will live: a history that began with
    each trial, padded with zeros, would tell the time since the trial's start.
    """
    labels = label_hops(session, shape.hop_ns)
    n_channels = len(session.channel_ids)
    row_of_hop = np.full(session.end_ns // shape.hop_ns + 1, -1)
    row_of_hop[labels.end_ns // shape.hop_ns] = np.arange(len(labels))
    windows = np.zeros((len(labels), shape.history_bins, n_channels), dtype=np.uint16)
    has_history = np.zeros(len(labels), dtype=np.bool_)
    binner = raster_binner(n_channels, shape.hop_ns, session.spikes.raster_period_ns)
    window = Window(shape, n_channels)
    for chunk in session.spikes.raster(0, session.end_ns):
        for end_ns in binner.push(chunk):
            row = row_of_hop[end_ns // shape.hop_ns]
            if window.push(end_ns, binner.counts) and row >= 0:
                window.sum_up()
                windows[row] = window.values[0]
                has_history[row] = True
    if not has_history.any():
        raise SessionError(
            f"session '{session.name}' has no labelled moment with a history of "
            f"{shape.n_hops * shape.hop_ns / 1e6:g} ms: it is too short, or its kinematics lie "
            "outside its trials"
        )
    return Dataset(windows, labels).where(has_history)
