"""Create the NWB file of a recording, with an empty series for each stream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree

import h5py
import numpy as np
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.behavior import SpatialSeries
from pynwb.ecephys import ElectricalSeries
from pynwb.file import Subject

from rt_ner.core.contract.kinds import LSL_TYPE, SPIKE_TYPES, Kind
from rt_ner.core.contract.names import electrode_names
from rt_ner.core.quantities.units import is_speed
from rt_ner.data.formats.common.spike_trains import distinct_labels
from rt_ner.data.formats.nwb.datasets import LABEL_COLUMN
from rt_ner.data.formats.nwb.live.layout import LIBVER, dtype_of, notes_of
from rt_ner.data.formats.streams.stream_info import StreamInfo, decoder_provenance
from rt_ner.decoding.input.spike_stream import MICROVOLTS

# NWB's codes for an unknown age and sex.
_ANY_AGE, _ANY_SEX = "P0D/", "U"
_CHUNK_BYTES, _MOST_ROWS = 131_072, 4096
_MOST_AXES = 3
_NO_STAMPS = np.zeros(0)


@dataclass(frozen=True)
class RecordingHeader:
    """The description of a recording.

    ``starts_at`` is the time of its start, ``clock_zero_at`` that at which the LSL clock was zero.
    """

    subject: str
    starts_at: datetime
    clock_zero_at: datetime


def create(path: Path, header: RecordingHeader, infos: Sequence[StreamInfo]) -> list[str]:
    """Write a file with an empty series per stream, and return the series' names."""
    named = dict(zip(_names(infos), infos, strict=True))
    nwb = NWBFile(
        session_description="All LSL streams of a session, written by rt-ner while it was "
        "recorded; the comments of each series hold the LSL metadata of its stream (XML)",
        identifier=str(uuid4()),
        session_start_time=header.starts_at,
        timestamps_reference_time=header.clock_zero_at,
        session_id=path.stem,
        subject=Subject(
            subject_id=header.subject, age=_ANY_AGE, sex=_ANY_SEX, description="not described"
        ),
        notes=notes_of(list(named), decoder_provenance(infos)),
    )
    electrodes = _add_electrodes(nwb, named)
    for name, info in named.items():
        nwb.add_acquisition(_series(nwb, name, info, electrodes.get(name, ())))
    with h5py.File(path, "w", libver=LIBVER) as file:
        NWBHDF5IO(file=file, mode="w").write(nwb)
        for name, info in named.items():
            _make_growing(file["acquisition"][name], info)
    return list(named)


def _names(infos: Sequence[StreamInfo]) -> list[str]:
    """Return a name for each stream's series: its own, in letters that NWB allows."""
    names: list[str] = []
    for info in infos:
        name = "".join("-" if letter in "/\\:" else letter for letter in info.name) or "stream"
        n_same = sum(other.partition(" ")[0] == name for other in names)
        names.append(f"{name} {n_same + 1}" if name in names else name)
    return names


def _add_electrodes(nwb: NWBFile, named: Mapping[str, StreamInfo]) -> dict[str, Sequence[int]]:
    """Add an electrode per channel of each spike stream, and return their rows by series."""
    rows: dict[str, Sequence[int]] = {}
    spikes = {name: info for name, info in named.items() if info.type in SPIKE_TYPES}
    if not spikes:
        return rows
    device = nwb.create_device(name="array", description="electrodes of the spike streams")
    nwb.add_electrode_column(name=LABEL_COLUMN, description="name of the channel")
    n_rows = 0
    for name, info in spikes.items():
        group = nwb.create_electrode_group(
            name=name, description=f"electrodes of {info.name}", location="unknown", device=device
        )
        labels = _electrodes(info)
        for label in labels:
            nwb.add_electrode(location="unknown", group=group, **{LABEL_COLUMN: label})
        rows[name] = range(n_rows, n_rows + len(labels))
        n_rows += len(labels)
    return rows


def _electrodes(info: StreamInfo) -> tuple[str, ...]:
    """Return the names of a spike stream's electrodes."""
    if info.type == LSL_TYPE[Kind.EVENTS]:
        return info.spike_stream().electrodes
    return distinct_labels(info.labels) if info.labels else electrode_names(info.n_channels)


def _series(nwb: NWBFile, name: str, info: StreamInfo, electrodes: Sequence[int]) -> TimeSeries:
    """Return the empty series of a stream."""
    columns = ", ".join(filter(None, info.labels)) or f"{info.n_channels}, without labels"
    about = {
        "name": name,
        "description": f"LSL stream '{info.name}' of type {info.type}; columns: {columns}",
        "comments": ElementTree.tostring(info.header, "unicode"),
        "data": np.zeros((0, info.n_channels)),
        "timestamps": _NO_STAMPS,
    }
    unit = info.units[0] if len(set(info.units)) == 1 else ""
    microvolts = MICROVOLTS.get(unit.lower())
    if info.type == LSL_TYPE[Kind.BROADBAND] and microvolts and len(electrodes) == info.n_channels:
        region = nwb.create_electrode_table_region(list(electrodes), f"electrodes of {info.name}")
        return ElectricalSeries(**about, electrodes=region, conversion=microvolts * 1e-6)
    if info.cm_per_unit is None or not unit:
        return TimeSeries(**about, unit=unit or "n/a")
    in_m = {"unit": "m/s" if is_speed(unit) else "meters", "conversion": info.cm_per_unit * 0.01}
    if info.type == LSL_TYPE[Kind.CURSOR] and info.n_channels <= _MOST_AXES:
        return SpatialSeries(**about, **in_m, reference_frame="that of the task")
    return TimeSeries(**about, **in_m)


def _make_growing(series: h5py.Group, info: StreamInfo) -> None:
    """Put datasets that can grow into the place of a series' empty ones."""
    is_text = info.format == "string"
    columns = () if is_text and info.n_channels == 1 else (info.n_channels,)
    if is_text and not columns:
        # pynwb reads these, but would rather not have new ones made: what it offers can't grow.
        series.attrs["neurodata_type"] = "AnnotationSeries"
    dtype = dtype_of(info)
    n_rows = min(max(_CHUNK_BYTES // (dtype.itemsize * info.n_channels), 1), _MOST_ROWS)
    _replace(series, "data", dtype, (n_rows, *columns))
    _replace(series, "timestamps", np.dtype(np.float64), (_MOST_ROWS,))


def _replace(
    series: h5py.Group, name: str, dtype: np.dtype[np.generic], chunk: tuple[int, ...]
) -> None:
    """Replace a dataset by an empty one of chunks that grows along its first axis."""
    attributes = dict(series[name].attrs)
    del series[name]
    growing = series.create_dataset(
        name, (0, *chunk[1:]), dtype, maxshape=(None, *chunk[1:]), chunks=chunk
    )
    for key, value in attributes.items():
        growing.attrs[key] = value
