"""Measure the time per bin as channels grow, and the event rate that is too high."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Scale:
    """Measure one size after another, each in a folder of its own."""

    plan: LatencyPlan
    make_bundle: MakeBundle
    folder: Path
    progress: Progress

    def channels(self, sizes: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Yield a row for each number of channels of a 1 kHz raster."""
        for n in sizes:
            home = self._home(f"{n} channels", f"channels-{n}")
            one = replace(self.plan, bundle=self.make_bundle(n, home), channels=n)
            summary = measure_latency(one, home, lambda _: None).summary()
            row = {"channels": n, "input": "raster", "events_per_s": n * one.rate}
            yield row | {name: summary[name] for name in _KEPT}

    def events(self, channels: int, rates: Sequence[float]) -> Iterator[dict[str, Any]]:
        """Yield a row for each rate of single events on so many channels, and their fate."""
        bundle = self.make_bundle(channels, self.folder)
        for rate in rates:
            title = f"{rate:,.0f} events per second on {channels} channels"
            home = self._home(title, f"events-{rate:g}")
            row = {"channels": channels, "input": "events", "events_per_s": rate}
            plan = FloodPlan(SpikeForm.EVENTS, rate / channels, self.plan.seconds)
            yield row | _fate(measure_flood(bundle, channels, home, plan), plan.seconds)

    def broadband(self, sizes: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Yield a row for each number of channels of voltage at 30 kHz, and its samples' fate."""
        for n in sizes:
            home = self._home(f"{n} channels of broadband", f"broadband-{n}")
            megabytes_per_s = n * BROADBAND_HZ * 2 / 1e6
            row = {"channels": n, "input": "broadband", "megabytes_per_s": megabytes_per_s}
            plan = FloodPlan(SpikeForm.BROADBAND, self.plan.rate, self.plan.seconds)
            flood = measure_flood(self.make_bundle(n, home), n, home, plan)
            yield row | _fate(flood, plan.seconds)

    def _home(self, title: str, name: str) -> Path:
        """Tell of the next size, and return a new folder for it."""
        self.progress(title)
        home = self.folder / name
        home.mkdir()
        return home


def _fate(flood: Flood, seconds: float) -> dict[str, Any]:
    """Return what became of a flood, for a row."""
    return {
        # The source, a Python process too, may be slower than it should be.
        "sent_per_s": flood.sent / seconds,
        "unaccounted": flood.unaccounted,
        "skipped": flood.fates["skipped"],
        "late": flood.fates["late"],
        "refused": flood.refused,
        "overloads": flood.overloads,
        "largest_lag_ms": flood.largest_lag_ms,
        "latency_us": {"p50": flood.latency_p50_us, "p99": flood.latency_p99_us},
        "keeps_up": not (
            flood.overloads or flood.fates["skipped"] or flood.unaccounted or flood.refused
        ),
    }


def slope(channels: Sequence[int], step_us: Sequence[float]) -> float | None:
    """Return the power of the channels with which the step grows; None for a single size."""
    if len(channels) < 2:
        return None
    return float(np.polyfit(np.log(channels), np.log(step_us), 1)[0])
