"""Read and write the pointer that stands for a promoted bundle, such as ``store/monkey/current``.

It is a folder with one file, not a link, so that it works on every file system.
"""

from pathlib import Path

from pydantic import Field, ValidationError

from rt_ner.bundle.entries.strict import Strict
from rt_ner.core.atomic_files import replace_file
from rt_ner.core.errors import BundleError

BUNDLES = "bundles"
_FILE = "PROMOTED.json"


class _Pointer(Strict):
    """The content of the file: the hash of a bundle in the store two folders above."""

    format: int = 1
    bundle: str = Field(pattern="^[0-9a-f]{64}$")


def write_pointer(folder: Path, bundle: str) -> None:
    """Let a folder stand for the bundle of a hash."""
    content = _Pointer(bundle=bundle).model_dump_json().encode() + b"\n"
    replace_file(folder / _FILE, content)


def is_pointer(folder: Path) -> bool:
    """Return True if a folder stands for a bundle in a store."""
    return (folder / _FILE).is_file()


def bundle_at(folder: Path) -> Path:
    """Return the bundle's own folder: that which a pointer stands for, any other as it is.

    Raises BundleError if the pointer is damaged.
    """
    if not is_pointer(folder):
        return folder
    try:
        pointer = _Pointer.model_validate_json((folder / _FILE).read_bytes())
    except ValidationError as error:
        raise BundleError(
            f"{folder / _FILE} is damaged: promote a bundle again with rt-ner models promote"
        ) from error
    return folder.resolve().parents[1] / BUNDLES / pointer.bundle
