"""Draw the report of a decoding: latents coloured by reach direction, and cursor paths."""

import io

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from offline_training.figures.frame import headed_figure, name_latents, three_dimensions
from offline_training.figures.traces import draw_traces
from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.offline.scores import Comparison

# Okabe & Ito (2008): distinct with any colour vision. In the order of the directions.
COLOURS = (
    "#D55E00", "#E69F00", "#B8A600", "#009E73", "#56B4E9", "#0072B2", "#7A4FBF", "#CC79A7",
)  # fmt: skip
_DPI = 130


def draw_report(comparison: Comparison, title: str, subtitle: str) -> bytes:
    """Return a PNG of latents beside true and decoded paths; beside traces, if there are none."""
    if comparison.path_r2() is None or len(comparison.labels.outputs) != 2:
        return png_of(draw_traces(comparison, title, subtitle))
    figure = headed_figure(title, subtitle)
    grid = figure.add_gridspec(
        1, 3, width_ratios=[1.2, 1, 1], left=0.0, right=0.9, bottom=0.12, top=0.8, wspace=0.28
    )
    colours = colour_of_direction(comparison.labels.direction_deg)
    _draw_latents(figure.add_subplot(grid[0], projection="3d"), comparison, colours)
    true_axes = figure.add_subplot(grid[1])
    decoded_axes = figure.add_subplot(grid[2], sharex=true_axes, sharey=true_axes)
    true_path_cm = comparison.path(comparison.labels.values)
    _draw_paths(true_axes, comparison, true_path_cm, colours)
    true_axes.set_title("True paths")
    _draw_paths(decoded_axes, comparison, comparison.decoded_path(), colours)
    decoded_axes.set_title("Decoded paths")
    for direction, colour in sorted(colours.items()):
        decoded_axes.plot([], [], color=colour, linewidth=2.5, label=f"{direction:g}°")
    decoded_axes.legend(
        title="Reach direction", loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False
    )
    return png_of(figure)


def png_of(figure: Figure) -> bytes:
    """Return the figure as a PNG file."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=_DPI, metadata={"Software": "rt-ner"})
    return png.getvalue()


def colour_of_direction(direction_deg: FloatArray) -> dict[float, str]:
    """Return a colour per direction; neighbours are alike if there are many."""
    directions = np.unique(direction_deg)
    if directions.size <= len(COLOURS):
        picks = np.linspace(0, len(COLOURS), directions.size, endpoint=False).astype(int)
        return {float(d): COLOURS[pick] for d, pick in zip(directions, picks, strict=True)}
    circle = matplotlib.colormaps["twilight"]
    return {float(d): matplotlib.colors.to_hex(circle(d / 360.0 % 1.0)) for d in directions}


def _draw_latents(axes: Axes3D, comparison: Comparison, colours: dict[float, str]) -> None:
    latents = three_dimensions(comparison.latent)
    for rows, colour in _trials(comparison, colours):
        axes.plot(*latents[rows].T, color=colour, linewidth=0.9, alpha=0.75)
    name_latents(axes)
    axes.set_title("Latents, one line per trial", y=1.02)
    axes.view_init(elev=25, azim=-60)
    axes.set_box_aspect(None, zoom=1.12)


def _draw_paths(
    axes: Axes, comparison: Comparison, path_cm: FloatArray, colours: dict[float, str]
) -> None:
    for rows, colour in _trials(comparison, colours):
        axes.plot(*path_cm[rows].T, color=colour, linewidth=1.2, alpha=0.85)
    axes.plot(0, 0, "+", color="0.2", markersize=9)
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlabel("x (cm)")
    axes.set_ylabel("y (cm)")
    axes.spines[["top", "right"]].set_visible(False)


def _trials(comparison: Comparison, colours: dict[float, str]) -> list[tuple[BoolArray, str]]:
    """Return rows and colour of each trial."""
    labels = comparison.labels
    chosen = [labels.trial == trial for trial in np.unique(labels.trial)]
    return [(rows, colours[float(labels.direction_deg[rows][0])]) for rows in chosen]
