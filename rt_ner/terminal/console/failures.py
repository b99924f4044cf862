"""Describe failures that the user can mend in one line, with the remedy."""

import errno
from traceback import walk_tb

from rt_ner.core.errors import RtNerError

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_LSL = "pylsl"


def failure_line(error: BaseException) -> str | None:
    """Return one line on a failure of the surroundings; None for a bug in rt-ner."""
    if isinstance(error, RtNerError):
        return str(error)
    if is_missing_lsl(error):
        return (
            f"Lab Streaming Layer can't be loaded ({_one_line(error)}): install it with "
            "pip install --force-reinstall pylsl, or set PYLSL_LIB to liblsl's file; commands that "
            "only read and write files work without it"
        )
    if isinstance(error, OSError):
        return disk_full_line(error) or _one_line(error)
    return None


def is_missing_lsl(error: BaseException | None) -> bool:
    """Return True if pylsl is not installed, or does not find its library."""
    if isinstance(error, ModuleNotFoundError):
        return error.name == _LSL
    if not isinstance(error, RuntimeError | OSError):
        return False
    # Its errors once it is loaded are not meant.
    return any(
        frame.f_code.co_name == "<module>"
        and str(frame.f_globals.get("__name__")).partition(".")[0] == _LSL
        for frame, _ in walk_tb(error.__traceback__)
    )


def disk_full_line(error: OSError) -> str:
    """Return the file and the remedy if a disk, or the user's part of it, is full; else nothing."""
    if error.errno not in _FULL:
        return ""
    return (
        f"{error.filename or 'the output'} can't be written, because the disk is full: free space "
        "there, or choose another place"
    )


def _one_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
