"""Refuse what stands where a recording should be: pointers, folders, files of other kinds."""

from contextlib import suppress
from pathlib import Path

from rt_ner.core.errors import SessionError

_READ = ".xdf, .nwb, .mat, .nev, .ns1 to .ns6 (Blackrock), .npz, or a recipe (.toml)"
# A NEV file comes first: it names its neighbours' electrodes.
BLACKROCK = (".nev", *(f".ns{number}" for number in range(1, 7)))
_HEAD_BYTES = 200

_TEXT, _XDF, _HDF5, _ARCHIVE = "text", "an XDF file", "an HDF5 file", "a NumPy archive (ZIP)"
_MATLAB, _EVENTS, _SIGNALS = "a MATLAB file", "Blackrock's events", "Blackrock's signals"
_SIGNATURES = {
    b"XDF:": _XDF,
    b"\x89HDF\r\n": _HDF5,
    b"PK": _ARCHIVE,
    b"\x93NUMPY": _ARCHIVE,
    b"MATLAB ": _MATLAB,
    b"NEURALEV": _EVENTS,
    b"BREVENTS": _EVENTS,
    b"NEURALSG": _SIGNALS,
    b"NEURALCD": _SIGNALS,
    b"BRSMPGRP": _SIGNALS,
}
# MATLAB's version 7.3 is HDF5 after a header of its own; any HDF5 file may begin with one.
_KINDS = {
    ".xdf": (_XDF,),
    ".nwb": (_HDF5, _MATLAB),
    ".mat": (_MATLAB,),
    ".nev": (_EVENTS,),
    **dict.fromkeys(BLACKROCK[1:], (_SIGNALS,)),
    ".npz": (_ARCHIVE,),
    ".toml": (_TEXT,),
}


def recording_at(path: Path) -> Path:
    """Return the file at a path, or the first Blackrock file whose name it is without ending."""
    with suppress(OSError):
        beside = (path.with_name(f"{path.name}{ending}") for ending in BLACKROCK if path.name)
        return path if path.exists() else next((file for file in beside if file.is_file()), path)
    return path


def check_is_file(path: Path) -> None:
    """Raise SessionError, with the remedy, if there is no file of the kind that its name says."""
    try:
        _check_is_there(path)
        head = _head(path)
    except OSError as error:
        raise SessionError(
            f"can't be read ({error.strerror}): check its permissions and its disk"
        ) from error
    _check_holds_data(head)
    expected = _KINDS.get(path.suffix.lower(), ())
    kind = _kind(head)
    if kind and expected and kind not in expected:
        raise SessionError(
            f"it holds {kind}, expected {expected[0]}, as its name ends in {path.suffix}: rename "
            "it to match its contents, or export it again"
        )


def check_ending(path: Path) -> None:
    """Raise SessionError if a file is of a kind that is not read without a recipe."""
    if path.suffix.lower() not in _KINDS and _kind(_head(path)) != _ARCHIVE:
        ending = f"ending in {path.suffix}" if path.suffix else "without an ending"
        raise SessionError(
            f"files {ending} are not read, expected {_READ}; convert it, or read it "
            "with a recipe (--recipe)"
        )


def is_zarr(path: Path) -> bool:
    """Return True for a folder that holds arrays in the Zarr format."""
    return any((path / name).exists() for name in (".zgroup", ".zattrs", "zarr.json"))


def _check_is_there(path: Path) -> None:
    """Raise SessionError if there is no file at the path."""
    if path.is_dir():
        if is_zarr(path):
            raise SessionError("a Zarr folder; expected a file: convert it to NWB in HDF5")
        raise SessionError("a folder; expected a file: name the recording in it")
    if path.is_file():
        return
    if not path.is_symlink():
        raise SessionError("no such session file; check its path")
    target = path.readlink()
    if ".git/annex" in target.as_posix():
        raise SessionError("a git-annex link without its content: git annex get (or datalad)")
    raise SessionError(f"a link to {target}, where there is no file: correct the link")


def _check_holds_data(head: bytes) -> None:
    """Raise SessionError if a file is empty, or points to another place."""
    if not head:
        raise SessionError("an empty file (0 bytes): get an intact copy, or record again")
    if head.startswith(b"version https://git-lfs"):
        raise SessionError("a Git LFS pointer, not the data: git lfs pull")
    if head.startswith(b"/annex/objects/"):
        raise SessionError("a git-annex pointer, not the data: git annex get (or datalad)")


def _head(path: Path) -> bytes:
    """Return the first bytes of a file."""
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _kind(head: bytes) -> str:
    """Return the kind of file that begins with these bytes; empty if it is not known."""
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            return kind
    is_text = not any(byte < 0x20 and chr(byte) not in "\t\r\n\f" for byte in head)
    return _TEXT if is_text else ""
