"""Read a whole HDF5 file in a child process, to see if HDF5's library survives it.

A damaged file can crash libhdf5, or make it ask for more memory than there is. Nothing in the same
process can catch that.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

import h5py

from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.guards.cut_off_hdf5 import opened_hdf5

_LONGEST_S = 120.0
_MOST_MEMORY_BYTES = 4_000_000_000
# Larger arrays are skipped: damage leads astray in the structure around them.
_READ_BYTES = 64_000_000
_DAMAGED = 3


@contextmanager
def guarded_hdf5(path: Path) -> Iterator[None]:
    """Guard the reading of an HDF5 file.

    Raises SessionError if HDF5's library crashes, hangs or fails on the file, or if what is read
    was compressed in a way that is not installed.
    """
    compressed = _survived(path)
    _add_filters()
    try:
        yield
    except OSError as error:
        if not compressed:
            raise
        more = f" and {len(compressed) - 1} more" if len(compressed) > 1 else ""
        raise SessionError(
            f"compressed by a filter of HDF5 that is not installed: {compressed[0]}{more}; "
            "pip install hdf5plugin, or write the file again with gzip"
        ) from error


def _survived(path: Path) -> list[str]:
    """Return the arrays that are compressed by a missing filter.

    Raises SessionError if the library does not survive the file.
    """
    done = _tried(path)
    if done.returncode == _DAMAGED:
        raise SessionError(f"damaged, get an intact copy: {done.stdout.decode(errors='replace')}")
    if done.returncode:
        raise SessionError(
            f"damaged, get an intact copy: HDF5's library crashes on it (code {done.returncode})"
        )
    compressed: list[str] = json.loads(done.stdout)
    return compressed


def _tried(path: Path) -> subprocess.CompletedProcess[bytes]:
    """Return a child process that has read the file, or tried to."""
    try:
        return subprocess.run(  # noqa: S603 - our own program, as a list
            [sys.executable, "-m", __name__, str(path)],
            check=False,
            capture_output=True,
            timeout=_LONGEST_S,
        )
    except subprocess.TimeoutExpired as error:
        raise SessionError(
            f"damaged, get an intact copy: HDF5 did not finish reading it within {_LONGEST_S:g} s"
        ) from error


def _add_filters() -> None:
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


def _missing_filter(item: h5py.Dataset) -> str:
    """Return the name and number of the first filter of an array that is not installed, if any."""
    how = item.id.get_create_plist()
    for index in range(how.get_nfilters()):
        number, _, _, name = how.get_filter(index)
        if not h5py.h5z.filter_avail(number):
            return f"{name.decode(errors='replace') or 'filter'} ({number})"
    return ""


def _read(item: h5py.Group | h5py.Dataset) -> str:
    """Read an item's attributes and, if it is not too large, its values.

    Return the filter that is missing for it, if one is.
    """
    try:
        list(item.attrs.values())
        if not isinstance(item, h5py.Dataset):
            return ""
        if missing := _missing_filter(item):
            return f"{item.name} by {missing}"
        if item.nbytes <= _READ_BYTES:
            item[()]
    except (TypeError, ValueError):
        # A type that h5py does not support is not damage.
        pass
    return ""


def _main(path: str) -> int:
    """Read the file through and return the exit code."""
    _limit_memory()
    _add_filters()
    compressed: list[str] = []

    def visit(_name: str, item: h5py.Group | h5py.Dataset) -> None:
        if found := _read(item):
            compressed.append(found)

    try:
        with opened_hdf5(Path(path)) as file:
            visit("", file)
            file.visititems(visit)
    except (OSError, RuntimeError, MemoryError, KeyError) as error:
        sys.stdout.write((str(error).splitlines() or [type(error).__name__])[0])
        return _DAMAGED
    sys.stdout.write(json.dumps(compressed))
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
