"""Give processes a clock that can be set while they run, and leave the computer's own alone.

A small library, compiled here, stands between the processes and the clock that people read (Linux
with a C compiler). The clock that nobody sets, by which LSL stamps, stays as it is.
"""

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

_SOURCE = Path(__file__).with_name("settable.c")
_FILE_VARIABLE = "RT_NER_BENCH_CLOCK"
_COMPILE_S = 60.0
ZONE = "Europe/Berlin"
# At this moment, local time went from 3:00 back to 2:00.
HOUR_COMES_TWICE = datetime(2026, 10, 25, 1, tzinfo=UTC)


class SettableClock:
    """A clock of the processes that were started while it is in use."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.shift(timedelta())

    def shift(self, by: timedelta) -> None:
        """Set the clock so far ahead of the computer's."""
        shift_us = by // timedelta(microseconds=1)
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", shift_us * 1000))

    def set_to(self, moment: datetime) -> None:
        """Set the clock to a moment."""
        self.shift(moment - datetime.now(UTC))


def next_midnight() -> datetime:
    """Return the next midnight of the processes' time zone."""
    now = datetime.now(ZoneInfo(ZONE))
    return (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


@contextmanager
def settable_clock(folder: Path) -> Iterator[SettableClock | None]:
    """Let processes that are started in the block have a clock that can be set.

    Parameters
    ----------
    folder
        Folder for the library.

    Yields
    ------
    SettableClock or None
        The clock; None where there is no C compiler, or no Linux.

    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        yield None
        return
    library, file = folder / "settable.so", folder / "clock"
    subprocess.run(  # noqa: S603 - fixed
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"],
        check=True,
        timeout=_COMPILE_S,
    )
    clock = SettableClock(file)
    with _environment(LD_PRELOAD=str(library), TZ=ZONE, **{_FILE_VARIABLE: str(file)}):
        yield clock


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set variables that processes inherit which are started in the block."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name)
        os.environ.update({name: before[name] for name in values if name in before})
