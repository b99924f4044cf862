"""HDF5 trial: a file is read through by a process of its own first.

On a broken file libhdf5 itself can crash, or ask for more memory than there is, which nothing in
its process can catch.
"""

import subprocess
import sys
from pathlib import Path

import h5py

from rt_ner.core.errors import SessionError

_LONGEST_S = 120.0
_MOST_MEMORY_BYTES = 4_000_000_000
# Larger arrays are not read through: what lies around them is where a broken file leads astray.
_READ_BYTES = 64_000_000
_DAMAGED = 3


def check_survivable(path: Path) -> None:
    """SessionError if HDF5's library can't get through the file, or does not survive it."""
    try:
        done = subprocess.run(  # noqa: S603 - our own program, by list
            [sys.executable, "-m", __name__, str(path)],
            check=False,
            capture_output=True,
            timeout=_LONGEST_S,
        )
    except subprocess.TimeoutExpired as error:
        raise SessionError(f"damaged: HDF5 does not get through it in {_LONGEST_S:g} s") from error
    if done.returncode == _DAMAGED:
        raise SessionError(f"damaged, get a whole copy: {done.stdout.decode(errors='replace')}")
    if done.returncode:
        raise SessionError(
            f"damaged, get a whole copy: HDF5's own library crashes on it (code {done.returncode})"
        )


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - POSIX only

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = _MOST_MEMORY_BYTES if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_AS, (min(most, _MOST_MEMORY_BYTES), hard))


def _read(_name: str, item: h5py.Group | h5py.Dataset) -> None:
    try:
        list(item.attrs.values())
        if isinstance(item, h5py.Dataset) and item.nbytes <= _READ_BYTES:
            item[()]
    except (TypeError, ValueError):
        # A type that h5py has no counterpart for is no damage.
        return


def _main(path: str) -> int:
    _limit_memory()
    try:
        with h5py.File(path, "r") as file:
            _read("", file)
            file.visititems(_read)
    except (OSError, RuntimeError, MemoryError, KeyError) as error:
        sys.stdout.write((str(error).splitlines() or [type(error).__name__])[0])
        return _DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
