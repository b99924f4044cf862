"""One session, stored in every form that is read: the same spikes, movement and trials.

There are up to two spikes in a hop of 10 ms, in its middle, so that no stamp that is off by less
than 3 ms moves one to another hop. Velocities are sixteenths of 1 cm/s, which binary numbers hold
exactly.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from rt_ner.data.loading import load_session, save_session
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from tests.helpers.mat_files import V73, header
from tests.helpers.nev_files import nev, nsx
from tests.helpers.xdf_files import Stream, xdf

N_TRIALS, TRIAL_HOPS, N_CHANNELS = 12, 100, 6
N = N_TRIALS * TRIAL_HOPS
HOP_S, GO_HOPS = 0.01, 25
BEGIN_S = 1800.0
# Areas of the channels, in order.
AREAS = ("M1",) * 4 + ("PMd",) * 2
# Blackrock's analog inputs have 16 bits for 10,000 cm/s.
ANALOG_STEP = 5000 / 8191

START_S = np.arange(N_TRIALS) * TRIAL_HOPS * HOP_S
GO_S, END_S = START_S + GO_HOPS * HOP_S, START_S + TRIAL_HOPS * HOP_S
DIRECTION_DEG = np.arange(N_TRIALS) * 45.0 % 360
MOVED_S = np.arange(1, N + 1) * HOP_S


def counts() -> np.ndarray:
    """Spikes per hop, ``(hop, channel)``."""
    return np.random.default_rng(0).poisson(0.3, (N, N_CHANNELS)).clip(0, 2).astype(np.uint8)


def velocity() -> np.ndarray:
    """Velocity at the end of each hop, ``(hop, 2)``, in cm/s."""
    angle = np.deg2rad(np.repeat(DIRECTION_DEG, TRIAL_HOPS))
    phase = np.tile(np.arange(TRIAL_HOPS) - GO_HOPS, N_TRIALS) / (TRIAL_HOPS - GO_HOPS)
    speed = 30 * np.sin(np.pi * phase.clip(0, 1))
    return np.round(16 * speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)) / 16


def trains_s(channel: int) -> np.ndarray:
    """Spike times of a channel: 4.5 ms after the begin of a hop, and 5.5 ms."""
    of_channel = counts()[:, channel]
    hops = [np.flatnonzero(of_channel > which) * HOP_S + 0.0045 + 0.001 * which for which in (0, 1)]
    return np.sort(np.concatenate(hops))


def arrays() -> dict[str, Any]:
    return {
        "counts": counts(), "vel": velocity(), "begin": START_S, "go": GO_S, "end": END_S,
        "direction": DIRECTION_DEG,
    }  # fmt: skip


RECIPE = """
[spikes]
array = "counts"
area = "M1"
[[outputs]]
array = "vel"
[time]
bin_s = 0.01
[trials]
start = "begin"
go = "go"
end = "end"
direction = "direction"
"""


def by_recipe(path: Path, axes: str = '["bin", "channel"]') -> Session:
    recipe = path.with_name("lab.toml")
    recipe.write_text(RECIPE.replace('"counts"', f'"counts"\naxes = {axes}'))
    return load_session(path, recipe=recipe)


def npz(folder: Path) -> Session:
    np.savez(folder / "a.npz", **arrays())
    return by_recipe(folder / "a.npz")


def own_npz(folder: Path) -> Session:
    save_session(npz(folder), folder / "own.npz")
    return load_session(folder / "own.npz")


def mat_5(folder: Path) -> Session:
    from scipy.io import savemat

    savemat(folder / "a.mat", arrays())
    return by_recipe(folder / "a.mat")


def hdf5(path: Path, turn: bool) -> Path:
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in arrays().items():
            file[name] = np.atleast_2d(values).T if turn else values
    return path


def plain_hdf5(folder: Path) -> Session:
    return by_recipe(hdf5(folder / "a.h5", turn=False))


def mat_73(folder: Path) -> Session:
    path = hdf5(folder / "a.mat", turn=True)
    with path.open("r+b") as file:
        file.write(header(V73))
    return by_recipe(path)


def trial_data(names: dict[str, str]) -> Callable[[Path], Session]:
    def stored(folder: Path) -> Session:
        from scipy.io import savemat

        rows = []
        for trial in range(N_TRIALS):
            hops = slice(trial * TRIAL_HOPS, (trial + 1) * TRIAL_HOPS)
            row = {
                "bin_size": HOP_S, "M1_spikes": counts()[hops].astype(float),
                "vel": velocity()[hops], "target_direction": np.deg2rad(DIRECTION_DEG[trial]),
                "idx_trial_start": 1.0, "idx_go_cue": GO_HOPS + 1.0,
                "idx_trial_end": float(TRIAL_HOPS), "result": "R",
            }  # fmt: skip
            rows.append({names.get(name, name): value for name, value in row.items()})
        struct = np.zeros((1, N_TRIALS), dtype=[(name, object) for name in rows[0]])
        for number, row in enumerate(rows):
            struct[0, number] = tuple(row.values())
        savemat(folder / "td.mat", {"trial_data": struct})
        return load_session(folder / "td.mat")

    return stored


OLD_NAMES = {
    "target_direction": "tgtDir", "idx_go_cue": "idx_goCueTime", "idx_trial_start": "idx_startTime",
    "idx_trial_end": "idx_endTime",
}  # fmt: skip


def raster(ppm: float) -> tuple[np.ndarray, np.ndarray]:
    """Stamps in s, and counts, of an amplifier whose samples last 1 ms and some ppm."""
    period_s = 0.001 * (1 + ppm / 1e6)
    n_samples = int((N * HOP_S + 0.2) / period_s)
    values = np.zeros((n_samples, N_CHANNELS), dtype=np.int64)
    for channel in range(N_CHANNELS):
        np.add.at(values[:, channel], (trains_s(channel) / period_s).astype(np.int64), 1)
    return BEGIN_S + np.arange(1, n_samples + 1) * period_s, values


def recorded(ppm: float = 0.0, jitter_ms: float = 0.0) -> Callable[[Path], Session]:
    def stored(folder: Path) -> Session:
        rng = np.random.default_rng(1)
        labels = [f"e{channel}" for channel in range(N_CHANNELS)]
        spikes = Stream(1, "amp", "Spikes", labels, 1000, fmt="int16")
        hand = Stream(2, "hand", "Kinematics", ["vx", "vy"], 100, unit="cm/s")
        task = Stream(3, "task", "Markers", ["event"], 0, fmt="string")
        stamps_s, values = raster(ppm)
        stamps_s = stamps_s + rng.uniform(-jitter_ms, jitter_ms, stamps_s.size) / 1000
        markers: list[tuple[float, str]] = [(0.0, "session_zero")]
        for trial in range(N_TRIALS):
            markers += [
                (START_S[trial], f"trial_start {trial}"),
                (GO_S[trial], f"go {trial} direction_deg={DIRECTION_DEG[trial]:g}"),
                (END_S[trial], f"trial_end {trial}"),
            ]
        parts = [stream.header() for stream in (spikes, hand, task)]
        for begin in range(0, len(stamps_s), 1000):
            piece = slice(begin, begin + 1000)
            parts.append(spikes.samples(stamps_s[piece].tolist(), values[piece].tolist()))
        parts.append(hand.samples((BEGIN_S + MOVED_S).tolist(), velocity().tolist()))
        parts.append(
            task.samples([BEGIN_S + at for at, _ in markers], [[text] for _, text in markers])
        )
        (folder / "a.xdf").write_bytes(xdf(*parts))
        return load_session(folder / "a.xdf")

    return stored


def _nwb(folder: Path, fill: Callable[[Any], None], area: str | None = None) -> Session:
    """Write an NWB file with trials, and what ``fill`` adds to it."""
    import pynwb

    nwb = pynwb.NWBFile("one", "one", datetime(2020, 1, 1, tzinfo=UTC))
    nwb.add_trial_column("go_cue_time", "go cue")
    nwb.add_trial_column("target_dir", "in radians")
    for trial in range(N_TRIALS):
        nwb.add_trial(
            start_time=START_S[trial], stop_time=END_S[trial], go_cue_time=GO_S[trial],
            target_dir=np.deg2rad(DIRECTION_DEG[trial]),
        )  # fmt: skip
    fill(nwb)
    with pynwb.NWBHDF5IO(folder / "a.nwb", "w") as file:
        file.write(nwb)
    return load_session(folder / "a.nwb", area)


def _add_units(nwb: Any, areas: tuple[str, ...], **more: Any) -> None:
    device = nwb.create_device("array")
    groups = {
        area: nwb.create_electrode_group(area, area, area, device) for area in sorted({*areas})
    }
    for channel, area in enumerate(areas):
        nwb.add_electrode(location=area, group=groups[area])
        nwb.add_unit(spike_times=trains_s(channel), electrodes=[channel], **more)


def _add_movement(nwb: Any, **more: Any) -> None:
    import pynwb

    module = nwb.create_processing_module("behavior", "movement")
    given = {"data": velocity(), "unit": "cm/s", "timestamps": MOVED_S} | more
    module.add(pynwb.TimeSeries(name="hand_vel", **given))


def nwb_units(folder: Path) -> Session:
    def fill(nwb: Any) -> None:
        _add_units(nwb, ("M1",) * N_CHANNELS)
        _add_movement(nwb)

    return _nwb(folder, fill)


def nwb_counts(folder: Path) -> Session:
    """Binned counts, and a velocity in m/s with a rate instead of time stamps."""

    def fill(nwb: Any) -> None:
        import pynwb

        even = {"timestamps": None, "rate": 1 / HOP_S, "starting_time": HOP_S}
        _add_movement(nwb, data=velocity() / 100, unit="m/s", **even)
        series = pynwb.TimeSeries(name="binned_spikes", data=counts(), unit="counts", rate=100.0)
        nwb.processing["behavior"].add(series)

    return _nwb(folder, fill)


def nwb_areas(folder: Path) -> Session:
    """Units of two areas, with the time in which they were observed."""

    def fill(nwb: Any) -> None:
        _add_units(nwb, AREAS, obs_intervals=[[0.0, N * HOP_S]])
        _add_movement(nwb)

    return _nwb(folder, fill, "M1,PMd")


def own_nwb(folder: Path) -> Session:
    save_session(npz(folder), folder / "own.nwb")
    return load_session(folder / "own.nwb")


def blackrock(folder: Path) -> Session:
    ticks = [
        (round(time_s * 30_000), channel + 1, 1)
        for channel in range(N_CHANNELS)
        for time_s in trains_s(channel)
    ]
    labels = [f"chan{channel}" for channel in range(N_CHANNELS)]
    (folder / "a.nev").write_bytes(nev(labels, sorted(ticks)))
    raw = np.rint(velocity() / ANALOG_STEP)
    (folder / "a.ns2").write_bytes(nsx(["vx", "vy"], raw, period=300))
    return load_session(folder / "a.nev")


def through_pynapple(folder: Path) -> Session:
    session = nwb_units(folder)
    objects = session.to_pynapple()
    return Session.from_pynapple(objects.spikes, objects.behaviour, objects.trials)


def spike_counts(session: Session) -> np.ndarray:
    """The counts of a session that holds counts."""
    assert isinstance(session.spikes, SpikeCounts)
    return session.spikes.counts
