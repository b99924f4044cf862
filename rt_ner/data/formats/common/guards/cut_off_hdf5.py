"""Open HDF5 files whose writer was killed, or still writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py


@contextmanager
def opened_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a file to read, be it complete, cut off, or still being written.

    Raise OSError if it is no HDF5 file.
    """
    try:
        file = h5py.File(path, "r")
    except OSError:
        # This opens a file whose writer was killed before it could remove its mark.
        file = h5py.File(path, "r", swmr=True)
    with file:
        yield file
