"""Read a whole HDF5 file in a child process, to see if HDF5's library survives it.

A damaged file can crash libhdf5, or make it ask for more memory than there is. Nothing in the same
process can catch that.
"""

import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import h5py

from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.guards.cut_off_hdf5 import opened_hdf5

_LONGEST_S = 120.0
_MOST_MEMORY_BYTES = 4_000_000_000
# Larger arrays are skipped: damage leads astray in the structure around them.
_READ_BYTES = 64_000_000
_DAMAGED, _FILTERED = 3, 4


def check_survivable(path: Path) -> None:
    """Raise SessionError if HDF5's library crashes, hangs or fails on the file."""
    try:
        done = subprocess.run(  # noqa: S603 - our own program, as a list
            [sys.executable, "-m", __name__, str(path)],
            check=False,
            capture_output=True,
            timeout=_LONGEST_S,
        )
    except subprocess.TimeoutExpired as error:
        raise SessionError(
            f"damaged, get an intact copy: HDF5 did not finish reading it within {_LONGEST_S:g} s"
        ) from error
    if done.returncode == _DAMAGED:
        raise SessionError(f"damaged, get an intact copy: {done.stdout.decode(errors='replace')}")
    if done.returncode == _FILTERED:
        raise SessionError(
            "compressed by a filter of HDF5 that is not installed: pip install hdf5plugin, or "
            f"write the file again with gzip ({done.stdout.decode(errors='replace')})"
        )
    if done.returncode:
        raise SessionError(
            f"damaged, get an intact copy: HDF5's library crashes on it (code {done.returncode})"
        )


def add_filters() -> None:
    """Let HDF5 read more kinds of compression, where the package for them is installed."""
    with suppress(ImportError):
        import_module("hdf5plugin")


def _limit_memory() -> None:
    """Limit this process's memory, where the system can."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - POSIX only

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = _MOST_MEMORY_BYTES if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_AS, (min(most, _MOST_MEMORY_BYTES), hard))


def _read(_name: str, item: h5py.Group | h5py.Dataset) -> None:
    """Read an item's attributes and, if it is not too large, its values."""
    try:
        list(item.attrs.values())
        if isinstance(item, h5py.Dataset) and item.nbytes <= _READ_BYTES:
            item[()]
    except (TypeError, ValueError):
        # A type that h5py does not support is not damage.
        return


def _main(path: str) -> int:
    """Read the file through and return the exit code."""
    _limit_memory()
    add_filters()
    try:
        with opened_hdf5(Path(path)) as file:
            _read("", file)
            file.visititems(_read)
    except (OSError, RuntimeError, MemoryError, KeyError) as error:
        sys.stdout.write((str(error).splitlines() or [type(error).__name__])[0])
        return _FILTERED if "required filter" in str(error) else _DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
