"""Read and write NumPy archives (.npz): the project's own form, and two layouts of arrays.

Nothing is unpickled: archives are read with ``allow_pickle=False``.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from rt_ner.core.arrays import AnyArray
from rt_ner.core.atomic_files import fresh_file
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, OutputKind
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.counts import checked_counts
from rt_ner.data.formats.common.guards.foreign_files import described
from rt_ner.data.formats.continuous import (
    CONTINUOUS_ARRAYS,
    TRIALS_UNUSED,
    continuous_session,
    is_continuous,
)
from rt_ner.data.formats.reach import REACH_ARRAYS, reach_areas, reach_session
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.gaps import NO_GAPS
from rt_ner.data.session.session import Session, SessionPart
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.data.session.trials import UNCUT, Trials
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings

_FORMAT_KEY = "rt_ner_session"
# Version 1 has a velocity and trials; 2 may have other outputs, no trials, or values that were made
# of voltage in another way than crossings without a reference; 3 may have gaps, and parts that it
# was joined from. The lowest is written that holds everything.
_VELOCITY_VERSION, _OUTPUTS_VERSION, _VERSION = 1, 2, 3
_EXPECTED = f"expected a file written by rt-ner, {REACH_ARRAYS}, or {CONTINUOUS_ARRAYS}"


def read(path: Path, area: str | None) -> RecordingFile:
    """Read an archive of any layout."""
    arrays = _read_arrays(path)
    try:
        if _FORMAT_KEY in arrays:
            return RecordingFile.of_session(_own_session(arrays, area), ())
        if is_continuous(arrays):
            whole = RecordingFile.of_session(continuous_session(arrays, area, path), ())
            return replace(whole, missing={"trials": TRIALS_UNUSED})
        if areas := reach_areas(arrays):
            return RecordingFile.of_session(reach_session(arrays, area, path), areas)
    except KeyError as error:
        raise SessionError(f"not a complete session: it has no {error}; {_EXPECTED}") from error
    except (ValueError, IndexError, TypeError) as error:
        raise SessionError(f"not a usable session: {error}") from error
    raise SessionError(f"not a session: {_EXPECTED}; it holds {described(arrays)}")


def write(session: Session, path: Path) -> None:
    """Write a session in the project's own form, completely or not at all."""
    is_velocity = session.behaviour.outputs == VELOCITY_XY
    header: dict[str, object] = {
        "version": _version_of(session),
        "name": session.name,
        "area": session.area,
        "channel_ids": session.channel_ids,
        "provenance": dict(session.provenance),
    }
    if isinstance(session.spikes, SpikeTimes):
        header["unit_ids"] = session.spikes.unit_ids
    if not is_velocity:
        header["outputs"] = session.behaviour.outputs
    if session.parts:
        header["parts"] = [asdict(part) for part in session.parts]
        header["are_blocks"] = session.trials.are_blocks
    if session.voltage != CROSSINGS:
        header["voltage"] = session.voltage.model_dump(mode="json")
    with fresh_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            rt_ner_session=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
            **_spike_arrays(session.spikes),
            kinematics_time_ns=session.behaviour.time_ns,
            **{_values_key(is_velocity): session.behaviour.values},
            **_trial_arrays(session),
        )


def _version_of(session: Session) -> int:
    """Return the lowest version of the format that holds a session."""
    if session.parts or len(session.spikes.gaps_ns):
        return _VERSION
    is_plain = session.behaviour.outputs == VELOCITY_XY and not session.trials.are_blocks
    is_plain = is_plain and session.voltage == CROSSINGS
    return _VELOCITY_VERSION if is_plain else _OUTPUTS_VERSION


def _values_key(is_velocity: bool) -> str:
    """Return the name of the array of the outputs' values."""
    return "velocity_cm_s" if is_velocity else "behaviour"


def _trial_arrays(session: Session) -> dict[str, AnyArray]:
    """Return the arrays that trials are stored as; none for blocks that can be cut anew."""
    trials = session.trials
    if trials.are_blocks and not session.parts:
        return {}
    return {
        "trial_start_ns": trials.start_ns,
        "trial_go_ns": trials.go_ns,
        "trial_end_ns": trials.end_ns,
        "trial_direction_deg": trials.direction_deg,
        "trial_target_cm": trials.target_cm,
    }


