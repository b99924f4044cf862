"""What stands where a recording should be: refused with the remedy."""

from pathlib import Path

import numpy as np
import pytest

from rt_ner.core.errors import SessionError
from rt_ner.data.loading import load_recording

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
CONTENTS = {
    "day1.nwb": (POINTER, "a Git LFS pointer, not the data: git lfs pull"),
    "day1.mat": (b"/annex/objects/SHA256E-s1--00.mat\n", "a git-annex pointer"),
    "day1.h5": (b"\x89HDF", r"files ending in .h5 are not read, expected .xdf, .nwb"),
    "day1": (b"hello", "files without an ending are not read"),
    "day1.npz": (b"hello", "expected a NumPy archive"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_contents(name: str, tmp_path: Path) -> None:
    content, reason = CONTENTS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SessionError, match=reason):
        load_recording(tmp_path / name)


def test_folders_and_links(tmp_path: Path) -> None:
    zarr = tmp_path / "day1.nwb.zarr"
    zarr.mkdir()
    with pytest.raises(SessionError, match="a folder; expected a file"):
        load_recording(zarr)
    (zarr / ".zattrs").write_text("{}")
    with pytest.raises(SessionError, match="a Zarr folder: convert it to NWB"):
        load_recording(zarr)
    link = tmp_path / "day1.xdf"
    link.symlink_to(tmp_path / ".git" / "annex" / "objects" / "gone.xdf")
    with pytest.raises(SessionError, match="a git-annex link without its content"):
        load_recording(link)
    with pytest.raises(SessionError, match="no such session file"):
        load_recording(tmp_path / "nothing.xdf")


def test_an_archive_of_any_name_is_read_for_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "day1.session"
    with path.open("wb") as file:
        np.savez(file, x=np.zeros((3, 2)), y=np.zeros(4))
    with pytest.raises(SessionError, match="it holds x 3×2, y 4"):
        load_recording(path)
