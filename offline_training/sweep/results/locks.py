"""Lock files between processes; the lock ends with its process, even if that is killed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    # Bytes beyond the end can be locked, so that others may read and write the file itself.
    _FAR = 1 << 30

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Lock a file within the block, and remove it at the end; yields False if it is locked.

    The file has one byte for each time that it was locked; a process that ends within the block
    leaves it behind. Another process may lock the file just after it was removed, and another one
    make a new file: so look again, once locked, if there is anything left to do.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        try:
            _lock(descriptor)
        except OSError:
            yield False
            return
        os.write(descriptor, b".")
        try:
            yield True
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
