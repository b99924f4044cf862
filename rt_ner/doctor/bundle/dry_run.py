"""Decode a few seconds of the spikes as the decoder would, and publish nothing."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pylsl

from rt_ner.core.clock import NS_PER_MS, NS_PER_S, ns_from_ms
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import SourceLostError, StreamError
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.chunks import SourceChunk
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.joining.joined_binner import JoinedBinner
from rt_ner.live.settings import DecodeSettings
from rt_ner.lsl.spikes.spike_inlet import SpikeInlet
from rt_ner.lsl.streams import local_now_ns

# The spikes are decoded for at least so long, and for so long beyond what the decoder needs.
_AT_LEAST_S, _PATIENCE_S = 1.5, 3.0
_PULL_S, _PAUSE_S = 0.1, 0.002


@dataclass
class DryRun:
    """The result of decoding some seconds of spikes.

    ``n_ready`` is the number of hops that had a full history, ``problem`` the reason for which the
    decoder would refuse the streams, ``waits_ms`` the times from one chunk to the next,
    ``arrived_ns`` the arrival of each source's newest, and ``counts`` what became of the samples.
    ``has_events``: True if a source sends single events.
    """

    seconds: float = 0.0
    n_hops: int = 0
    n_ready: int = 0
    problem: str = ""
    has_events: bool = False
    arrived_ns: dict[int, int] = field(default_factory=dict)
    waits_ms: list[float] = field(default_factory=list)
    counts: dict[InputCounts, int] = field(default_factory=dict)

    @property
    def chunk_ms(self) -> float:
        """Usual time between two chunks, in ms: a fifth of them come later. 0 if not known."""
        waits_ms = sorted(self.waits_ms)
        return waits_ms[len(waits_ms) * 4 // 5] if len(waits_ms) > 2 else 0.0


def dry_run(
    infos: Sequence[pylsl.StreamInfo],
    decoder: Decoder,
    history_ns: int,
    settings: DecodeSettings,
    stop: Event,
) -> DryRun:
    """Decode the streams until the decoder runs, for as long as it may need, or until ``stop``."""
    run = DryRun()
    longest_s = _PATIENCE_S + history_ns / NS_PER_S
    begun_s = time.monotonic()
    try:
        inlets = [SpikeInlet(info, settings.input.kind) for info in infos]
        kinds = {inlet.stream.kind for inlet in inlets}
        run.has_events = InputKind.EVENTS in kinds
        if InputKind.BROADBAND in kinds:
            longest_s += settings.detector.learn_s
        decoder.warm_up(inlets[0].dtype)
        for inlet, binner in zip(inlets, _binners(decoder), strict=True):
            inlet.open(binner, ns_from_ms(settings.safety.clock_step_ms))
        decoder.binner.restart(local_now_ns())
        begun_s = time.monotonic()
        while not stop.is_set() and (passed_s := time.monotonic() - begun_s) < longest_s:
            if run.n_ready and passed_s > _AT_LEAST_S:
                break
            for number, inlet in enumerate(inlets):
                _take(number, inlet, decoder, run)
    except (SourceLostError, StreamError) as error:
        run.problem = str(error)
    run.seconds = time.monotonic() - begun_s
    counts = decoder.binner.input_counts
    run.counts = {what: int(counts[what]) for what in InputCounts}
    return run


def _binners(decoder: Decoder) -> list[SpikeBinner[Any]]:
    """Return the binner of each source."""
    binner = decoder.binner
    return (
        [each.binner for each in binner.sources] if isinstance(binner, JoinedBinner) else [binner]
    )


def _take(number: int, inlet: SpikeInlet, decoder: Decoder, run: DryRun) -> None:
    """Decode the next chunk of a source."""
    chunk = inlet.pull(_PULL_S)
    if chunk is None:
        return
    if len(chunk[0]):
        if number in run.arrived_ns:
            run.waits_ms.append((inlet.arrived_ns - run.arrived_ns[number]) / NS_PER_MS)
        run.arrived_ns[number] = inlet.arrived_ns
    if isinstance(decoder.binner, JoinedBinner):
        assert not isinstance(chunk, SourceChunk)
        chunk = SourceChunk(chunk[0], number, chunk)
    for decoded in decoder.push(chunk):
        run.n_hops += 1
        run.n_ready += decoded.ready
    time.sleep(_PAUSE_S)
