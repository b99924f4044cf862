"""Write a session as NWB that others can read, and that reads back bit for bit."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pynwb import NWBHDF5IO, NWBFile, TimeSeries

from rt_ner.core.atomic_files import fresh_file
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.outputs import VELOCITY_XY, names_of
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.nwb.datasets import (
    CHANNEL_COLUMN,
    COUNTS_NAME,
    DIRECTION_COLUMN,
    LABEL_COLUMN,
    TARGET_COLUMN,
    UNIT_COLUMN,
)
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeTimes
from rt_ner.decoding.binning.voltage.settings import CROSSINGS

# NWB requires a date, which a session does not have.
_NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)
_M_PER_CM = 0.01


def write(session: Session, path: Path) -> None:
    """Write a session, completely or not at all. Raise SessionError if the file exists."""
    if path.exists():
        raise SessionError(f"{path} already exists: name another file")
    if session.behaviour.outputs != VELOCITY_XY:
        names = ", ".join(names_of(session.behaviour.outputs))
        raise SessionError(
            f"{path}: NWB files are written with a velocity (vx, vy) alone, this session holds "
            f"{names}: write it as .npz"
        )
    if session.voltage != CROSSINGS:
        raise SessionError(
            f"{path}: NWB files can't tell {session.voltage} from other spikes: write it as .npz"
        )
    nwb = NWBFile(
        session_description=f"{session.name} ({session.area}), written by rt-ner; its date is not "
        "known, times count from the session's start",
        identifier=session.sha256,
        session_start_time=_NO_DATE,
        session_id=session.name,
        notes=json.dumps({"rt_ner_provenance": dict(session.provenance)}),
    )
    _add_electrodes(nwb, session)
    _add_spikes(nwb, session)
    _add_behavior(nwb, session)
    _add_trials(nwb, session)
    for start_ns, end_ns in session.spikes.gaps_ns:
        nwb.add_invalid_time_interval(start_time=start_ns / NS_PER_S, stop_time=end_ns / NS_PER_S)
    with fresh_file(path) as partial, NWBHDF5IO(partial, "w") as file:
        file.write(nwb)


def _add_electrodes(nwb: NWBFile, session: Session) -> None:
    """Add one electrode per channel."""
    device = nwb.create_device(name="array")
    group = nwb.create_electrode_group(
        name="array", description="the array", location=session.area, device=device
    )
    nwb.add_electrode_column(name=LABEL_COLUMN, description="name of the channel")
    for label in session.channel_ids:
        nwb.add_electrode(location=session.area, group=group, **{LABEL_COLUMN: label})


def _add_spikes(nwb: NWBFile, session: Session) -> None:
    """Add the units' spike times, or the counts."""
    spikes = session.spikes
    if not isinstance(spikes, SpikeTimes):
        counts = TimeSeries(
            name=COUNTS_NAME,
            data=spikes.counts,
            unit="spikes",
            rate=NS_PER_S / spikes.bin_ns,
            starting_time=0.0,
            description="spikes per channel and bin",
        )
        nwb.create_processing_module(name="ecephys", description="counted spikes").add(counts)
        return
    nwb.add_unit_column(name=CHANNEL_COLUMN, description="channel that the unit is counted on")
    nwb.add_unit_column(name=UNIT_COLUMN, description="name of the unit")
    for unit, name in enumerate(spikes.unit_ids):
        channel = int(spikes.unit_channel[unit])
        nwb.add_unit(
            spike_times=spikes.time_ns[spikes.unit == unit] / NS_PER_S,
            electrodes=[channel],
            **{CHANNEL_COLUMN: session.channel_ids[channel], UNIT_COLUMN: name},
        )


def _add_behavior(nwb: NWBFile, session: Session) -> None:
    """Add the velocity."""
    velocity = TimeSeries(
        name="hand_vel",
        data=session.behaviour.values,
        unit="m/s",
        conversion=_M_PER_CM,
        timestamps=session.behaviour.time_ns / NS_PER_S,
        description="x and y",
    )
    nwb.create_processing_module(name="behavior", description="movement").add(velocity)


def _add_trials(nwb: NWBFile, session: Session) -> None:
    """Add the trials table."""
    trials = session.trials
    if trials.are_blocks:
        return
    nwb.add_trial_column(name="go_cue_time", description="time of the go cue")
    nwb.add_trial_column(
        name=DIRECTION_COLUMN, description="direction of the reach, counterclockwise from x"
    )
    nwb.add_trial_column(name=TARGET_COLUMN, description="position of the target, x and y")
    for trial in range(len(trials)):
        start_ns, go_ns, end_ns = (
            times[trial] for times in (trials.start_ns, trials.go_ns, trials.end_ns)
        )
        nwb.add_trial(
            start_time=start_ns / NS_PER_S,
            stop_time=end_ns / NS_PER_S,
            go_cue_time=go_ns / NS_PER_S,
            **{
                DIRECTION_COLUMN: float(trials.direction_deg[trial]),
                TARGET_COLUMN: np.asarray(trials.target_cm[trial]),
            },
        )
