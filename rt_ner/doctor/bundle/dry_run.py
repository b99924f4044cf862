"""Decode a few seconds of the spikes as the decoder would, and publish nothing."""

import time
from dataclasses import dataclass, field
from threading import Event

import pylsl

from rt_ner.core.clock import NS_PER_MS, NS_PER_S, ns_from_ms
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import SourceLostError, StreamError
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.input.settings import InputKind
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
    decoder would refuse the stream, ``waits_ms`` the times from one chunk to the next,
    ``arrived_ns`` the arrival of the newest, and ``counts`` what became of the samples.
    """

    seconds: float = 0.0
    n_hops: int = 0
    n_ready: int = 0
    problem: str = ""
    arrived_ns: int = 0
    waits_ms: list[float] = field(default_factory=list)
    counts: dict[InputCounts, int] = field(default_factory=dict)

    @property
    def chunk_ms(self) -> float:
        """Usual time between two chunks, in ms: a fifth of them come later. 0 if not known."""
        waits_ms = sorted(self.waits_ms)
        return waits_ms[len(waits_ms) * 4 // 5] if len(waits_ms) > 2 else 0.0


def dry_run(
    info: pylsl.StreamInfo, decoder: Decoder, history_ns: int, settings: DecodeSettings, stop: Event
) -> DryRun:
    """Decode the stream until the decoder runs, for as long as it may need, or until ``stop``."""
    run = DryRun()
    longest_s = _PATIENCE_S + history_ns / NS_PER_S
    begun_s = time.monotonic()
    try:
        inlet = SpikeInlet(info, settings.input.kind)
        if inlet.stream.kind is InputKind.BROADBAND:
            longest_s += settings.detector.learn_s
        decoder.warm_up(inlet.dtype)
        inlet.open(decoder.binner, ns_from_ms(settings.safety.clock_step_ms))
        decoder.binner.restart(local_now_ns())
        begun_s = time.monotonic()
        while not stop.is_set() and (passed_s := time.monotonic() - begun_s) < longest_s:
            if run.n_ready and passed_s > _AT_LEAST_S:
                break
            _take(inlet, decoder, run)
    except (SourceLostError, StreamError) as error:
        run.problem = str(error)
    run.seconds = time.monotonic() - begun_s
    counts = decoder.binner.input_counts
    run.counts = {what: int(counts[what]) for what in InputCounts}
    return run


def _take(inlet: SpikeInlet, decoder: Decoder, run: DryRun) -> None:
    """Decode the next chunk."""
    chunk = inlet.pull(_PULL_S)
    if chunk is None:
        return
    if len(chunk[0]):
        if run.arrived_ns:
            run.waits_ms.append((inlet.arrived_ns - run.arrived_ns) / NS_PER_MS)
        run.arrived_ns = inlet.arrived_ns
    for decoded in decoder.push(chunk):
        run.n_hops += 1
        run.n_ready += decoded.ready
    time.sleep(_PAUSE_S)
