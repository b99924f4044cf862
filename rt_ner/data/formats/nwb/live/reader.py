"""Read NWB files that were written while a session was recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from rt_ner.core.arrays import AnyArray
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.guards.cut_off_hdf5 import opened_hdf5
from rt_ner.data.formats.common.guards.foreign_files import foreign_file
from rt_ner.data.formats.nwb.datasets import check_size, text_of
from rt_ner.data.formats.nwb.live.layout import streams_in
from rt_ner.data.formats.streams.samples import RecordedStreams, Samples, checked_ns, moment_of
from rt_ner.data.formats.streams.stream_info import StreamInfo


def recorded_streams(path: Path) -> RecordedStreams:
    """Return the streams of a recording. Raise SessionError if the file is not one."""
    recorded = find_streams(path)
    if recorded is None:
        raise SessionError(f"{path}: no streams in it; expected a recording of rt-ner record")
    return recorded


def find_streams(path: Path) -> RecordedStreams | None:
    """Return the streams of a recording; None if the file is another kind of NWB."""
    with foreign_file("NWB"), opened_hdf5(path) as file:
        streams = streams_in(file)
        if streams is None:
            return None
        damage = [line for name in streams if (line := _cut_off(name, file["acquisition"][name]))]
        began = moment_of(text_of(file["session_start_time"][()]))
    load = partial(_load, path, {info.number: name for name, info in streams.items()})
    return RecordedStreams(path, list(streams.values()), tuple(damage), load, began)


def _cut_off(name: str, series: h5py.Group) -> str:
    """Return a line on what lacks its stamps; empty if nothing does."""
    n_values, n_stamps = len(series["data"]), len(series["timestamps"])
    if n_values == n_stamps:
        return ""
    return f"'{name}' was cut off: {n_values:,} samples but {n_stamps:,} time stamps; the rest lost"


@dataclass(frozen=True, eq=False, repr=False)
class _Rows:
    """Values ``(sample, channel)`` of a series on the disk, read slice by slice."""

    path: Path
    name: str
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> AnyArray:
        with foreign_file("NWB"), opened_hdf5(self.path) as file:
            begin, end, _ = rows.indices(len(self))
            values: AnyArray = file["acquisition"][self.name]["data"][begin:end]
            return values

    def __array__(self, dtype: object = None, copy: object = None) -> AnyArray:
        return self[:]


def _load(
    path: Path, names: dict[int, str], wanted: Sequence[StreamInfo], on_disk: bool = False
) -> tuple[dict[int, Samples], list[str]]:
    """Return the samples of some streams by number, and no warnings."""
    with foreign_file("NWB"), opened_hdf5(path) as file:
        return {
            one.number: _samples(path, file["acquisition"][names[one.number]], one, on_disk)
            for one in wanted
        }, []


def _samples(path: Path, series: h5py.Group, info: StreamInfo, on_disk: bool) -> Samples:
    """Return the samples of a series; voltage, or all numbers, stay on the disk."""
    data, n_samples = series["data"], info.n_samples
    if data.ndim == 2 and data.shape[1] != info.n_channels:
        raise SessionError(
            f"'{info.name}' announces {info.n_channels} channels but holds {data.shape[1]}: the "
            "recording is damaged, get an intact copy"
        )
    stamps_ns = checked_ns(series["timestamps"][:n_samples])
    name = series.name.rpartition("/")[2]
    values: Any
    if info.is_voltage or (on_disk and data.dtype.kind != "S"):
        return Samples(stamps_ns, _Rows(path, name, (n_samples, *data.shape[1:])))
    check_size(data, name)
    values = data[:n_samples]
    if values.dtype.kind == "S":
        values = [[text.decode(errors="replace") for text in np.atleast_1d(row)] for row in values]
    return Samples(stamps_ns, values)
