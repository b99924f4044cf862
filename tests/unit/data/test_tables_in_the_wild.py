"""NWB and TrialData as labs have them: the right value, or the doubt said."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.trials.outcomes import outcomes
from rt_ner.data.formats.nwb.parts.trials import trials_of
from rt_ner.data.loading import load_recording
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.behaviour import Behaviour

pynwb = pytest.importorskip("pynwb")
scipy_io = pytest.importorskip("scipy.io")

N_TRIALS, TRIAL_S, RATE_HZ = 32, 0.6, 100.0
TRUE_DEG = np.arange(N_TRIALS) * 135.0 % 360.0
TRUE_INDEX = TRUE_DEG / 45.0


def reaching(turn_deg: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Times, and a velocity in cm/s that goes to each trial's target and rests before."""
    time_s = np.arange(int(N_TRIALS * TRIAL_S * RATE_HZ)) / RATE_HZ
    trial = np.minimum((time_s / TRIAL_S).astype(int), N_TRIALS - 1)
    speed = np.where(time_s - trial * TRIAL_S > 0.2, 20.0, 0.0)
    angle = np.deg2rad(TRUE_DEG[trial] + turn_deg)
    return time_s, speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


Table = dict[str, Any]


def plain_table() -> Table:
    start_s = np.arange(N_TRIALS) * 0.6
    return {"start_time": start_s, "stop_time": start_s + 0.6, "go_cue_time": start_s + 0.2}


def nwb_file(
    folder: Path,
    table: Table,
    series: dict[str, tuple[np.ndarray, str]] | None = None,
    change: Callable[[Any], None] = lambda _: None,
    **of_series: Any,
) -> RecordingFile:
    nwb = pynwb.NWBFile("wild", "wild", datetime(2020, 1, 1, tzinfo=UTC))
    group = nwb.create_electrode_group("M1", "M1", "M1", nwb.create_device("array"))
    for number in range(3):
        nwb.add_electrode(location="M1", group=group)
        nwb.add_unit(spike_times=0.1 + np.arange(190) * 0.1, electrodes=[number])
    behavior = nwb.create_processing_module("behavior", "movement")
    for name, (values, unit) in (series or {"hand_vel": (reaching()[1], "cm/s")}).items():
        behavior.add(pynwb.TimeSeries(name=name, data=values, unit=unit, rate=RATE_HZ, **of_series))
    for name in table.keys() - {"start_time", "stop_time"}:
        nwb.add_trial_column(name, name)
    for row in range(len(table["start_time"])):
        nwb.add_trial(**{name: values[row] for name, values in table.items()})
    change(nwb)
    with pynwb.NWBHDF5IO(folder / "wild.nwb", "w") as file:
        file.write(nwb)
    return load_recording(folder / "wild.nwb")


def said(recording: RecordingFile, words: str) -> bool:
    return any(words in warning for warning in recording.warnings)


TIMES: dict[str, tuple[Callable[[Table], None], int, str]] = {
    "rounding of float seconds": (lambda _: None, 32, ""),
    "ends overlap by 1 ns": (lambda t: t.update(stop_time=t["stop_time"] + 1e-9), 32, ""),
    "a margin of 0.3 s": (
        lambda t: t.update(stop_time=t["stop_time"] + 0.3), 32, "cut at its start: 31",
    ),
    "rows in another order": (
        lambda t: t.update({name: np.roll(values[::-1], 5) for name, values in t.items()}),
        32, "in another order",
    ),
    "go cues from the trial's start": (
        lambda t: t.update(go_cue_time=np.full(N_TRIALS, 0.2)), 32,
        "go cues count from the start of their trial",
    ),
    "a go cue outside": (
        lambda t: t["go_cue_time"].__setitem__(3, 900.0), 31, "go cue does not lie within them",
    ),
    "no go cue": (lambda t: t["go_cue_time"].__setitem__(3, np.nan), 31, "left out: 1"),
}  # fmt: skip


def hand() -> Behaviour:
    time_s, velocity = reaching()
    return Behaviour(np.rint(time_s * 1e9).astype(np.int64) + 1, velocity)


@pytest.mark.parametrize("name", TIMES)
def test_no_trial_is_lost_to_its_times(name: str) -> None:
    change, n, words = TIMES[name]
    table = plain_table()
    change(table)
    trials, warnings = trials_of(table | {"direction_deg": TRUE_DEG}, hand(), 0)
    assert trials is not None
    assert len(trials) == n
    assert words in " ".join(warnings)
    np.testing.assert_allclose(np.sort(trials.start_ns), trials.start_ns)
    np.testing.assert_allclose(trials.go_ns - trials.start_ns, 200_000_000, atol=2)
    np.testing.assert_allclose(trials.end_ns - trials.start_ns, 600_000_000, atol=400_000_000)


