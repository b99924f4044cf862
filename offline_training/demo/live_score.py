"""Score a live decoding, and compare it with the offline one."""

from dataclasses import dataclass

import numpy as np

from offline_training.demo.listener import Heard
from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.core.clock import nearest_grid_line_ns, next_grid_line_ns, ns_array_from_s, ns_from_s
from rt_ner.core.contract.kinds import TIMING_LABELS
from rt_ner.data.session.session import Session
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.decoding import Decoding
from rt_ner.offline.scores import Comparison, compare

# Each stage, with the stamps where it begins and ends.
_STAGES = (
    ("arrival", "pushed by source", "arrived"),
    ("binning", "arrived", "bin_closed"),
    ("embedding", "bin_closed", "embedded"),
    ("readout", "embedded", "decoded"),
    ("pushing", "decoded", "pushed"),
    ("delivery", "pushed", "received"),
    ("step", "bin_closed", "decoded"),
    ("end_to_end", "pushed by source", "received"),
)


@dataclass(frozen=True, eq=False)
class LiveScore:
    """Scores and latencies of a live decoding.

    ``latency_us`` has p50, p99 and max of each stage in microseconds. ``n_dropped`` counts hops
    of the replayed part whose velocity never came, and samples that the decoder counted as late
    or missing.
    """

    comparison: Comparison
    n_bins: int
    n_dropped: int
    n_missed: int
    identical_to_offline: bool
    latency_us: dict[str, dict[str, float]]


def score_live(
    heard: Heard, offline: Decoding, session: Session, window: WindowShape, begin_ns: int
) -> LiveScore:
    """Score the decoding of a replay that began at session time ``begin_ns``.

    ``offline`` is the same bundle's decoding of the session from there on.
    """
    hop_ns = window.hop_ns
    zero_ns = nearest_grid_line_ns(ns_from_s(heard.session_zero_s), hop_ns)
    running = _is_running(heard)
    end_ns = nearest_grid_line_ns(ns_array_from_s(heard.output_s), hop_ns)[running] - zero_ns
    values = heard.values[running]
    first_ready_ns = begin_ns + window.history_ns
    expected = offline.end_ns >= next_grid_line_ns(first_ready_ns, hop_ns)
    timing = dict(zip(TIMING_LABELS, heard.timing.T, strict=True))
    n_lost = int(np.isin(offline.end_ns[expected], end_ns, invert=True).sum())
    latent = np.stack(
        [_at(heard.output_s, heard.latent_s, column) for column in heard.latent.T], axis=1
    )
    live = Decoding(end_ns, latent[running].astype(np.float32), values)
    return LiveScore(
        comparison=compare(live, session, hop_ns),
        n_bins=int(running.sum()),
        n_dropped=n_lost + int(timing["late"][-1] + timing["missing"][-1]),
        n_missed=int(timing["missed"][-1]),
        identical_to_offline=_same_bits(live, offline),
        latency_us=_latencies_us(heard, timing, running),
    )


def _is_running(heard: Heard) -> BoolArray:
    """Return where the decoder was RUNNING, by the state at each velocity's stamp."""
    state_s = np.array([stamp_s for stamp_s, _ in heard.states])
    newest = np.searchsorted(state_s, heard.output_s, side="right") - 1
    is_running = np.array([state == "RUNNING" for _, state in heard.states])
    running: BoolArray = (newest >= 0) & is_running[newest.clip(0)]
    return running


def _same_bits(live: Decoding, offline: Decoding) -> bool:
    """Return True if every live velocity equals the offline one, bit for bit."""
    rows = np.searchsorted(offline.end_ns, live.end_ns).clip(0, offline.end_ns.size - 1)
    return bool(live.end_ns.size) and bool(
        np.array_equal(offline.end_ns[rows], live.end_ns)
        and np.array_equal(offline.values[rows], live.values)
    )


def _latencies_us(
    heard: Heard, timing: dict[str, FloatArray], running: BoolArray
) -> dict[str, dict[str, float]]:
    """Return percentiles of every stage, over hops for which all stamps were received."""
    stamps_s = {name: _at(heard.output_s, heard.timing_s, timing[name]) for name in timing}
    stamps_s["received"] = heard.received_s
    stamps_s["pushed by source"] = _at(heard.output_s, heard.pushed_s, heard.pushed_at_s)
    latencies = {}
    for stage, begin, end in _STAGES:
        duration_us = (stamps_s[end] - stamps_s[begin])[running] * 1e6
        duration_us = duration_us[np.isfinite(duration_us)]
        p50, p99, largest = np.percentile(duration_us, [50, 99, 100])
        latencies[stage] = {"p50": float(p50), "p99": float(p99), "max": float(largest)}
    return latencies


def _at(wanted_s: FloatArray, stamp_s: FloatArray, values: FloatArray) -> FloatArray:
    """Return the values stamped within 1 µs of the wanted stamps; NaN if there are none."""
    right = np.searchsorted(stamp_s, wanted_s - 1e-6).clip(0, stamp_s.size - 1)
    return np.where(np.abs(stamp_s[right] - wanted_s) < 1e-6, values[right], np.nan)
