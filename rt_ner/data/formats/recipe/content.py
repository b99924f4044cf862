"""Reach the arrays of any file by their paths."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.guards.foreign_files import (
    MatlabObject,
    described,
    foreign_file,
)
from rt_ner.data.formats.common.guards.hdf5_probe import guarded_hdf5
from rt_ner.data.formats.common.guards.stand_ins import check_is_file

_MOST_BYTES = 4_000_000_000


def content_of(path: Path) -> Mapping[str, Any]:
    """Return the arrays of a .mat, .npz or HDF5 file by name; structs and groups are nested."""
    check_is_file(path)
    with foreign_file("file of arrays"):
        if zipfile.is_zipfile(path):
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        if path.suffix.lower() == ".mat":
            from rt_ner.data.formats.matlab.contents import (  # noqa: PLC0415 - an extra
                contents_of,
            )

            return contents_of(path)
        if h5py.is_hdf5(path):
            with guarded_hdf5(path), h5py.File(path, "r") as file:
                return _group(file)
    raise SessionError("a recipe reads .mat, .npz and HDF5 files (.h5, .nwb)")


def _group(group: h5py.Group) -> dict[str, Any]:
    """Return a group of an HDF5 file with everything in it."""
    found: dict[str, Any] = {}
    for name, item in group.items():
        if isinstance(item, h5py.Group):
            found[name] = _group(item)
        elif item.nbytes > _MOST_BYTES:
            raise SessionError(f"{item.name} holds {item.nbytes / 1e9:.0f} GB: split it first")
        elif h5py.check_string_dtype(item.dtype):
            found[name] = item.asstr(errors="replace")[()]
        else:
            found[name] = item[()]
    return found


def value_at(content: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a path, such as ``a.b``, ``/a/b``, or ``a.b:3`` for a column.

    Columns count from 1; ``a.b:2-5`` stands for several.

    Raises SessionError that names what there is instead.
    """
    place, _, column = path.partition(":")
    at: Any = content
    for name in place.replace("/", ".").strip(".").split("."):
        if not isinstance(at, Mapping) or name not in at:
            known = described(at) if isinstance(at, Mapping) else "no further names"
            raise SessionError(f"no '{name}' for the path '{path}': there is {known}")
        at = at[name]
    if isinstance(at, MatlabObject):
        raise SessionError(f"'{path}' is {at}")
    if not column:
        return at
    values = np.asarray(at)
    first, _, last = column.partition("-")
    begin, end = (int(text) if text.isdigit() else 0 for text in (first, last or first))
    if values.ndim != 2 or not 1 <= begin <= end <= values.shape[1]:
        raise SessionError(f"no column {column} for '{path}': the array has shape {values.shape}")
    return values[:, begin - 1 : end] if last else values[:, begin - 1]


def numbers_at(content: Mapping[str, Any], path: str) -> FloatArray:
    """Return an array of numbers at a path; SessionError if it holds anything else."""
    value = value_at(content, path)
    if np.iscomplexobj(value):
        raise SessionError(f"'{path}' holds complex numbers: expected real ones")
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SessionError(f"'{path}' holds no numbers: {error}") from error


def arranged(
    values: AnyArray, axes: tuple[str, ...], wanted: tuple[str, ...], path: str
) -> AnyArray:
    """Return an array with its axes in the order wanted; a last axis of one may be left out.

    Trials are laid end to end.
    """
    if values.ndim == len(axes) - 1:
        values = values[..., None]
    if values.ndim != len(axes) or sorted({*axes} - {"trial"}) != sorted(wanted):
        raise SessionError(
            f"'{path}' has shape {values.shape}, which does not fit axes = {list(axes)}"
        )
    if "trial" in axes:
        values = np.moveaxis(values, [axes.index(name) for name in ("trial", *wanted)], range(3))
        return values.reshape(-1, values.shape[-1])
    return np.moveaxis(values, [axes.index(name) for name in wanted], range(2))
