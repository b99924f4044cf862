"""Draw the report of a continuous decoding: latents, and outputs over time."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from offline_training.figures.frame import headed_figure, name_latents, three_dimensions
from rt_ner.core.arrays import Float32Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.outputs import Output
from rt_ner.offline.scores import Comparison, r2_score

_SHOWN_S = 30.0
_MOST_TRACES = 6
_TRUE, _DECODED = "0.25", "#D55E00"


def draw_traces(comparison: Comparison, title: str, subtitle: str) -> Figure:
    """Return a figure of latents beside true and decoded outputs of the busiest half minute."""
    outputs = comparison.labels.outputs[:_MOST_TRACES]
    figure = headed_figure(title, subtitle)
    grid = figure.add_gridspec(
        len(outputs), 2, width_ratios=[1, 2.2], left=0.0, right=0.97, bottom=0.12, top=0.84,
        hspace=0.35,
    )  # fmt: skip
    rows = _busiest(comparison)
    _draw_latents(figure.add_subplot(grid[:, 0], projection="3d"), comparison.latent[rows])
    axes: Axes | None = None
    for row, output in enumerate(outputs):
        axes = figure.add_subplot(grid[row, 1], sharex=axes)
        _draw_output(axes, comparison, rows, row, output)
        axes.tick_params(labelbottom=row == len(outputs) - 1)
        if row == 0:
            axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False)
    if axes is not None:
        axes.set_xlabel("time in the session (s)")
    return figure


def _busiest(comparison: Comparison) -> slice:
    """Return the rows of the half minute in which the outputs vary most."""
    n_rows = max(2, round(_SHOWN_S * NS_PER_S / comparison.hop_ns))
    values = comparison.labels.values
    spread = np.where(values.std(axis=0) > 0, values.std(axis=0), 1.0)
    power = np.square((values - values.mean(axis=0)) / spread).sum(axis=1)
    begins = range(0, max(1, len(power) - n_rows), max(1, n_rows // 2))
    begin = max(begins, key=lambda first: float(power[first : first + n_rows].sum()))
    return slice(begin, begin + n_rows)


def _draw_latents(axes: Axes3D, latents: Float32Array) -> None:
    axes.plot(*three_dimensions(latents).T, color="#0072B2", linewidth=0.7, alpha=0.8)
    name_latents(axes)
    axes.set_title("Latents", y=1.02)


def _draw_output(
    axes: Axes, comparison: Comparison, rows: slice, column: int, output: Output
) -> None:
    """Draw one output, with its score over all that was held out."""
    time_s = comparison.labels.end_ns[rows] / NS_PER_S
    true, decoded = comparison.labels.values[:, column], comparison.decoded[:, column]
    # No line is drawn across the time between trials.
    apart = np.diff(time_s, prepend=time_s[0]) > 1.5 * comparison.hop_ns / NS_PER_S
    for values, colour, label in ((true, _TRUE, "true"), (decoded, _DECODED, "decoded")):
        axes.plot(
            time_s, np.where(apart, np.nan, values[rows]), color=colour, linewidth=1.2, label=label
        )
    axes.set_ylabel(f"{output.name}\n({output.unit})")
    score = r2_score(true[:, None], decoded[:, None])
    axes.set_title(f"R² {score:.2f}", loc="left", fontsize=9, color="0.3", pad=3)
    axes.spines[["top", "right"]].set_visible(False)
