"""Draw a recording: spikes, rates on the array, movement and trials."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from offline_training.figures.report import colour_of_direction, png_of
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.data.array_map import usual_places
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.summary import rates_hz

_SHOWN_S = 10


def recording_picture(recording: RecordingFile) -> bytes:
    """Return a PNG of the first seconds with trials, the array, and the reaches."""
    figure = Figure(figsize=(13, 7.2), facecolor="white")
    figure.suptitle(recording.name, x=0.05, y=0.97, ha="left", fontsize=15, fontweight="bold")
    grid = figure.add_gridspec(
        2, 2, width_ratios=[2.2, 1], height_ratios=[2, 1], hspace=0.16, wspace=0.2,
        left=0.06, right=0.96, bottom=0.08, top=0.9,
    )  # fmt: skip
    begin_ns = _begin_ns(recording)
    raster = figure.add_subplot(grid[0, 0])
    _draw_raster(raster, recording, begin_ns)
    velocity = figure.add_subplot(grid[1, 0], sharex=raster)
    _draw_velocity(velocity, recording, begin_ns)
    _draw_array(figure.add_subplot(grid[0, 1]), recording)
    _draw_reaches(figure.add_subplot(grid[1, 1]), recording)
    return png_of(figure)


def _begin_ns(recording: RecordingFile) -> int:
    """Return the time of the first trial, or else of the first movement."""
    if recording.trials is not None:
        return int(recording.trials.start_ns[0])
    return 0 if recording.behaviour is None else int(recording.behaviour.time_ns[0])


def _draw_raster(axes: Axes, recording: RecordingFile, begin_ns: int) -> None:
    axes.set_ylabel("Channel")
    axes.set_title(f"The first {_SHOWN_S} s", loc="left")
    axes.set_xlim(begin_ns / NS_PER_S, begin_ns / NS_PER_S + _SHOWN_S)
    axes.tick_params(labelbottom=False)
    if recording.spikes is None:
        _say(axes, "no spikes")
        return
    for chunk in recording.spikes.events(begin_ns, begin_ns + _SHOWN_S * NS_PER_S):
        axes.plot(chunk.time_ns / NS_PER_S, chunk.channel, "|", color="0.15", ms=2.5, mew=0.6)
    axes.set_ylim(0, len(recording.channel_ids) + 1)
    _mark_trials(axes, recording)


def _draw_velocity(axes: Axes, recording: RecordingFile, begin_ns: int) -> None:
    axes.set_xlabel("Time (s)")
    axes.set_ylabel("Velocity (cm/s)")
    if recording.behaviour is None:
        _say(axes, "no kinematics")
        return
    times_ns, velocity = recording.behaviour.time_ns, recording.behaviour.values
    shown = (times_ns >= begin_ns) & (times_ns < begin_ns + _SHOWN_S * NS_PER_S)
    for axis, colour in (("x", "#0072B2"), ("y", "#D55E00")):
        known = _broken_at_gaps(times_ns[shown], velocity[shown, "xy".index(axis)])
        axes.plot(times_ns[shown] / NS_PER_S, known, color=colour, lw=1.2, label=axis)
    axes.legend(loc="upper right", frameon=False, ncols=2)
    _mark_trials(axes, recording)


def _say(axes: Axes, message: str) -> None:
    """Write a message into empty axes."""
    axes.text(0.5, 0.5, message, transform=axes.transAxes, ha="center", va="center", color="0.4")


def _broken_at_gaps(times_ns: Int64Array, values: FloatArray) -> FloatArray:
    """Return the values with NaN after each gap in time, so that no line crosses it."""
    if times_ns.size < 3:
        return values
    steps_ns = np.diff(times_ns, prepend=times_ns[0])
    return np.where(steps_ns > 3 * np.median(steps_ns[1:]), np.nan, values)


def _mark_trials(axes: Axes, recording: RecordingFile) -> None:
    """Draw each trial as a bar in the colour of its direction, with a line at the go cue."""
    if recording.trials is None:
        return
    trials = recording.trials
    colours = colour_of_direction(trials.direction_deg)
    first_s, last_s = axes.get_xlim()
    for index in np.flatnonzero(trials.start_ns < last_s * NS_PER_S)[:50]:
        colour = colours[float(trials.direction_deg[index])]
        start_s, go_s, end_s = (
            float(times_ns[index]) / NS_PER_S
            for times_ns in (trials.start_ns, trials.go_ns, trials.end_ns)
        )
        if end_s >= first_s:
            axes.axvspan(start_s, end_s, color=colour, alpha=0.15, lw=0)
            axes.axvline(go_s, color=colour, lw=1)


def _draw_array(axes: Axes, recording: RecordingFile) -> None:
    axes.set_title("Spikes per second", loc="left")
    axes.set_axis_off()
    rates = rates_hz(recording)
    if not rates.size:
        _say(axes, "no spikes")
        return
    places = usual_places(rates.size)
    cells = np.full(places.max(axis=0) + 1, np.nan)
    cells[places[:, 0], places[:, 1]] = rates
    image = axes.imshow(cells, cmap="viridis", vmin=0)
    for row, column in places[rates == 0]:
        axes.text(column, row, "×", ha="center", va="center", color="white")
    axes.figure.colorbar(image, ax=axes, shrink=0.8)


def _draw_reaches(axes: Axes, recording: RecordingFile) -> None:
    axes.set_xlabel("x (cm)")
    axes.set_ylabel("y (cm)")
    trials, kinematics = recording.trials, recording.behaviour
    if trials is None or kinematics is None:
        _say(axes, "no reaches")
        return
    axes.set_title("Reaches from the go cue on", loc="left")
    axes.set_aspect("equal", adjustable="datalim")
    colours = colour_of_direction(trials.direction_deg)
    for index in range(min(len(trials), 200)):
        inside = (kinematics.time_ns > trials.go_ns[index]) & (
            kinematics.time_ns <= trials.end_ns[index]
        )
        if inside.sum() < 2:
            continue
        steps_s = np.diff(kinematics.time_ns[inside], prepend=trials.go_ns[index]) / NS_PER_S
        path_cm = np.cumsum(kinematics.values[inside] * steps_s[:, None], axis=0)
        axes.plot(*path_cm.T, color=colours[float(trials.direction_deg[index])], lw=0.8)
