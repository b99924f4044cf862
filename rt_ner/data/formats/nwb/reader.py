"""Read NWB files: those of DANDI's archives, and our own."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pynwb import NWBHDF5IO, NWBFile

from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import REPLAY_GRID_NS
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.guards.cut_off_hdf5 import opened_hdf5
from rt_ner.data.formats.common.guards.foreign_files import foreign_file
from rt_ner.data.formats.common.guards.hdf5_probe import guarded_hdf5
from rt_ner.data.formats.nwb.datasets import text_of
from rt_ner.data.formats.nwb.live.reader import find_streams
from rt_ner.data.formats.nwb.parts.behavior import Movement, movement_of
from rt_ner.data.formats.nwb.parts.series import described
from rt_ner.data.formats.nwb.parts.trials import trial_table_of, trials_of
from rt_ner.data.formats.nwb.parts.units import (
    UnitTimes,
    areas_of,
    counts_of,
    gaps_of,
    spikes_of,
    unit_times,
)
from rt_ner.data.formats.streams.recording import recording_of
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.gaps import union
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings

_SOME = 8
_MISSING = {
    "spikes": "no units table with spike_times: sort or threshold the recording first",
    "behaviour": "no time series of x and y whose name says velocity or position, such as hand_vel "
    "or cursor_pos; the file holds {series}. Rename the series, or name it in a recipe "
    "(rt-ner inspect FILE --recipe NEW.toml)",
    "trials": "no trials table with start_time and stop_time",
}


def read(
    path: Path, area: str | None, voltage: VoltageSettings = CROSSINGS, codes: bool = False
) -> RecordingFile:
    """Read units, movement and trials; areas are the electrodes' locations.

    A file of rt-ner record is read as its streams: ``voltage`` are the values to make of voltage,
    ``codes`` is True if a recipe says what markers mean.
    """
    if not h5py.is_hdf5(path):
        raise SessionError("not NWB: expected an HDF5 file; get an intact copy")
    with foreign_file("NWB"), guarded_hdf5(path):
        _check_version(path)
        if (recorded := find_streams(path)) is not None:
            return recording_of(recorded, area, voltage, codes)
        with _opened(path) as nwb:
            return _recording(nwb, path, area)


@contextmanager
def _opened(path: Path) -> Iterator[NWBFile]:
    """Open a file, with the types of its extensions if it has any."""
    with NWBHDF5IO(path, "r", load_namespaces=False) as file:
        try:
            nwb = file.read()
        except KeyError as error:
            if "namespace" not in str(error):
                raise
        else:
            yield nwb
            return
    # The file describes its extensions' types itself, as data. Without them, it can't be read.
    with NWBHDF5IO(path, "r", load_namespaces=True) as file:
        yield file.read()


def _check_version(path: Path) -> None:
    """Raise SessionError if the file is no NWB, or of NWB's first version, not read by pynwb."""
    with opened_hdf5(path) as file:
        stated = file.attrs.get("nwb_version", file.get("nwb_version", ""))
        version = text_of(np.ravel(stated[()] if isinstance(stated, h5py.Dataset) else stated)[0])
        names = ", ".join(list(file)[:_SOME]) or "nothing"
    if not version:
        raise SessionError(
            f"an HDF5 file, but not NWB: it states no nwb_version, and holds {names}; read it with "
            f"a recipe: rt-ner inspect {path} --recipe NEW.toml"
        )
    if version.upper().removeprefix("NWB-").startswith(("0.", "1.")):
        raise SessionError(
            f"NWB of version {version}, expected version 2: export it again with the program that "
            "wrote it, or get a newer version of the data set"
        )


def _recording(nwb: NWBFile, path: Path, area: str | None) -> RecordingFile:
    """Return the recording of an open file."""
    areas, of_unit = areas_of(nwb)
    if area not in (None, *areas):
        raise SessionError(f"no area '{area}': this file holds {', '.join(areas) or 'none'}")
    chosen = area or (areas[0] if areas else "")
    movement = movement_of(nwb)
    table = trial_table_of(nwb)
    times = unit_times(nwb)
    shift_ns = _shift_ns(times, movement, table)
    channel_ids, spikes = spikes_of(nwb, times, of_unit == chosen, shift_ns)
    gaps_ns, gap_warnings = gaps_of(nwb, of_unit == chosen, shift_ns)
    if spikes is not None:
        spikes = replace(spikes, gaps_ns=union([spikes.gaps_ns, gaps_ns]))
    kinematics = movement.kinematics(shift_ns) if movement else None
    trials, trial_warnings = trials_of(table, kinematics, shift_ns)
    return RecordingFile(
        name=str(nwb.session_id or path.stem),
        areas=(chosen, *(other for other in areas if other != chosen)) if areas else (),
        channel_ids=channel_ids,
        spikes=spikes,
        behaviour=kinematics,
        trials=trials,
        contents=tuple(_contents(nwb, areas, movement)),
        missing={name: reason.format(series=described(nwb)) for name, reason in _MISSING.items()},
        warnings=(
            *(movement.warnings if movement else ()),
            *trial_warnings,
            *gap_warnings,
            *(times.warnings() if times else ()),
        ),
        provenance=_provenance(nwb) or {"file": path.name, "layout": "nwb"},
    )


def _contents(nwb: NWBFile, areas: Sequence[str], movement: Movement | None) -> Iterator[str]:
    """Yield a line for each part of the file."""
    yield f"'{nwb.session_description}'"
    if nwb.units is not None:
        yield f"{len(nwb.units.id)} units; areas {', '.join(areas)}"
    if (counts := counts_of(nwb)) is not None:
        yield f"counts of {counts.data.shape[1]} channels"
    if movement is not None:
        yield f"movement: {movement.name}, {len(movement.times_s):,} samples"
    if nwb.trials is not None:
        yield f"{len(nwb.trials.id)} trials: {', '.join(nwb.trials.colnames)}"


def _provenance(nwb: NWBFile) -> dict[str, str]:
    """Return the provenance that our own writer noted; empty in other files."""
    try:
        noted = json.loads(nwb.notes or "")["rt_ner_provenance"]
        return {str(key): str(value) for key, value in noted.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _shift_ns(times: UnitTimes | None, movement: Movement | None, table: Mapping[str, Any]) -> int:
    """Return the shift that leaves nothing before zero, in whole steps that all bins divide."""
    begins_s = [0.0]
    if times is not None:
        begins_s.append(times.first_s)
    if movement is not None:
        begins_s.append(float(movement.times_s.min(initial=0.0)))
    if table:
        begins_s.append(float(np.nanmin(table["start_time"], initial=0.0)))
    first_ns = round(min(begins_s) * NS_PER_S)
    return -(first_ns // REPLAY_GRID_NS) * REPLAY_GRID_NS
