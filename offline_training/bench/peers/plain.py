"""Decode with plain pylsl, NumPy and eager torch, sample by sample, as pylsl's examples do."""

from threading import Event

import numpy as np
import pylsl

from offline_training.bench.peers.job import VELOCITY_TYPE, Hops, Job

_WAIT_S = 60.0


def run_plain(source_id: str, name: str, n_channels: int, hop_ns: int, stop: Event) -> None:
    """Decode until ``stop`` is set."""
    (info,) = pylsl.resolve_byprop("source_id", source_id, 1, _WAIT_S)
    inlet = pylsl.StreamInlet(info)
    outlet = pylsl.StreamOutlet(
        pylsl.StreamInfo(name, VELOCITY_TYPE, 2, 1e9 / hop_ns, pylsl.cf_float32, name)
    )
    job, hops = Job(n_channels), Hops(n_channels, hop_ns)
    while not stop.is_set():
        sample, stamp_s = inlet.pull_sample(timeout=0.1)
        if sample is None:
            continue
        counts = hops.take(np.array(sample), stamp_s)
        if counts is not None:
            outlet.push_sample(job.take(counts).tolist(), stamp_s)