OUTCOMES: dict[str, tuple[Any, int, str]] = {
    "true or false": ([k % 4 != 0 for k in range(N_TRIALS)], 24, "failed, left out: 8"),
    "text True and False": (["False" if k % 4 == 0 else "True" for k in range(N_TRIALS)], 24, ""),
    "1 and NaN": ([np.nan if k % 4 == 0 else 1.0 for k in range(N_TRIALS)], 24, ""),
    "1 and 0": ([0 if k % 4 == 0 else 1 for k in range(N_TRIALS)], 24, ""),
    "words": (["aborted" if k % 4 == 0 else "rewarded" for k in range(N_TRIALS)], 24, ""),
    "codes of characters": ([70.0 if k % 4 == 0 else 82.0 for k in range(N_TRIALS)], 24, ""),
    "words that nobody knows": (["blue"] * N_TRIALS, 32, "'blue', none of which is known"),
}


@pytest.mark.parametrize("column", ["success", "outcome", "is_successful", "result"])
@pytest.mark.parametrize("name", OUTCOMES)
def test_outcomes_are_what_labs_write(name: str, column: str) -> None:
    values, n, _ = OUTCOMES[name]
    assert outcomes({column: values}, N_TRIALS).succeeded.sum() == n


@pytest.mark.parametrize("name", ["text True and False", "words that nobody knows"])
def test_outcomes_choose_the_trials_of_a_file(name: str, tmp_path: Path) -> None:
    values, n, words = OUTCOMES[name]
    recording = nwb_file(tmp_path, plain_table() | {"direction_deg": TRUE_DEG, "outcome": values})
    assert recording.trials is not None
    assert len(recording.trials) == n
    assert said(recording, words or "failed, left out: 8")


