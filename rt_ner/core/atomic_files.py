"""Write files and folders whole or not at all."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from rt_ner.core.errors import ConfigError


def check_home(folder: Path) -> None:
    """Raise ConfigError if ``folder`` could not be created."""
    home = next(parent for parent in folder.absolute().parents if parent.exists())
    if not (home.is_dir() and os.access(home, os.W_OK)):
        raise ConfigError(
            f"{folder} can't be written: {home} is not a folder that you may "
            "write to; choose another folder"
        )


def place_of(path: Path) -> tuple[int, int] | None:
    """Return the numbers of a file's disk and of the file; None if it is not there.

    They tell a file from another one in its place, as after a drive was pulled.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def fresh_file(path: Path) -> Iterator[Path]:
    """Yield the path of a hidden file, which becomes ``path`` if the block ends without an error.

    An error of the disk names ``path``, and leaves what was there before as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        with _errors_naming(path):
            yield partial
            partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, which replaces an existing one."""
    with fresh_file(path) as partial:
        partial.write_bytes(content)


@contextmanager
def _errors_naming(path: Path) -> Iterator[None]:
    """Give errors of the disk the name of the file: writing raises them without one."""
    try:
        yield
    except Exception as error:
        cause = _disk_error(error)
        if cause is None:
            raise
        raise OSError(cause.errno, cause.strerror, str(path)) from error


def _disk_error(error: BaseException | None) -> OSError | None:
    """Return the error of the disk behind another one, such as that of a half-written ZIP."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error
        error = error.__cause__ or error.__context__
    return None


def replace_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, by name, as a new folder, which replaces an existing one.

    Names with ``/`` lie in folders of it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        fresh = Path(scratch) / "fresh"
        fresh.mkdir()
        for name, content in files.items():
            with _errors_naming(folder / name):
                (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                (fresh / name).write_bytes(content)
        if folder.exists():
            folder.rename(Path(scratch) / "replaced")
        fresh.rename(folder)
