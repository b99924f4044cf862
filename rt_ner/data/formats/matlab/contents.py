"""Read the variables of a MATLAB file, and mark the objects that only MATLAB reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pymatreader import read_mat

from rt_ner.data.formats.common.guards.foreign_files import MatlabObject
from rt_ner.data.formats.common.guards.hdf5_probe import guarded_hdf5
from rt_ner.data.formats.matlab.size import check_size

# Begins the numbers that stand for an object in version 7.3, and says that they are references.
_MAGIC = 0xDD000000
# SciPy gives an object of version 5 as a record, with its class in either of these fields.
_RECORDS = ({"s0", "s1", "s2", "arr"}, {"_TypeSystem", "_Class", "_ObjectMetadata"})
_CLASS_FIELDS = ("s2", "_Class")
# SciPy before 1.18 gives all objects of version 5 this name, and keeps the last.
_UNNAMED = "None"


def contents_of(path: Path) -> dict[str, Any]:
    """Return the variables of a MATLAB file by name, with structs as mappings.

    Tables, strings and other objects are `MatlabObject`. Raises SessionError if the file is
    damaged or needs too much memory.
    """
    content, classes = _of_hdf5(path) if h5py.is_hdf5(path) else (_of_version_5(path), {})
    return {
        name: _marked(value, name, classes)
        for name, value in content.items()
        if not name.startswith(("__", "#"))
    }


def _of_hdf5(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the variables of a version 7.3 file, and the classes of its objects by path."""
    with guarded_hdf5(path):
        check_size(path)
        # pymatreader gives them in an order that changes from run to run.
        return dict(sorted(read_mat(path).items())), _object_classes(path)


def _of_version_5(path: Path) -> dict[str, Any]:
    """Return the variables of an older file."""
    check_size(path)
    content: dict[str, Any] = read_mat(path)
    if _object_kind(content.get(_UNNAMED, "")):
        content["objects"] = MatlabObject("object")
        del content[_UNNAMED]
    return content


def _object_classes(path: Path) -> dict[str, str]:
    """Return the class of each object of a version 7.3 file by its path ``a/b``."""
    classes = {}

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if "MATLAB_object_decode" in item.attrs:
            classes[name] = bytes(item.attrs.get("MATLAB_class", b"object")).decode()

    with h5py.File(path, "r") as file:
        file.visititems(add)
    return classes


def _marked(value: Any, path: str, classes: Mapping[str, str]) -> Any:
    """Return a value with `MatlabObject` in place of what only MATLAB reads."""
    if kind := classes.get(path) or _object_kind(value):
        return MatlabObject(kind)
    if isinstance(value, Mapping):
        return {name: _marked(value[name], f"{path}/{name}", classes) for name in sorted(value)}
    if isinstance(value, list):
        return [_marked(one, f"{path}/", classes) for one in value]
    return value


def _object_kind(value: Any) -> str:
    """Return the class of an object; empty for anything else."""
    if value is None:
        return "string"
    if isinstance(value, np.ndarray) and value.dtype == np.uint32 and value.size > 2:
        return "object" if int(value.flat[0]) == _MAGIC else ""
    if isinstance(value, Mapping) and set(value) in _RECORDS:
        stated = np.ravel(next(value[name] for name in _CLASS_FIELDS if name in value))[0]
        return stated.decode() if isinstance(stated, bytes) else str(stated)
    return ""
