"""Draw a recording: spikes, rates, movement and trials."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from offline_training.figures.report import colour_of_direction, png_of
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.outputs import Output, OutputKind, outputs_in_words
from rt_ner.data.formats.common.trials.directions import plane_columns, plane_path
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.summary import rates_hz
from rt_ner.decoding.binning.voltage.power import UNIT_HZ

_SHOWN_S, _MOST_REACHES = 10, 200
# Okabe & Ito (2008): distinct with any colour vision.
_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_SILENT = "#D55E00"


def recording_picture(recording: RecordingFile) -> bytes:
    """Return a PNG of a recording, as `recording_figure` draws it."""
    return png_of(recording_figure(recording))


def recording_figure(recording: RecordingFile) -> Figure:
    """Return a figure of the first seconds with trials, the channels' rates, and the reaches."""
    figure = Figure(figsize=(13, 7.2), facecolor="white")
    figure.suptitle(recording.name, x=0.05, y=0.97, ha="left", fontsize=15, fontweight="bold")
    grid = figure.add_gridspec(
        2, 2, width_ratios=[2.2, 1], height_ratios=[2, 1], hspace=0.22, wspace=0.2,
        left=0.06, right=0.96, bottom=0.08, top=0.9,
    )  # fmt: skip
    begin_ns = _begin_ns(recording)
    raster = figure.add_subplot(grid[0, 0])
    _draw_raster(raster, recording, begin_ns)
    movement = figure.add_subplot(grid[1, 0], sharex=raster)
    _draw_movement(movement, recording, begin_ns)
    _draw_rates(figure.add_subplot(grid[0, 1], sharey=raster), recording)
    _draw_reaches(figure.add_subplot(grid[1, 1]), recording)
    return figure


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


def _draw_movement(axes: Axes, recording: RecordingFile, begin_ns: int) -> None:
    axes.set_xlabel("Time (s)")
    if recording.behaviour is None:
        _say(axes, "no movement")
        return
    times_ns, values = recording.behaviour.time_ns, recording.behaviour.values
    outputs = recording.behaviour.outputs
    main = _main(outputs)
    axes.set_ylabel(_label(main))
    shown = (times_ns >= begin_ns) & (times_ns < begin_ns + _SHOWN_S * NS_PER_S)
    columns = [number for number, one in enumerate(outputs) if one[1:] == main[1:]]
    for place, column in enumerate(columns):
        known = _broken_at_gaps(times_ns[shown], values[shown, column])
        colour = _LINES[place % len(_LINES)]
        axes.plot(
            times_ns[shown] / NS_PER_S, known, color=colour, lw=1.2, label=outputs[column].name
        )
    axes.legend(loc="upper right", frameon=False, ncols=4)
    others = [one for number, one in enumerate(outputs) if number not in columns]
    if others:
        axes.set_title(f"not drawn: {outputs_in_words(others)}", loc="right", fontsize=8)
    _mark_trials(axes, recording)


def _main(outputs: Sequence[Output]) -> Output:
    """Return the first output that is decoded by default: velocities come first."""
    return next((one for one in outputs if one.is_rate), outputs[0])


def _label(output: Output) -> str:
    """Return an axis label by kind and unit, such as "Position (cm)"."""
    kind = str(output.kind) if output.kind is not OutputKind.OTHER else output.name
    return f"{kind.capitalize()} ({output.unit or 'no unit'})"


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


def _draw_rates(axes: Axes, recording: RecordingFile) -> None:
    """Draw a bar per channel beside its spikes: where the electrodes are is not known here."""
    is_power = recording.voltage.is_power
    axes.set_title("Spike-band power (µV)" if is_power else "Spikes per second", loc="left")
    rates = rates_hz(recording) / (UNIT_HZ if is_power else 1.0)
    if not rates.size:
        _say(axes, "no spikes")
        return
    numbers = np.arange(1, rates.size + 1)
    axes.barh(numbers, rates, height=0.8, color="0.35")
    silent = numbers[rates == 0]
    if silent.size:
        axes.plot(0 * silent, silent, "x", color=_SILENT, ms=5, clip_on=False)
        axes.set_title(f"× silent: {silent.size}", loc="right", color=_SILENT, fontsize=10)
    axes.tick_params(labelleft=False)


def _draw_reaches(axes: Axes, recording: RecordingFile) -> None:
    trials, movement = recording.trials, recording.behaviour
    path = None if movement is None else plane_path(movement)
    if trials is None or movement is None or path is None:
        _say(axes, "no reaches")
        return
    moved = movement.outputs[plane_columns(movement.outputs)[0]]
    unit = moved.unit.removesuffix("/s") or "no unit"
    axes.set_xlabel(f"x from the go cue on ({unit})")
    axes.set_ylabel(f"y ({unit})")
    axes.set_title("Reaches", loc="left")
    axes.set_aspect("equal", adjustable="datalim")
    colours = colour_of_direction(trials.direction_deg)
    for index in range(min(len(trials), _MOST_REACHES)):
        inside = (movement.time_ns >= trials.go_ns[index]) & (
            movement.time_ns <= trials.end_ns[index]
        )
        if inside.sum() > 1:
            way = path[inside] - path[inside][0]
            axes.plot(*way.T, color=colours[float(trials.direction_deg[index])], lw=0.8)
