"""HDF5 trial: a file is read through by a process of its own first.

On a broken file libhdf5 itself can crash, which nothing in its process can catch.
"""

import subprocess
import sys
from pathlib import Path

import h5py

from rt_ner.errors import SessionError

_LONGEST_S = 120.0
# Larger arrays are not read through: what lies around them is where a broken file leads astray.
_READ_BYTES = 64_000_000


def check_survivable(path: Path) -> None:
    """SessionError if HDF5's library does not survive the file; other errors are the reader's."""
    try:
        done = subprocess.run(  # noqa: S603 - our own program, by list
            [sys.executable, "-m", __name__, str(path)],
            check=False,
            capture_output=True,
            timeout=_LONGEST_S,
        )
    except subprocess.TimeoutExpired as error:
        raise SessionError(
            f"damaged: HDF5's library does not get through it in {_LONGEST_S:g} s"
        ) from error
    if done.returncode not in (0, 1):
        raise SessionError(
            f"damaged: HDF5's own library crashes on it (code {done.returncode}); get a whole copy"
        )


def _read(_name: str, item: h5py.Group | h5py.Dataset) -> None:
    list(item.attrs.values())
    if isinstance(item, h5py.Dataset) and item.nbytes <= _READ_BYTES:
        item[()]


if __name__ == "__main__":
    with h5py.File(sys.argv[1], "r") as file:
        _read("", file)
        file.visititems(_read)