def _spike_arrays(spikes: SpikeTimes | SpikeCounts) -> dict[str, AnyArray]:
    """Return the arrays that the spikes are stored as."""
    gaps = {"gaps_ns": spikes.gaps_ns} if len(spikes.gaps_ns) else {}
    if isinstance(spikes, SpikeTimes):
        return gaps | {
            "spike_time_ns": spikes.time_ns,
            "spike_unit": spikes.unit,
            "unit_channel": spikes.unit_channel,
        }
    return gaps | {"counts": spikes.counts, "count_bin_ns": np.array(spikes.bin_ns)}


def _read_arrays(path: Path) -> dict[str, AnyArray]:
    """Return all arrays of an archive by name."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SessionError(f"can't be read: {error}") from error
    try:
        archive = np.load(io.BytesIO(content), allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise SessionError(f"not a session: it is a single array; {_EXPECTED}")
        return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise SessionError(
            "not a session: expected a NumPy archive (.npz) without pickles"
        ) from error


def _own_session(arrays: Mapping[str, AnyArray], area: str | None) -> Session:
    """Return the session of an archive in the project's own form."""
    header = json.loads(arrays[_FORMAT_KEY].tobytes())
    if header["version"] not in range(_VELOCITY_VERSION, _VERSION + 1):
        raise SessionError(
            f"session format {header['version']}, expected at most {_VERSION}: save the session "
            "again with this version of rt-ner"
        )
    if area not in (None, header["area"]):
        raise SessionError(f"no area '{area}': this session holds {header['area']}; choose that")
    channel_ids = tuple(header["channel_ids"])
    voltage = VoltageSettings.model_validate(header.get("voltage", {}))
    outputs = tuple(
        Output(name, unit, OutputKind(kind)) for name, unit, kind in header.get("outputs", ())
    )
    return Session(
        name=header["name"],
        area=header["area"],
        channel_ids=channel_ids,
        spikes=_own_power(arrays)
        if voltage.is_power
        else _own_spikes(arrays, tuple(header.get("unit_ids", ())), len(channel_ids)),
        behaviour=Behaviour(
            arrays["kinematics_time_ns"].astype(np.int64),
            arrays[_values_key(not outputs)].astype(np.float64),
            outputs or VELOCITY_XY,
        ),
        trials=_own_trials(arrays, header.get("are_blocks", False))
        if "trial_start_ns" in arrays
        else UNCUT,
        provenance=header["provenance"],
        parts=tuple(SessionPart(**part) for part in header.get("parts", ())),
        voltage=voltage,
    )


def _own_spikes(
    arrays: Mapping[str, AnyArray], unit_ids: tuple[str, ...], n_channels: int
) -> SpikeTimes | SpikeCounts:
    """Return the spikes of an archive in the project's own form."""
    gaps_ns = arrays.get("gaps_ns", NO_GAPS).astype(np.int64)
    if "counts" in arrays:
        return SpikeCounts(checked_counts(arrays["counts"]), int(arrays["count_bin_ns"]), gaps_ns)
    return SpikeTimes(
        arrays["spike_time_ns"].astype(np.int64),
        arrays["spike_unit"].astype(np.int32),
        unit_ids,
        arrays["unit_channel"].astype(np.int32),
        n_channels,
        gaps_ns,
    )


def _own_power(arrays: Mapping[str, AnyArray]) -> SpikeCounts:
    """Return the spike-band power of an archive in the project's own form."""
    if arrays["counts"].dtype != np.uint16:
        raise ValueError(f"its spike-band power is of type {arrays['counts'].dtype}, not uint16")
    gaps_ns = arrays.get("gaps_ns", NO_GAPS).astype(np.int64)
    return SpikeCounts(arrays["counts"], int(arrays["count_bin_ns"]), gaps_ns)


def _own_trials(arrays: Mapping[str, AnyArray], are_blocks: bool) -> Trials:
    """Return the trials of an archive in the project's own form."""
    return Trials(
        start_ns=arrays["trial_start_ns"].astype(np.int64),
        go_ns=arrays["trial_go_ns"].astype(np.int64),
        end_ns=arrays["trial_end_ns"].astype(np.int64),
        direction_deg=arrays["trial_direction_deg"].astype(np.float64),
        target_cm=arrays["trial_target_cm"].astype(np.float64),
        are_blocks=are_blocks,
    )
