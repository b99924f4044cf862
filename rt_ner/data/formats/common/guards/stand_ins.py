"""Refuse what stands where a recording should be: pointers, folders, files of other kinds."""

from pathlib import Path

from rt_ner.core.errors import SessionError

_READ = ".xdf, .nwb, .mat, .nev, .ns1 to .ns6 (Blackrock), .npz, or a recipe (.toml)"
# A NEV file comes first: it names its neighbours' electrodes.
BLACKROCK = (".nev", *(f".ns{number}" for number in range(1, 7)))
_NAMED = {".xdf", ".nwb", ".mat", *BLACKROCK, ".npz", ".toml"}
_NUMPY, _POINTER_BYTES = (b"PK", b"\x93NUMPY"), 200


def recording_at(path: Path) -> Path:
    """Return the file at a path, or the first Blackrock file whose name it is without ending."""
    if path.exists():
        return path
    beside = (path.with_name(f"{path.name}{ending}") for ending in BLACKROCK if path.name)
    return next((file for file in beside if file.is_file()), path)


def check_is_file(path: Path) -> None:
    """Raise SessionError, with the remedy, if there is no file, or one that stands for another."""
    if path.is_symlink() and ".git/annex" in path.readlink().as_posix() and not path.exists():
        raise SessionError("a git-annex link without its content: git annex get (or datalad)")
    if path.is_dir():
        is_zarr = any((path / name).exists() for name in (".zgroup", ".zattrs", "zarr.json"))
        kind = "a Zarr folder: convert it to NWB in one HDF5 file" if is_zarr else "a folder"
        raise SessionError(f"{kind}; expected a file")
    if not path.is_file():
        raise SessionError("no such session file; check its path")
    with path.open("rb") as file:
        head = file.read(_POINTER_BYTES)
    if head.startswith(b"version https://git-lfs"):
        raise SessionError("a Git LFS pointer, not the data: git lfs pull")
    if head.startswith(b"/annex/objects/"):
        raise SessionError("a git-annex pointer, not the data: git annex get (or datalad)")


def check_ending(path: Path) -> None:
    """Raise SessionError if a file is of a kind that is not read without a recipe."""
    with path.open("rb") as file:
        is_archive = file.read(_POINTER_BYTES).startswith(_NUMPY)
    if path.suffix.lower() not in _NAMED and not is_archive:
        ending = f"ending in {path.suffix}" if path.suffix else "without an ending"
        raise SessionError(f"files {ending} are not read, expected {_READ}; convert it first")
