"""Draw a latency measurement: stages, tail, and histogram with the floor."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from rt_ner.bench.latency.results import STAGES, Latency
from rt_ner.core.atomic_files import fresh_file

_FLOOR, _DECODER = "#9aa5b1", "#1f6feb"
_STAGE_NAMES = {
    "arrived": "source → decoder",
    "bin_closed": "bin",
    "embedded": "encoder",
    "decoded": "readout",
    "pushed": "push",
    "received": "decoder → sink",
}


def latency_figure(latency: Latency, path: Path) -> None:
    """Draw the measurement to a PNG file."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    stack, tail, histogram = figure.subplots(1, 3)
    floor, whole = latency.floor.end_to_end_us(), latency.decoder.end_to_end_us()
    _draw_stages(stack, latency)
    for values, colour, name in ((floor, _FLOOR, "two bare LSL hops"), (whole, _DECODER, "rt-ner")):
        beyond = 1 - np.arange(len(values)) / len(values)
        tail.loglog(np.sort(values), beyond, color=colour, label=name)
        edges = np.geomspace(min(floor.min(), whole.min()), np.percentile(whole, 99.9), 60)
        histogram.hist(values, edges, color=colour, alpha=0.7, label=name)
    tail.set(xlabel="end to end (µs)", ylabel="fraction of bins that took longer", title="Tail")
    histogram.set(xlabel="end to end (µs)", ylabel="bins", title="Histogram", xscale="log")
    histogram.legend(frameon=False)
    for axes in (tail, histogram):
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    for axes in (stack, tail, histogram):
        axes.spines[["top", "right"]].set_visible(False)
    plan = latency.plan
    figure.suptitle(
        f"{plan.channels} channels, {plan.form}, one bin per {plan.hop_ns / 1e6:g} ms, "
        f"{len(whole):,} bins",
        fontsize=10,
    )
    with fresh_file(path) as partial:
        figure.savefig(partial, format="png", dpi=130)


def _draw_stages(axes: Axes, latency: Latency) -> None:
    """Draw the median and the 99th percentile of each stage."""
    median, late = np.percentile(latency.decoder.stages_us(), [50, 99], axis=0)
    place = np.arange(len(STAGES))[::-1]
    axes.barh(place, late, color=_DECODER, alpha=0.3, label="99th percentile")
    axes.barh(place, median, color=_DECODER, label="median")
    axes.set_yticks(place, [_STAGE_NAMES[stage] for stage in STAGES])
    axes.set(xlabel="µs", title="Stages")
    axes.legend(frameon=False, fontsize=8)
