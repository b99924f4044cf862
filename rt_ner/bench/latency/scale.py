"""Scale: what a bin costs as channels and events grow, and where a decoder keeps up no longer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rt_ner.bench.endurance.flood import measure_flood
from rt_ner.bench.latency.measurement import LatencyPlan, measure_latency

# Makes a bundle of so many channels in a folder.
MakeBundle = Callable[[int, Path], Path]
_KEPT = ("step_us", "floor_us", "end_to_end_us", "ratio", "missed_deadlines", "lost_bins")


def scale_channels(
    plan: LatencyPlan,
    channels: Sequence[int],
    make_bundle: MakeBundle,
    folder: Path,
    progress: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    """A row for each number of channels of 1 kHz raster."""
    for n in channels:
        progress(f"{n} channels")
        home = folder / f"channels-{n}"
        home.mkdir()
        one = replace(plan, bundle=make_bundle(n, home), channels=n)
        found = measure_latency(one, home, lambda _: None).summary()
        events_per_s = n * plan.rate
        yield {"channels": n, "input": "raster", "events_per_s": events_per_s} | {
            name: found[name] for name in _KEPT
        }


def scale_events(
    events: Sequence[float],
    channels: int,
    seconds: float,
    make_bundle: MakeBundle,
    folder: Path,
    progress: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    """A row for each rate of single events on so many channels; what became of them."""
    bundle = make_bundle(channels, folder)
    for rate in events:
        progress(f"{rate:,.0f} events a second on {channels} channels")
        home = folder / f"events-{rate:g}"
        home.mkdir()
        found = measure_flood(bundle, channels, home, rate, seconds)
        sent_per_s = found.sent / seconds
        yield {
            "channels": channels,
            "input": "events",
            "events_per_s": rate,
            # The source, a process of Python too, may not manage what it was asked for.
            "sent_per_s": sent_per_s,
            "unaccounted": found.unaccounted,
            "skipped": found.fates["skipped"],
            "overloads": found.overloads,
            "largest_lag_ms": found.largest_lag_ms,
            "latency_us": {"p50": found.latency_p50_us, "p99": found.latency_p99_us},
            "keeps_up": not (found.overloads or found.fates["skipped"] or found.unaccounted),
        }


def slope(channels: Sequence[int], step_us: Sequence[float]) -> float:
    """By which power of the channels the step grows: 1 is linear."""
    return float(np.polyfit(np.log(channels), np.log(step_us), 1)[0])
