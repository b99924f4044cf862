"""Make a whole file of one that was cut off while it was recorded."""

import shutil
from pathlib import Path

import h5py

from rt_ner.core.atomic_files import fresh_file
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.guards.foreign_files import foreign_file
from rt_ner.data.formats.nwb.live.layout import streams_in
from rt_ner.data.formats.nwb.live.writing.superblock import make_openable, trim


def salvage(path: Path, out: Path) -> tuple[dict[str, int], list[str]]:
    """Copy a recording without what it lacks stamps for, and without series that are empty.

    Returns the number of samples by stream, and a line for each part left out. Raises SessionError
    if the file is no recording of rt-ner record, FileExistsError if ``out`` exists.
    """
    if out.exists():
        raise FileExistsError(out)
    with fresh_file(out) as partial:
        shutil.copyfile(path, partial)
        with foreign_file("NWB"):
            make_openable(partial, 0)
            with h5py.File(partial, "r+") as file:
                found = _completed(file)
            trim(partial)
    return found


def _completed(file: h5py.File) -> tuple[dict[str, int], list[str]]:
    """Cut all series to whole samples; remove those without any."""
    streams = streams_in(file)
    if streams is None:
        raise SessionError("no streams in it; expected a recording of rt-ner record")
    damage = []
    for name, info in streams.items():
        series = file["acquisition"][name]
        n_lost = max(len(series["data"]), len(series["timestamps"])) - info.n_samples
        if n_lost:
            damage.append(f"the last samples of {info.name}, without time stamps: {n_lost:,}")
        if not info.n_samples:
            damage.append(f"{info.name}, which sent nothing")
            del file["acquisition"][name]
            continue
        for column in ("data", "timestamps"):
            series[column].resize(info.n_samples, axis=0)
    return {info.name: info.n_samples for info in streams.values()}, damage
