"""Find a folder for what can be made again, such as compiled kernels, on any computer.

Most users have a home that can be written. A rig's account may have none, or one that is full or
read-only: then the folder is in the system's place for temporary files, or there is none.
"""

import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple


class CacheFolder(NamedTuple):
    """A folder that can be written, None if there is none, and a sentence if it is not as usual."""

    path: Path | None
    notice: str


@cache
def cache_folder() -> CacheFolder:
    """Return this user's cache folder; it is created if need be."""
    return find_cache_folder(os.environ)


def find_cache_folder(environment: Mapping[str, str]) -> CacheFolder:
    """Return the first folder that can be written and that nobody else can write to."""
    first, *others = _candidates(environment)
    if _is_usable(first):
        return CacheFolder(first, "")
    remedy = "set NUMBA_CACHE_DIR to a folder that you may write to"
    for folder in others:
        if _is_usable(folder):
            return CacheFolder(folder, f"{first} can't be written: compiled code is in {folder}")
    return CacheFolder(
        None, f"{first} can't be written: every start compiles anew, for up to a minute; {remedy}"
    )


def lend_to_matplotlib() -> None:
    """Give Matplotlib a folder if this user's home can't be written, before it complains."""
    home = _users_folder(os.environ).parent
    if "MPLCONFIGDIR" not in os.environ and not os.access(home, os.W_OK):
        folder = cache_folder().path
        if folder is not None:
            os.environ["MPLCONFIGDIR"] = str(folder / "matplotlib")


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield folders, the preferred one first."""
    if chosen := environment.get("NUMBA_CACHE_DIR"):
        yield Path(chosen)
    yield _users_folder(environment) / "rt-ner"
    try:
        temporary = Path(tempfile.gettempdir())
    except OSError:
        return
    # Python falls back to the folder that it runs in, which is no place for this.
    if temporary != Path.cwd():
        yield temporary / f"rt-ner-{_user(environment)}"


def _user(environment: Mapping[str, str]) -> str:
    if sys.platform == "win32":
        return environment.get("USERNAME", "user")
    return str(os.getuid())


def _users_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder in which programs keep this user's caches, if there is a home at all."""
    if named := environment.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"):
        return Path(named)
    home = environment.get("USERPROFILE" if sys.platform == "win32" else "HOME")
    # Without a variable, Python asks the system's list of users, which may not know this one.
    home = home or os.path.expanduser("~")  # noqa: PTH111 - never raises
    return Path("/nonexistent" if home == "~" else home) / ".cache"


def _is_usable(folder: Path) -> bool:
    """Return True if the folder, created if need be, can be written by this user alone.

    What is read from it is executed, and anybody may create folders in a place for temporary files.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        found = folder.stat()
    except OSError:
        return False
    if sys.platform == "win32":
        return True
    return found.st_uid == os.getuid() and not found.st_mode & stat.S_IWOTH
