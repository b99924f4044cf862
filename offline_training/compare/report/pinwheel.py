"""Draw every method's latents of held-out trials, rotated to a common view."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from mpl_toolkits.mplot3d import Axes3D

from offline_training.compare.evaluation_split import directions_of_trials
from offline_training.compare.run import Results
from offline_training.compare.scoring.aligned.alignment import mean_of_known
from offline_training.compare.scoring.scores import Embedding
from offline_training.figures.report import colour_of_direction, png_of
from rt_ner.core.arrays import FloatArray
from rt_ner.decoding.readouts.readout import fit_readout

_COLUMNS = 4
_SIDE = 3.2
# Half a panel's width; nearly all latents lie within 1 of their mean.
_REACH = 1.3
_COMPASS = 0.5


def draw_latents(results: Results) -> bytes | None:
    """Draw the first recording's latents, one panel per method; None without any or directions.

    Averages over the held-out trials of one direction are bold, single trials are faint.
    """
    if not (results.embeddings and results.embeddings[0].recording.has_directions):
        return None
    recording = results.embeddings[0].recording
    shown = [each for each in results.embeddings if each.recording is recording]
    n_columns = min(_COLUMNS, len(shown))
    n_rows = -(-len(shown) // n_columns)
    width, height = n_columns * _SIDE + 1.3, n_rows * _SIDE + 0.8
    figure = Figure(figsize=(width, height), facecolor="white")
    title = (
        f"{recording.name}: latents of held-out trials (a.u.)\n"
        "$v_x$, $v_y$: plane of the linear readout; $z$: orthogonal to it"
    )
    figure.text(0.15 / width, 1 - 0.15 / height, title, fontsize=9, verticalalignment="top")
    panels = figure.subplots(n_rows, n_columns, squeeze=False, subplot_kw={"projection": "3d"})
    figure.subplots_adjust(0, 0, 1 - 1.3 / width, 1 - 0.55 / height, wspace=0, hspace=0)
    colours = colour_of_direction(recording.split.test.labels.direction_deg)
    for axes, embedding in zip(panels.flat, shown, strict=False):
        _draw_panel(axes, embedding, colours)
    for axes in panels.flat[len(shown) :]:
        axes.set_visible(False)
    figure.legend(
        handles=_legend(colours), title="Reach direction", loc="center right", frameon=False
    )
    return png_of(figure)


def display_latents(embedding: Embedding) -> FloatArray:
    """Return held-out latents ``(hop, 3)``, centred, scaled and rotated for display.

    Axes 1 and 2 span the plane of the linear readout, as close to its x and y as orthogonal axes
    can be. Axis 3 is the orthogonal direction in which the training latents vary most, and points
    to higher speed. 99 % of the training latents lie within 1 of their mean. Missing dimensions
    are zero.
    """
    missing = [(0, 0), (0, max(3 - embedding.train.shape[1], 0))]
    train, test = np.pad(embedding.train, missing), np.pad(embedding.test, missing)
    mean = train.mean(axis=0, dtype=np.float64)
    basis = _display_basis(train - mean, embedding.recording.split.train.labels.values)
    scale = np.quantile(np.linalg.norm(train - mean, axis=1), 0.99)
    turned: FloatArray = (test - mean) @ basis
    return turned / max(float(scale), 1e-12)


def _display_basis(centred: FloatArray, velocity_cm_s: FloatArray) -> FloatArray:
    """Return orthonormal display axes ``(dims, 3)``, from training latents."""
    readout = fit_readout(centred.astype(np.float32), velocity_cm_s)
    left, _, right = np.linalg.svd(readout.matrix)
    plane, rest = left[:, :2] @ right, left[:, 2:]
    across = centred @ rest
    third = rest @ np.linalg.svd(across.T @ across)[0][:, 0]
    speed = np.linalg.norm(velocity_cm_s, axis=1)
    if (centred @ third) @ (speed - speed.mean()) < 0:
        third = -third
    return np.column_stack([plane, third])


def _draw_panel(axes: Axes3D, embedding: Embedding, colours: dict[float, str]) -> None:
    labels = embedding.recording.split.test.labels
    in_steps = embedding.recording.in_steps(display_latents(embedding), labels)
    direction = directions_of_trials(labels)
    for trial, each in zip(in_steps, direction, strict=True):
        axes.plot(*trial.T, color=colours[float(each)], linewidth=0.7, alpha=0.35)
    for each, colour in colours.items():
        average = mean_of_known(in_steps[direction == each])
        axes.plot(*average.T, color=colour, linewidth=2.8)
    _draw_compass(axes)
    axes.set_title(embedding.method.name, y=0.95, fontsize=12)
    # The readout's plane nearly faces the viewer: x to the right, y up, the third axis forward.
    axes.view_init(elev=62, azim=-80)
    axes.set_axis_off()
    axes.set(xlim=(-_REACH, _REACH), ylim=(-_REACH, _REACH), zlim=(-_REACH, _REACH))
    axes.set_box_aspect((1, 1, 1), zoom=1.5)


def _draw_compass(axes: Axes3D) -> None:
    """Draw the three axes in a corner."""
    corner = np.array([-1.15, -1.25, -0.4])
    for end, name in zip(_COMPASS * np.eye(3), ("$v_x$", "$v_y$", "$z$"), strict=True):
        axes.plot(*np.stack([corner, corner + end]).T, color="0.35", linewidth=1.0)
        axes.text(*(corner + 1.25 * end), name, color="0.35", fontsize=9, ha="center", va="center")


def _legend(colours: dict[float, str]) -> Sequence[Line2D]:
    return [
        Line2D([], [], color=colour, linewidth=2.5, label=f"{direction:g}°")
        for direction, colour in colours.items()
    ]
