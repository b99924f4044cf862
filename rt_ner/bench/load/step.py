"""Measure the cost of one bin in this process, in time and in counts.

Counts are the same on every computer: they show a slower path where times would only vary.
"""

import ctypes
import gc
import os
import platform
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_MS
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.chunks import RasterChunk
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.encoding.encoder import GraphEncoder
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.windows import Window, WindowShape
from rt_ner.system.scheduling import no_garbage_collection

_SPIKES_PER_MS = 0.01
_WARM_UP_BINS, _COUNTED_BINS, _BINS_PER_TURN = 500, 200, 100
# Number of perf_event_open by machine, and its arguments (linux/perf_event.h).
_SYSCALL = {"x86_64": 298, "aarch64": 241}
_TYPE_HARDWARE, _COUNT_INSTRUCTIONS, _ATTRIBUTES = 0, 1, 128
# Count in user space only, because the kernel's part is often not allowed.
_EXCLUDE_KERNEL_AND_HYPERVISOR = (1 << 5) | (1 << 6)


@dataclass(frozen=True, eq=False)
class Step:
    """Cost of one bin of 1 kHz raster, fed sample by sample.

    ``times_us`` ``(bin,)`` is from the last sample of a bin to its velocity, ``graph_us``
    ``(run,)`` a bare run of the same network by ONNX Runtime, in turns with it. ``calls`` are the
    Python and C calls per bin, ``blocks`` the memory blocks that a bin leaves behind, and
    ``instructions`` those of the processor, None where they can't be counted.
    """

    times_us: FloatArray
    graph_us: FloatArray
    calls: float
    blocks: float
    instructions: float | None


def measure_step(model: DecoderSpecification, n_bins: int) -> Step:
    """Decode random spikes in this process, without LSL."""
    fed = _FedDecoder(model)
    with no_garbage_collection():
        for _ in range(_WARM_UP_BINS):
            fed.decode_bin()
        times_us, graph_us = _in_turns(fed.decode_bin, _graph_run(model), n_bins)
        gc.collect()
        # The collector has emptied Python's own reserves of small objects, too.
        _repeat(fed.decode_bin, _COUNTED_BINS)
        before = sys.getallocatedblocks()
        for _ in range(_COUNTED_BINS):
            fed.decode_bin()
        blocks = (sys.getallocatedblocks() - before) / _COUNTED_BINS
        counted = _instructions(lambda: _repeat(fed.decode_bin, _COUNTED_BINS))
        calls = _calls(lambda: _repeat(fed.decode_bin, _COUNTED_BINS)) / _COUNTED_BINS
    per_bin = None if counted is None else counted / _COUNTED_BINS
    return Step(times_us, graph_us, round(calls, 1), round(blocks, 2), per_bin)


def _in_turns(
    decode: Callable[[], int], run_graph: Callable[[], int], n_bins: int
) -> tuple[FloatArray, FloatArray]:
    """Return the times of both in µs, ``(bin,)`` each; in turns, both have warm caches."""
    times_ns: list[int] = []
    graph_ns: list[int] = []
    for begin in range(0, n_bins, _BINS_PER_TURN):
        n = min(_BINS_PER_TURN, n_bins - begin)
        for run, found_ns in ((decode, times_ns), (run_graph, graph_ns)):
            run()
            found_ns += [run() for _ in range(n)]
    return np.array(times_ns) / 1e3, np.array(graph_ns) / 1e3


def _graph_run(model: DecoderSpecification) -> Callable[[], int]:
    """Return a function that runs the graph on a window of spikes, and returns the time in ns."""
    n_bins, n_channels = model.window.history_bins, len(model.channel_ids)
    shape = WindowShape(hop_ns=model.window.bin_ns, bin_ns=model.window.bin_ns, history_bins=n_bins)
    window = Window(shape, n_channels)
    encoder = GraphEncoder(model.encoder_onnx, window, model.start_scale)
    rng = np.random.default_rng(0)
    per_bin = _SPIKES_PER_MS * shape.bin_ns / NS_PER_MS
    for number in range(n_bins):
        counts = rng.poisson(per_bin, n_channels).astype(np.float32)
        window.push((number + 1) * shape.hop_ns, counts)
    window.sum_up()

    def run() -> int:
        begun_ns = time.perf_counter_ns()
        encoder.run_graph()
        return time.perf_counter_ns() - begun_ns

    return run


class _FedDecoder:
    """A decoder with the samples that it is fed."""

    def __init__(self, model: DecoderSpecification) -> None:
        n_channels, hop_ns = len(model.channel_ids), model.window.hop_ns
        binner = raster_binner(n_channels, hop_ns, NS_PER_MS)
        self._decoder = Decoder(model, binner, time.perf_counter_ns)
        self._decoder.warm_up(np.dtype(np.int16))
        rng = np.random.default_rng(0)
        spikes = rng.poisson(_SPIKES_PER_MS, (1000, 1, n_channels)).astype(np.int16)
        self._spikes = list(spikes)
        self._per_bin = hop_ns // NS_PER_MS
        self._stamp_ns = np.zeros(1, dtype=np.int64)
        self._sample = 0

    def decode_bin(self) -> int:
        """Feed the samples of a bin, and return the time for the last one, in ns."""
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
    """Return the number of calls in Python and from Python."""
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


def _instructions(run: Callable[[], None]) -> int | None:
    """Return this thread's instructions in user space during ``run``; None if unknown."""
    number = _SYSCALL.get(platform.machine())
    if sys.platform != "linux" or number is None:
        return None
    attributes = struct.pack(
        "IIQQQQQ", _TYPE_HARDWARE, _ATTRIBUTES, _COUNT_INSTRUCTIONS, 0, 0, 0,
        _EXCLUDE_KERNEL_AND_HYPERVISOR,
    ).ljust(_ATTRIBUTES, b"\0")  # fmt: skip
    counter = ctypes.CDLL(None, use_errno=True).syscall(number, attributes, 0, -1, -1, 0)
    if counter < 0:
        return None
    try:
        before = _read(counter)
        run()
        return _read(counter) - before
    finally:
        os.close(counter)


def _read(counter: int) -> int:
    (value,) = struct.unpack("q", os.read(counter, 8))
    return int(value)
