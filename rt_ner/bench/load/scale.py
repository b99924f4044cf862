"""Measure the time per bin as channels grow, and the event rate that is too high."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rt_ner.bench.latency.measurement import measure_latency
from rt_ner.bench.latency.plan import LatencyPlan
from rt_ner.bench.load.flood import Flood, FloodPlan, measure_flood
from rt_ner.core.contract.kinds import BROADBAND_HZ, SpikeForm

# Makes a bundle with this number of channels in a folder, and returns the bundle's folder.
MakeBundle = Callable[[int, Path], Path]
Progress = Callable[[str], None]
_KEPT = ("step_us", "floor_us", "end_to_end_us", "ratio", "missed_deadlines", "lost_bins")


def scale_channels(
    plan: LatencyPlan,
    channels: Sequence[int],
    make_bundle: MakeBundle,
    folder: Path,
    progress: Progress,
) -> Iterator[dict[str, Any]]:
    """Yield a row for each number of channels of a 1 kHz raster."""
    for n in channels:
        progress(f"{n} channels")
        home = folder / f"channels-{n}"
        home.mkdir()
        one = replace(plan, bundle=make_bundle(n, home), channels=n)
        summary = measure_latency(one, home, lambda _: None).summary()
        row = {"channels": n, "input": "raster", "events_per_s": n * plan.rate}
        yield row | {name: summary[name] for name in _KEPT}


def scale_events(
    plan: LatencyPlan,
    rates: Sequence[float],
    make_bundle: MakeBundle,
    folder: Path,
    progress: Progress,
) -> Iterator[dict[str, Any]]:
    """Yield a row for each rate of single events on ``plan.channels``, and their fate."""
    bundle = make_bundle(plan.channels, folder)
    for rate in rates:
        progress(f"{rate:,.0f} events per second on {plan.channels} channels")
        home = folder / f"events-{rate:g}"
        home.mkdir()
        events = FloodPlan(SpikeForm.EVENTS, rate / plan.channels, plan.seconds)
        flood = measure_flood(bundle, plan.channels, home, events)
        yield {"channels": plan.channels, "input": "events", "events_per_s": rate} | _fate(
            flood, plan.seconds
        )


def scale_broadband(
    plan: LatencyPlan,
    channels: Sequence[int],
    make_bundle: MakeBundle,
    folder: Path,
    progress: Progress,
) -> Iterator[dict[str, Any]]:
    """Yield a row for each number of channels of voltage at 30 kHz, and its samples' fate."""
    for n in channels:
        progress(f"{n} channels of broadband")
        home = folder / f"broadband-{n}"
        home.mkdir()
        voltage = FloodPlan(SpikeForm.BROADBAND, plan.rate, plan.seconds)
        flood = measure_flood(make_bundle(n, home), n, home, voltage)
        megabytes_per_s = n * BROADBAND_HZ * 2 / 1e6
        yield {"channels": n, "input": "broadband", "megabytes_per_s": megabytes_per_s} | _fate(
            flood, plan.seconds
        )


def _fate(flood: Flood, seconds: float) -> dict[str, Any]:
    """Return what became of a flood, for a row."""
    return {
        # The source, a Python process too, may be slower than it should be.
        "sent_per_s": flood.sent / seconds,
        "unaccounted": flood.unaccounted,
        "skipped": flood.fates["skipped"],
        "overloads": flood.overloads,
        "largest_lag_ms": flood.largest_lag_ms,
        "latency_us": {"p50": flood.latency_p50_us, "p99": flood.latency_p99_us},
        "keeps_up": not (flood.overloads or flood.fates["skipped"] or flood.unaccounted),
    }


def slope(channels: Sequence[int], step_us: Sequence[float]) -> float | None:
    """Return the power of the channels with which the step grows; None for a single size."""
    if len(channels) < 2:
        return None
    return float(np.polyfit(np.log(channels), np.log(step_us), 1)[0])
