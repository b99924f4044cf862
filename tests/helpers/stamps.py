"""Stamps as real amplifiers make them, and the decoding of samples stamped so."""

from collections.abc import Callable

import numpy as np

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.decoding.binning.detector import DetectorSettings
from rt_ner.decoding.binning.raster import CLOCK_STEP_NS
from rt_ner.decoding.chunks import RasterChunk
from rt_ner.decoding.input.binners import binner_for
from rt_ner.decoding.input.settings import InputKind, InputSettings, Stamps
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.offline.decoding import Decoding, decode_chunks

MS = PERIOD_NS = 1_000_000
Stamped = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def at_push(n_burst: int, own_ns: int = 20_000) -> Stamped:
    """Each sample is stamped when its burst is pushed."""

    def stamped(true_ns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        sample = np.arange(true_ns.size)
        last = np.minimum(sample // n_burst * n_burst + n_burst - 1, true_ns.size - 1)
        return true_ns[last] + sample % n_burst * own_ns

    return stamped


def by_chunk(n_chunk: int, jitter_ms: float, period_ns: float = PERIOD_NS) -> Stamped:
    """The last sample of a chunk is stamped, the others are a nominal period apart."""

    def stamped(true_ns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        sample = np.arange(true_ns.size)
        last = np.minimum(sample // n_chunk * n_chunk + n_chunk - 1, true_ns.size - 1)
        jitter_ns = (rng.uniform(0, jitter_ms, sample.size) * MS).astype(np.int64)[last]
        return true_ns[last] - np.rint((last - sample) * period_ns).astype(np.int64) + jitter_ns

    return stamped


def jittered(low_ms: float, high_ms: float) -> Stamped:
    def stamped(true_ns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return true_ns + (rng.uniform(low_ms, high_ms, true_ns.size) * MS).astype(np.int64)

    return stamped


def lossy(lost: float, rng: np.random.Generator, n: int = 20_000) -> np.ndarray:
    """Return exact stamps of packets of one sample, some lost, 1 % sent again, 1 % overtaken."""
    kept = np.flatnonzero(rng.random(n) >= lost) + 1
    order = np.repeat(kept, 1 + (rng.random(kept.size) < 0.01))
    for at in np.flatnonzero(rng.random(order.size - 1) < 0.01):
        order[[at, at + 1]] = order[[at + 1, at]]
    return order * PERIOD_NS


UNEVEN: dict[str, Stamped] = {
    **{f"bursts of {n}": at_push(n) for n in (7, 9, 10, 30, 300)},
    "one stamp per chunk of 30": at_push(30, 0),
    "one stamp per chunk of 250": at_push(250, 0),
    **{f"chunks of {n}, jitter": by_chunk(n, 8.0) for n in (1, 5, 30, 250)},
    "jitter both ways": jittered(-8.0, 8.0),
    "delays": jittered(0.0, 8.0),
    "jitter below a sample": jittered(-0.4, 0.4),
}


UNEVEN_30_KHZ: dict[str, Stamped] = {
    "bursts of 7": at_push(7, 200),
    "bursts of 300": at_push(300, 200),
    "one stamp per 250 ms": at_push(7500, 0),
    **{f"chunks of {ms} ms, jitter": by_chunk(30 * ms, 8.0, 1e9 / 30_000) for ms in (1, 30, 250)},
    "jitter both ways": jittered(-8.0, 8.0),
}


def decode(
    bundle: Bundle,
    stamp_ns: np.ndarray,
    counts: np.ndarray,
    stamps: str = "auto",
    rate_hz: float = 1000.0,
) -> tuple[Decoding, dict[InputCounts, int]]:
    """Decode a raster in pieces of 37 ms; return the result and what became of the samples."""
    model = bundle.model
    stream = SpikeStream(InputKind.RASTER, rate_hz, "int16", model.channel_ids, ())
    wanted = InputSettings(stamps=Stamps(stamps))
    binner = binner_for(stream, model, wanted, DetectorSettings(), CLOCK_STEP_NS)
    size = round(0.037 * rate_hz)
    pieces = [slice(k, k + size) for k in range(0, len(stamp_ns), size)]
    decoding = decode_chunks(
        model, binner, [RasterChunk(stamp_ns[piece], counts[piece]) for piece in pieces]
    )
    return decoding, {
        what: int(n) for what, n in zip(InputCounts, binner.input_counts, strict=True) if n
    }
