"""Decode with MNE-LSL: a stream with a callback that acquires every millisecond."""

from threading import Event
from typing import Any

import pylsl
from mne_lsl.stream import StreamLSL

from offline_training.bench.peers.job import VELOCITY_TYPE, Hops, Job
from rt_ner.core.arrays import AnyArray

_ACQUIRE_S = 0.001


def run_mne(source_id: str, name: str, n_channels: int, hop_ns: int, stop: Event) -> None:
    """Decode until ``stop`` is set."""
    outlet = pylsl.StreamOutlet(
        pylsl.StreamInfo(name, VELOCITY_TYPE, 2, 1e9 / hop_ns, pylsl.cf_float32, name)
    )
    job, hops = Job(n_channels), Hops(n_channels, hop_ns)

    def decode(data: AnyArray, stamps_s: AnyArray, _info: Any) -> tuple[AnyArray, AnyArray]:
        for sample, stamp_s in zip(data, stamps_s, strict=True):
            counts = hops.take(sample, stamp_s)
            if counts is not None:
                outlet.push_sample(job.take(counts).tolist(), stamp_s)
        return data, stamps_s

    stream = StreamLSL(bufsize=1.0, source_id=source_id)
    stream.connect(acquisition_delay=_ACQUIRE_S, processing_flags=None, timeout=60.0)
    stream.add_callback(decode)
    stop.wait()
    stream.disconnect()
