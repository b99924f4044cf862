"""A rig in memory with two sources, M1 and PMd, and exact references for what they must give."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.arrays import Float32Array
from rt_ner.core.contract.input_counts import FATES, InputCounts
from rt_ner.decoding.chunks import RasterChunk, SingleChunk
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.decoding.joining.joined_binner import JoinedBinner
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.ports.joined.spikes import join_spikes
from rt_ner.live.ports.memory_spikes import Appear, Happening, MemorySpikes, Vanish
from rt_ner.live.ports.protocols import SpikesIn
from rt_ner.live.settings import DecodeSettings
from tests.helpers.memory_rig import MS, START_NS, MemoryRig, event_stream, events, raster_stream

SOURCES = ("nsp1/spikes", "nsp2/spikes")
# The first channels are M1's, the others PMd's.
N_M1 = 60
HOP_MS = 10


def two_area_bundle(bundle: Bundle) -> Bundle:
    """Return a bundle as if its channels were those of two areas with equal labels."""
    manifest = bundle.manifest
    m1 = [f"M1/{label}" for label in labels_of(0)]
    pmd = [f"PMd/{label}" for label in labels_of(1, len(manifest.channel_ids))]
    training = manifest.training.model_copy(update={"area": "M1,PMd"})
    changed = {"channel_ids": (*m1, *pmd), "training": training}
    return replace(bundle, manifest=manifest.model_copy(update=changed))


def two_areas(bundle: Bundle) -> DecoderSpecification:
    """Return the model of such a bundle."""
    return two_area_bundle(bundle).model


def labels_of(source: int, n_channels: int = 96) -> tuple[str, ...]:
    """Return the labels that a source sends, which do not name the area."""
    n = N_M1 if source == 0 else n_channels - N_M1
    return tuple(f"elec{k + 1:03}" for k in range(n))


def part(source: int) -> slice:
    """Return the channels of a source among all."""
    return slice(0, N_M1) if source == 0 else slice(N_M1, None)


class JoinedRig(MemoryRig):
    """A plan for two sources. Millisecond k of ``counts`` ends k + 1 ms after the start."""

    def __init__(
        self, model: DecoderSpecification, missing_source: str = "stop", **options: object
    ) -> None:
        self.second: list[tuple[int, Happening]] = []
        self.singles: list[MemorySpikes] = []
        wanted = {"sources": SOURCES, "missing_source": missing_source, "grace_ms": 100.0}
        super().__init__(model, input=wanted | options)
        self.counts = self._counts.astype(np.int16)
        self.n_sent = [0, 0]

    def port(self, settings: DecodeSettings) -> SpikesIn:
        self.singles = [self.spikes, MemorySpikes(self.spikes.plan)]
        return join_spikes(self.singles, settings, self.clock, self.alarms, lambda work: work())

    def at(self, ms: int, source: int, what: Happening) -> None:
        """Let something happen to a source, so many milliseconds after the start."""
        (self.plan, self.second)[source].append((START_NS + ms * MS, what))
        self.now_ns = max(self.now_ns, START_NS + ms * MS)

    def appears(self, ms: int, source: int, stream: SpikeStream | None = None) -> None:
        stream = stream or raster_stream(labels_of(source))
        self.at(ms, source, Appear(stream, SOURCES[source]))

    def vanishes(self, ms: int, source: int, connection_ends: bool = True) -> None:
        self.at(ms, source, Vanish(connection_ends))

    def sends(
        self, source: int, begin_ms: int, end_ms: int, sizes: Sequence[int] = (5,), late_ms: int = 0
    ) -> None:
        """Send a stretch of the counts in chunks of these sizes, over and over."""
        for first, last in cut(begin_ms, end_ms, sizes):
            self.n_sent[source] += last - first
            self.at(last + late_ms, source, self.chunk(source, first, last))

    def chunk(self, source: int, first: int, last: int) -> RasterChunk:
        stamps_ns = START_NS + (np.arange(first, last, dtype=np.int64) + 1) * MS
        return RasterChunk(stamps_ns, self.counts[first:last, part(source)])

    def run(self, chunk_end_ms: int = 0) -> "JoinedRig":
        self.singles[1].follow(self.second)
        super().run(chunk_end_ms)
        return self

    @property
    def binner(self) -> JoinedBinner:
        decoder = self.loop._connector.decoder
        assert decoder
        assert isinstance(decoder.binner, JoinedBinner)
        return decoder.binner

    def of_source(self, source: int) -> dict[str, int]:
        """Return the counts of a source's input by name, with all that was pulled."""
        counts = self.binner.sources[source].binner.input_counts
        named = {what.name.lower(): int(counts[what]) for what in InputCounts}
        return named | {"pulled": int(sum(counts[fate] for fate in FATES))}

    def hops(self) -> dict[int, Float32Array]:
        """Return the counts that each published hop was decoded from, by its end in ms."""
        return {(end_ns - START_NS) // MS: counts for end_ns, counts in self.results.counts}

    def measured(self, end_ms: int) -> Float32Array:
        """Return the counts of a hop as they were recorded."""
        return self.counts[end_ms - HOP_MS : end_ms].sum(axis=0).astype(np.float32)

    def check_outputs(self) -> int:
        """Check that each output is zero, or what its window gives; return how many moved."""
        hops = self.hops()
        sent = {sent.stamp_ns: sent.values for sent in self.results.outputs}
        n_moved = 0
        for end_ns, values in decoded_hops(self._model, hops):
            if any(sent[end_ns]):
                assert np.float32(sent[end_ns]).tobytes() == values.tobytes(), end_ns
                n_moved += 1
        assert n_moved == sum(self.moving())
        self.check_standing_still()
        return n_moved


def cut(begin: int, end: int, sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last number of consecutive pieces of these sizes, over and over."""
    first = turn = 0
    while begin + first < end:
        last = min(first + sizes[turn % len(sizes)], end - begin)
        yield begin + first, begin + last
        first, turn = last, turn + 1


def spikes_of(rig: JoinedRig, source: int, first: int, last: int) -> SingleChunk:
    """Return the same counts as single spikes, each in the middle of its millisecond."""
    counts = rig.counts[first:last, part(source)]
    ms, channel = np.nonzero(counts)
    times = counts[ms, channel]
    time_ns = START_NS + (np.repeat(ms, times) + first) * MS + MS // 2
    return events(time_ns, np.repeat(channel + 1, times))


def events_of(source: int) -> SpikeStream:
    return event_stream(labels_of(source))


class _Prepared:
    """A binner that is pushed hops which are counted already."""

    def __init__(self, n_channels: int) -> None:
        self.counts = np.zeros(n_channels, dtype=np.float32)
        self.invalid = False

    def push(self, hop: tuple[int, Float32Array]) -> Iterator[int]:
        self.counts[:] = hop[1]
        yield hop[0]


def decoded_hops(
    model: DecoderSpecification, hops: dict[int, Float32Array]
) -> Iterator[tuple[int, Float32Array]]:
    """Yield the outputs of hops that are counted already, with no joining at all."""
    binner: Any = _Prepared(len(model.channel_ids))
    decoder = Decoder(model, binner, now_ns=lambda: 0)
    for end_ms, counts in hops.items():
        end_ns = START_NS + end_ms * MS
        pushed: Any = (end_ns, counts)
        for decoded in decoder.push(pushed):
            yield decoded.end_ns, decoded.values.copy()
