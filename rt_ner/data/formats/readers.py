"""Choose the function that reads or writes a file: by a recipe, or by the ending of its name."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from rt_ner.core.errors import SessionError
from rt_ner.data.formats import archive
from rt_ner.data.formats.common.guards.stand_ins import BLACKROCK
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.voltage.settings import VoltageSettings

# Reads the area of that name, or the first one. Raises ImportError if it lacks a package.
Reader = Callable[[Path, str | None], RecordingFile]


def reader_for(suffix: str, voltage: VoltageSettings) -> Reader:
    """Return the function that reads files with such an ending, and such values of voltage."""
    match suffix:
        case ".xdf":
            from rt_ner.data.formats.xdf.reader import read as read_xdf  # noqa: PLC0415

            return partial(read_xdf, voltage=voltage)
        case ".nwb":
            from rt_ner.data.formats.nwb.reader import read as read_nwb  # noqa: PLC0415

            return partial(read_nwb, voltage=voltage)
        case ".mat":
            from rt_ner.data.formats.matlab.reader import read  # noqa: PLC0415
        case _ if suffix in BLACKROCK:
            from rt_ner.data.formats.blackrock.reader import (  # noqa: PLC0415
                read as read_blackrock,
            )

            return partial(read_blackrock, voltage=voltage)
        case ".toml":
            from rt_ner.data.formats.recipe.reader import read as read_recipe  # noqa: PLC0415

            return partial(read_recipe, voltage=voltage)
        case _:
            return archive.read
    return read


def reader_by(recipe: Path, voltage: VoltageSettings) -> Reader:
    """Return the function that reads any file as a recipe says."""
    from rt_ner.data.formats.recipe.reader import read_by  # noqa: PLC0415

    return partial(read_by, recipe, voltage=voltage)


def nwb_writer() -> Callable[[Session, Path], None]:
    """Return the function that writes NWB files."""
    try:
        from rt_ner.data.formats.nwb.writer import write  # noqa: PLC0415
    except ImportError as error:
        raise missing_package(".nwb", error) from error
    return write


def missing_package(suffix: str, error: ImportError) -> SessionError:
    """Return the error that names the package and the remedy."""
    return SessionError(
        f"{suffix} files need another package ({error}): pip install 'rt-ner[formats]'"
    )