TARGETS = 8.0 * np.stack([np.cos(np.deg2rad(TRUE_DEG)), np.sin(np.deg2rad(TRUE_DEG))], axis=1)
DIRECTIONS: dict[str, tuple[str, Any, str]] = {
    "degrees": ("target_dir", TRUE_DEG, "is read as degrees"),
    "from -180 to 180": ("target_dir", (TRUE_DEG + 180) % 360 - 180, "is read as degrees"),
    "radians": ("target_dir", np.deg2rad(TRUE_DEG), "is read as radians"),
    "indices from 0": ("target_dir", TRUE_INDEX, "is read as indices from 0"),
    "indices from 1": ("target_dir", TRUE_INDEX + 1, "is read as indices from 1"),
    "targets": ("target_pos", TARGETS, "is read as cm from the centre"),
    "targets in the workspace": (
        "target_pos", TARGETS + np.array([3.0, -33.0]), "with the centre at (3, -33)",
    ),
    "targets in space": (
        "target_pos", np.column_stack([TARGETS, np.full(N_TRIALS, 2.0)]), "is read as cm",
    ),
    "text": ("direction", ["left"] * N_TRIALS, "no directions: those of the movement"),
    "none": ("weather", ["fine"] * N_TRIALS, "no directions: those of the movement"),
    "of another task": (
        "target_dir", np.random.default_rng(0).permutation(TRUE_DEG),
        "does not fit where the reaches went",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DIRECTIONS)
def test_directions_are_understood_by_where_the_reaches_went(name: str) -> None:
    column, values, words = DIRECTIONS[name]
    trials, warnings = trials_of(plain_table() | {column: list(values)}, hand(), 0)
    assert trials is not None
    turn = np.deg2rad(trials.direction_deg - TRUE_DEG)
    np.testing.assert_allclose(np.exp(1j * turn), 1.0, atol=1e-6)
    assert words in " ".join(warnings)


@pytest.mark.parametrize("name", ["indices from 1", "targets in space", "text"])
def test_columns_of_a_file_are_read_for_directions(name: str, tmp_path: Path) -> None:
    column, values, words = DIRECTIONS[name]
    recording = nwb_file(tmp_path, plain_table() | {column: list(values)})
    assert recording.trials is not None
    assert said(recording, words), recording.warnings


def test_labels_that_are_turned_against_the_movement_are_told(tmp_path: Path) -> None:
    series = {"hand_vel": (reaching(-45.0)[1], "cm/s")}
    recording = nwb_file(tmp_path, plain_table() | {"direction_deg": TRUE_DEG}, series)
    assert said(recording, "reaches went 45° clockwise of their directions throughout")
    assert recording.trials is not None
    np.testing.assert_allclose(recording.trials.direction_deg, TRUE_DEG)


VELOCITY = reaching()[1]
POSITION = np.cumsum(VELOCITY, axis=0) / RATE_HZ
SERIES: dict[str, tuple[dict[str, tuple[np.ndarray, str]], dict[str, Any], str]] = {
    "meters/second": ({"hand_vel": (VELOCITY / 100, "meters/second")}, {}, ""),
    "millimeters": ({"hand_pos": (POSITION * 10, "millimeters")}, {}, "derivative of hand_pos"),
    "pixels": ({"cursor_vel": (VELOCITY, "pixels")}, {}, "unit 'pixels' of cursor_vel is unknown"),
    "an offset": (
        {"hand_vel": (VELOCITY + 3.0, "m/s")}, {"conversion": 0.01, "offset": -0.03}, "",
    ),
    "a finger, and exposure": (
        {"exposure": (POSITION[:, ::-1], "s"), "finger": (POSITION, "cm")}, {}, "of finger",
    ),
    "x and y apart": (
        {"hand_vel_x": (VELOCITY[:, 0], "cm/s"), "hand_vel_y": (VELOCITY[:, 1], "cm/s")}, {}, "",
    ),
    "an eye beside": ({"eye_vel": (-VELOCITY, "cm/s"), "cursorVel": (VELOCITY, "cm/s")}, {}, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", SERIES)
def test_the_movement_is_found_in_its_unit(name: str, tmp_path: Path) -> None:
    series, settings, words = SERIES[name]
    recording = nwb_file(tmp_path, plain_table() | {"direction_deg": TRUE_DEG}, series, **settings)
    assert recording.behaviour is not None
    inner = slice(2, -2)
    found, truth = recording.behaviour.values[inner], VELOCITY[inner]
    if "derivative" in words or "finger" in words:
        assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.95
        assert np.abs(found).max() == pytest.approx(20.0, rel=0.01)
    else:
        np.testing.assert_allclose(found, truth, atol=1e-9)
    assert said(recording, words) or not words


@pytest.mark.parametrize(("scale", "seen"), [(0.01, "0.2"), (1000.0, "2e+04")])
def test_a_speed_that_no_hand_has_is_doubted(scale: float, seen: str, tmp_path: Path) -> None:
    series = {"hand_vel": (VELOCITY * scale, "cm/s")}
    recording = nwb_file(tmp_path, plain_table() | {"direction_deg": TRUE_DEG}, series)
    assert said(recording, f"99th percentile of speed is {seen} cm/s")


def test_without_movement_the_series_are_listed(tmp_path: Path) -> None:
    series = {"exposure": (VELOCITY, "s"), "lick": (VELOCITY[:, 0], "V")}
    recording = nwb_file(tmp_path, plain_table(), series)
    (reason,) = recording.missing_for_training()
    assert "the file holds exposure 1920×2 in 's', lick 1920 in 'V'" in reason


@pytest.mark.parametrize("first", [0, 1])
def test_electrodes_have_the_names_of_live_channels(first: int, tmp_path: Path) -> None:
    def renumber(nwb: Any) -> None:
        nwb.electrodes.id.data[:] = [first, first + 1, first + 2]

    recording = nwb_file(tmp_path, plain_table() | {"direction_deg": TRUE_DEG}, change=renumber)
    assert recording.channel_ids == ("elec001/1", "elec002/1", "elec003/1")


def test_names_may_be_bytes_and_a_few_spike_times_no_times(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "wild.nwb"
    nwb_file(tmp_path, plain_table() | {"direction_deg": TRUE_DEG})
    with h5py.File(path, "r+") as file:
        place = "general/extracellular_ephys/electrodes/location"
        attributes = dict(file[place].attrs)
        del file[place]
        file[place] = np.array([b"hippocampus_right"] * 3)
        file[place].attrs.update(attributes)
        file["units/spike_times"][7] = np.nan
    recording = load_recording(path, "hippocampus_right")
    assert recording.areas == ("hippocampus_right",)
    assert recording.spikes is not None
    assert recording.spikes.n_spikes == 569
    assert said(recording, "spike times that are NaN or beyond all clocks, left out: 1")


def test_counts_in_a_time_series_are_spikes(tmp_path: Path) -> None:
    counts = np.random.default_rng(0).poisson(1.0, (200, 6))
    nwb = pynwb.NWBFile("wild", "wild", datetime(2020, 1, 1, tzinfo=UTC))
    module = nwb.create_processing_module("behavior", "movement")
    for name, values, rate, unit in (
        ("binned_spikes", counts, 20.0, "counts"), ("cursor_vel", VELOCITY[:1000], 100.0, "cm/s")
    ):  # fmt: skip
        module.add(
            pynwb.TimeSeries(name=name, data=values, rate=rate, unit=unit, starting_time=2.0)
        )
    with pynwb.NWBHDF5IO(tmp_path / "a.nwb", "w") as file:
        file.write(nwb)
    recording = load_recording(tmp_path / "a.nwb")
    assert recording.spikes is not None
    assert recording.spikes.raster_period_ns == 50_000_000
    assert recording.spikes.gaps_ns.tolist() == [[0, 2_000_000_000]]
    rows = np.concatenate([part.counts for part in recording.spikes.raster(0, 12_000_000_000)])
    np.testing.assert_array_equal(rows, counts)


def trial_data(folder: Path, kept_as: str = "struct", **changes: Any) -> RecordingFile:
    """TrialData of 16 trials in bins of 50 ms; a change may be a function of the trial's row."""
    rng = np.random.default_rng(0)
    rows = []
    for trial in range(16):
        angle = np.deg2rad(45.0 * trial)
        row: dict[str, Any] = {
            "bin_size": 0.05,
            "M1_spikes": rng.poisson(0.8, (20, 5)).astype(float),
            "vel": np.tile([20 * np.cos(angle), 20 * np.sin(angle)], (20, 1)),
            "target_direction": angle % (2 * np.pi),
            "idx_go_cue": 5.0,
            "result": "R",
        }
        old = dict(row)
        for name, change in changes.items():
            row[name] = change(old) if callable(change) else change
        rows.append({name: value for name, value in row.items() if value is not None})
    struct = np.zeros((1, len(rows)), dtype=[(name, object) for name in rows[0]])
    for number, row in enumerate(rows):
        struct[0, number] = tuple(row.values())
    content: dict[str, Any] = {"trial_data": rows if kept_as == "cells" else struct}
    scipy_io.savemat(folder / "td.mat", {"data": content} if kept_as == "nested" else content)
    return load_recording(folder / "td.mat")


OLD_NAMES = {
    "target_direction": None, "tgtDir": lambda row: row["target_direction"], "idx_go_cue": None,
    "idx_goCueTime": 5.0, "idx_startTime": 1.0, "idx_endTime": 20.0,
}  # fmt: skip
ROWS: dict[str, tuple[dict[str, Any], str, str]] = {
    "as today": ({}, "struct", ""),
    "rates in Hz": (
        {"M1_spikes": lambda row: row["M1_spikes"] / 0.05}, "struct", "spikes are rates in Hz",
    ),
    "bins in ms": ({"bin_size": 50.0}, "struct", "bin_size = 50 is taken to be in ms"),
    "transposed spikes": ({"M1_spikes": lambda row: row["M1_spikes"].T}, "struct", ""),
    "nested": ({}, "nested", ""),
    "cells": ({}, "cells", ""),
    "older names": (OLD_NAMES, "struct", ""),
    "outcome in words": ({"result": "reward"}, "struct", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_trial_data_of_any_age(name: str, tmp_path: Path) -> None:
    changes, kept_as, words = ROWS[name]
    expected, found = trial_data(tmp_path), trial_data(tmp_path, kept_as, **changes)
    assert expected.spikes is not None
    assert found.spikes is not None
    np.testing.assert_array_equal(found.spikes.counts, expected.spikes.counts)
    assert found.spikes.raster_period_ns == 50_000_000
    assert found.trials is not None
    assert expected.trials is not None
    np.testing.assert_array_equal(found.trials.go_ns, expected.trials.go_ns)
    turn = np.deg2rad(found.trials.direction_deg - expected.trials.direction_deg)
    np.testing.assert_allclose(np.exp(1j * turn), 1.0, atol=1e-9)
    assert said(found, words) or not words


def test_smoothed_counts_are_refused_and_metres_doubted(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="not whole numbers .* give the counts before smoothing"):
        trial_data(tmp_path, M1_spikes=lambda row: row["M1_spikes"] * 0.37)
    metres = trial_data(tmp_path, vel=lambda row: row["vel"] / 100)
    assert said(metres, "99th percentile of speed is 0.2 cm/s")
    rare = trial_data(tmp_path, M1_spikes=lambda row: row["M1_spikes"] * 60)
    assert said(rare, "spikes per second, expected at most 1,000") or said(rare, "rates in Hz")
