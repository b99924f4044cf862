"""Set up what the reports of decodings share: the heading, and axes for latents."""

import numpy as np
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from rt_ner.core.arrays import Float32Array


def headed_figure(title: str, subtitle: str) -> Figure:
    """Return an empty figure with a title and a subtitle."""
    figure = Figure(figsize=(13, 4.9), facecolor="white")
    figure.text(0.012, 0.95, title, fontsize=15, fontweight="bold")
    figure.text(0.012, 0.895, subtitle, fontsize=11, color="0.3")
    return figure


def three_dimensions(latents: Float32Array) -> Float32Array:
    """Return the first three latents ``(hop, 3)``, zeros where there are fewer."""
    first = latents[:, :3]
    return np.pad(first, [(0, 0), (0, 3 - first.shape[1])])


def name_latents(axes: Axes3D) -> None:
    """Name the three axes, without ticks, whose numbers mean nothing."""
    for axis, name in zip((axes.xaxis, axes.yaxis, axes.zaxis), "123", strict=True):
        axis.set_ticklabels([])
        axis.set_pane_color((1, 1, 1, 0))
        axis.set_label_text(f"$z_{name}$ (a.u.)")
        axis.labelpad = -8
