"""Check a bundle: it loads, it fits the spike stream, and this computer decodes it in time."""

import time
from collections.abc import Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from threading import Event

import numpy as np
import pylsl

from rt_ner.bundle.storage import load_bundle
from rt_ner.core.errors import BundleError, StreamError
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.decoding.joining.joined_stream import JoinedStream
from rt_ner.doctor.bundle.dry_run import dry_run
from rt_ner.doctor.bundle.dry_run_findings import dry_run_findings
from rt_ner.doctor.checkup import BundleCheck, Finding, Level
from rt_ner.doctor.rules.computer import step_findings
from rt_ner.live.settings import DecodeSettings, live_binner
from rt_ner.lsl.streams import local_now_ns
from rt_ner.system.scheduling import no_garbage_collection

# Steps are timed with pauses, as they will happen: in a row they would find their caches warm.
_N_STEPS, _LONGEST_PAUSE_S = 200, 0.01


def check_bundle(
    folder: Path,
    spikes: Sequence[tuple[pylsl.StreamInfo, SpikeStream]],
    settings: DecodeSettings,
    stop: Event,
) -> tuple[BundleCheck | None, list[Finding]]:
    """Return the result, None if the bundle does not load, and what is wrong.

    ``spikes``: the spike stream of each source, as found on the network, and its shape.
    """
    try:
        bundle = load_bundle(folder)
    except BundleError as error:
        return None, [Finding(Level.NO_GO, str(error))]
    model, corruption = bundle.model, bundle.manifest.corruption
    n_channels, hop_ms = len(model.channel_ids), model.window.hop_ns / 1e6
    check = BundleCheck(str(folder), n_channels, hop_ms, None, nan, nan, nan, corruption)
    if len(spikes) < len(settings.input.each_source()):
        return check, []
    infos = [info for info, _ in spikes]
    stream = _stream_of([shape for _, shape in spikes], settings)
    try:
        binner = live_binner(stream, model, settings)
    except StreamError as error:
        return replace(check, fits=False), [Finding(Level.NO_GO, str(error))]
    decoder = Decoder(model, binner, local_now_ns)
    check = _timed(check, decoder, spikes[0][1].dtype, stop)
    run = dry_run(infos, decoder, model.window.history_ns, settings, stop)
    name = " and ".join(f"'{info.name()}'" for info in infos)
    return check, step_findings(check) + dry_run_findings(name, run, settings.safety.stale_ms)


def _stream_of(
    shapes: Sequence[SpikeStream], settings: DecodeSettings
) -> SpikeStream | JoinedStream:
    """Return the shape of the one stream, or the shapes of several that are joined."""
    sources = settings.input.sources
    return JoinedStream(sources, tuple(shapes)) if sources else shapes[0]


def _timed(
    check: BundleCheck, decoder: Decoder, dtype: np.dtype[np.generic], stop: Event
) -> BundleCheck:
    """Return the check with the times of warm-up and steps."""
    started_s = time.perf_counter()
    decoder.warm_up(dtype)
    warm_up_s = time.perf_counter() - started_s
    p50_us, p99_us = _step_percentiles_us(decoder, check.hop_ms / 1000, stop)
    return replace(check, fits=True, warm_up_s=warm_up_s, step_p50_us=p50_us, step_p99_us=p99_us)


def _step_percentiles_us(decoder: Decoder, hop_s: float, stop: Event) -> tuple[float, float]:
    """Return the median and 99th percentile of a step, in µs."""
    pause_s = min(hop_s, _LONGEST_PAUSE_S)
    steps_ns: list[float] = []
    with no_garbage_collection():
        while len(steps_ns) < _N_STEPS and not stop.wait(pause_s):
            started_ns = time.perf_counter_ns()
            decoder.warm_caches()
            steps_ns.append(time.perf_counter_ns() - started_ns)
    p50_ns, p99_ns = np.percentile(steps_ns or [nan], [50, 99])
    return float(p50_ns) / 1000, float(p99_ns) / 1000
