"""Step: what one bin costs the decoder in this process, in time and in counts.

Counts are the same on every machine, so that a slower path shows where times would only vary.
"""

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import numpy as np

from rt_ner.bench.latency.instructions import instructions
from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_MS
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.chunks import RasterChunk
from rt_ner.decoding.decoder import Decoder, DecoderSpecification
from rt_ner.system.signals import no_garbage_collection

_SPIKES_A_MS = 0.01
_WARM_UP_BINS, _COUNTED_BINS = 500, 200


@dataclass(frozen=True, eq=False)
class Step:
    """One bin's cost, a sample of 1 kHz raster at a time.

    ``times_us``: ``(bin,)``, from the last sample of a bin to its velocity. ``calls``: Python and C
    calls a bin, its samples' included; ``blocks``: memory blocks that a bin leaves behind;
    ``instructions``: of the processor, None where it can't be asked.
    """

    times_us: FloatArray
    calls: float
    blocks: float
    instructions: float | None


def measure_step(model: DecoderSpecification, n_bins: int) -> Step:
    """Decode random spikes in this process, with nothing between."""
    reader = _Feed(model)
    with no_garbage_collection():
        for _ in range(_WARM_UP_BINS):
            reader.decode_bin()
        times_us = np.array([reader.decode_bin() for _ in range(n_bins)]) / 1e3
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(_COUNTED_BINS):
            reader.decode_bin()
        blocks = (sys.getallocatedblocks() - before) / _COUNTED_BINS
        counted = instructions(lambda: _repeat(reader.decode_bin, _COUNTED_BINS))
        calls = _calls(lambda: _repeat(reader.decode_bin, _COUNTED_BINS)) / _COUNTED_BINS
    per_bin = None if counted is None else counted / _COUNTED_BINS
    return Step(times_us, round(calls, 1), round(blocks, 2), per_bin)


class _Feed:
    """A decoder, and the samples that it is given."""

    def __init__(self, model: DecoderSpecification) -> None:
        n_channels, hop_ns = len(model.channel_ids), model.window.hop_ns
        binner = raster_binner(n_channels, hop_ns, NS_PER_MS)
        self._decoder = Decoder(model, binner, time.perf_counter_ns)
        self._decoder.warm_up(np.dtype(np.int16))
        rng = np.random.default_rng(0)
        spikes = rng.poisson(_SPIKES_A_MS, (1000, 1, n_channels)).astype(np.int16)
        self._spikes = list(spikes)
        self._per_bin = hop_ns // NS_PER_MS
        self._stamp_ns = np.zeros(1, dtype=np.int64)
        self._sample = 0

    def decode_bin(self) -> int:
        """The samples of a bin; how long the last one took, in ns."""
        for _ in range(self._per_bin):
            self._sample += 1
            self._stamp_ns[0] = self._sample * NS_PER_MS
            begun_ns = time.perf_counter_ns()
            chunk = RasterChunk(self._stamp_ns, self._spikes[self._sample % 1000], begun_ns)
            for _decoded in self._decoder.push(chunk):
                pass
        return time.perf_counter_ns() - begun_ns


def _repeat(do: Callable[[], object], times: int) -> None:
    for _ in range(times):
        do()


def _calls(run: Callable[[], None]) -> int:
    """How many functions are called, in Python and from it."""
    n = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal n
        n += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return n
