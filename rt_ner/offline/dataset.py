"""Cut a session into labelled windows, counted by the decoder's own binner."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rt_ner.core.arrays import AnyArray, BoolArray, Int64Array
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.encoding.normalisation import Pace
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.labels import Labels, label_hops
from rt_ner.offline.normalisation.followed import HopScales, follow


@dataclass(frozen=True, eq=False)
class Dataset:
    """Windows of counts ``(hop, bin, channel)`` with their labels.

    Counts are integers, except where a comparison smooths them. Windows overlap in memory and are
    read-only where that is possible: copy them to change them. ``scales`` are those of a running
    normalisation; None without one.
    """

    windows: AnyArray
    labels: Labels
    scales: HopScales | None = None

    def where(self, chosen: BoolArray) -> "Dataset":
        """Return the chosen hops, without copying their windows if they are evenly spaced."""
        scales = self.scales.where(chosen) if self.scales else None
        return Dataset(
            _rows(self.windows, np.flatnonzero(chosen)), self.labels.where(chosen), scales
        )


@dataclass(frozen=True)
class Following:
    """A running normalisation to follow: its pace, and the end (ns) of what an encoder may know."""

    pace: Pace
    known_ns: int


def build_dataset(
    session: Session, shape: WindowShape, following: Following | None = None
) -> Dataset:
    """Return all labelled hops of a session that have a full history behind them.

    The history runs on across the joins between trials, as it does live. If it began with each
    trial, padded with zeros, it would tell the time since the trial's start. ``following``: the
    running normalisation to follow; None without one.
    """
    labels = label_hops(session, shape.hop_ns)
    counts, is_counted = hop_counts(session, shape.hop_ns)
    first_hop = labels.end_ns // shape.hop_ns - shape.n_hops
    has_history = _all_counted(is_counted, first_hop, shape.n_hops)
    if not has_history.any():
        raise SessionError(
            f"session '{session.name}' has no labelled moment with a history of "
            f"{shape.history_ns / 1e6:g} ms: it is too short, or its behaviour lies "
            "outside its trials; check it with rt-ner inspect"
        )
    windows = windows_of(counts, shape.history_bins, shape.hops_per_bin)
    rows = first_hop[has_history]
    scales = None
    if following is not None:
        every = np.arange(len(windows))
        is_ready = _all_counted(is_counted, every, shape.n_hops)
        n_known = int(np.searchsorted(every + shape.n_hops, following.known_ns // shape.hop_ns))
        scales = follow(windows[:, -1], is_ready, following.pace, n_known).where(rows)
    return Dataset(_rows(windows, rows), labels.where(has_history), scales)


def windows_of(counts: AnyArray, n_bins: int, hops_per_bin: int = 1) -> AnyArray:
    """Return all windows ``(hop, bin, channel)`` of counts ``(hop, channel)``.

    A window of h hops begins with each hop but the last h − 1. Windows share their memory with
    each other and can't be written to.
    """
    last = len(counts) - hops_per_bin + 1
    bins = counts
    if hops_per_bin > 1:
        bins = counts[:last].copy()
        for later in range(1, hops_per_bin):
            bins += counts[later : last + later]
    span = (n_bins - 1) * hops_per_bin + 1
    windows: AnyArray = sliding_window_view(bins, span, axis=0)[..., ::hops_per_bin]
    return windows.transpose(0, 2, 1)


def hop_counts(session: Session, hop_ns: int) -> tuple[AnyArray, BoolArray]:
    """Return the counts ``(hop, channel)`` of a session, and a mask of the hops counted."""
    n_hops, n_channels = session.end_ns // hop_ns, len(session.channel_ids)
    # Sums of spike-band power need more than 16 bits.
    kind = np.int32 if session.voltage.is_power else np.uint16
    counts: AnyArray = np.zeros((n_hops, n_channels), dtype=kind)
    is_counted = np.zeros(n_hops, dtype=np.bool_)
    binner = raster_binner(n_channels, hop_ns, session.spikes.raster_period_ns)
    for chunk in session.spikes.raster(0, session.end_ns):
        for end_ns in binner.push(chunk):
            hop = end_ns // hop_ns - 1
            counts[hop] = binner.counts
            is_counted[hop] = True
    return counts, is_counted


def _all_counted(is_counted: BoolArray, first_hop: Int64Array, n_hops: int) -> BoolArray:
    """Return, for each window by its first hop, True if all of its hops were counted."""
    n_before = np.concatenate([[0], np.cumsum(is_counted)])
    # A window that begins before the session holds fewer hops.
    n_counted = n_before[first_hop + n_hops] - n_before[first_hop.clip(0)]
    return np.asarray(n_counted == n_hops)


def _rows(windows: AnyArray, rows: Int64Array) -> AnyArray:
    """Return some windows: a view if their rows are evenly spaced, else a copy."""
    steps = np.unique(np.diff(rows))
    if rows.size == 1 or (steps.size == 1 and steps[0] > 0):
        step = int(steps[0]) if steps.size else 1
        return windows[rows[0] : rows[-1] + 1 : step]
    return windows[rows]
