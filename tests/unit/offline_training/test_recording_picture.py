"""The picture of a recording: labels by kind and unit, true paths, and no map that is not known."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from offline_training.figures.recording import recording_figure, recording_picture
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, OutputKind
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.data.session.trials import Trials

N, BIN_NS, CHANNELS = 100, 50_000_000, 5
POSITION_XY = tuple(Output(f"cursor_{axis}", "cm", OutputKind.POSITION) for axis in "xy")
FORCE = Output("grip", "N", OutputKind.FORCE)


def recording(outputs: tuple[Output, ...]) -> RecordingFile:
    """Two reaches that go from 5 cm to 10 cm along x, at 1 cm/s if it is a velocity."""
    time_ns = np.arange(1, N + 1, dtype=np.int64) * BIN_NS
    values = np.zeros((N, len(outputs)))
    values[:, 0] = 5 + time_ns / 1e9 if outputs[0].kind is OutputKind.POSITION else 1.0
    counts = np.ones((N, CHANNELS), dtype=np.uint8)
    counts[:, 2] = 0
    start_ns = np.array([0, 50 * BIN_NS], dtype=np.int64)
    end_ns = start_ns + 50 * BIN_NS
    return RecordingFile(
        name="day1",
        areas=("M1",),
        channel_ids=tuple(f"sig{channel}a" for channel in range(CHANNELS)),
        spikes=SpikeCounts(counts, BIN_NS),
        behaviour=Behaviour(time_ns, values, outputs),
        trials=Trials(start_ns, start_ns + BIN_NS, end_ns, np.zeros(2), np.zeros((2, 2))),
    )


def labels(figure: Figure) -> list[str]:
    return [text for axes in figure.axes for text in (axes.get_xlabel(), axes.get_ylabel())]


@pytest.mark.parametrize(
    ("outputs", "label"),
    [(VELOCITY_XY, "Velocity (cm/s)"), (POSITION_XY, "Position (cm)"), ((FORCE,), "Force (N)")],
)
def test_movement_is_labelled_by_kind_and_unit(outputs: tuple[Output, ...], label: str) -> None:
    assert label in labels(recording_figure(recording(outputs)))


def test_what_is_not_drawn_is_named() -> None:
    figure = recording_figure(recording((*POSITION_XY, FORCE)))
    titles = [axes.get_title(loc="right") for axes in figure.axes]
    assert "not drawn: grip (force in N)" in titles


@pytest.mark.parametrize("outputs", [VELOCITY_XY, POSITION_XY])
def test_a_velocity_is_integrated_and_a_position_is_not(outputs: tuple[Output, ...]) -> None:
    reaches = recording_figure(recording(outputs)).axes[-1]
    assert reaches.get_xlabel() == "x from the go cue on (cm)"
    for line in reaches.lines:
        x = np.asarray(line.get_xdata())
        assert x[0] == 0
        assert x[-1] == pytest.approx(2.45)


def test_rates_are_bars_and_silent_channels_are_marked() -> None:
    figure = recording_figure(recording(VELOCITY_XY))
    assert not any(axes.images for axes in figure.axes), "no array, for there is no map"
    rates = next(axes for axes in figure.axes if axes.get_title(loc="left") == "Spikes per second")
    assert len(rates.patches) == CHANNELS
    assert np.asarray(rates.lines[0].get_ydata()).tolist() == [3]


def test_a_recording_of_spikes_alone_is_a_picture() -> None:
    bare = replace(recording(VELOCITY_XY), behaviour=None, trials=None)
    assert recording_picture(bare).startswith(b"\x89PNG")
