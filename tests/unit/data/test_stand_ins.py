"""Things that stand where a recording should be are refused in one line, with the remedy."""

from pathlib import Path

import numpy as np
import pytest

from rt_ner.core.errors import SessionError
from rt_ner.data.loading import load_recording, load_session
from rt_ner.data.session.session import Session
from tests.helpers.mat_files import version_5, version_73

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
TABLE = b"time,vx,vy\n0.1,2,3\n"
CONTENTS = {
    "day1.nwb": (POINTER, "a Git LFS pointer, not the data: git lfs pull"),
    "day1.mat": (b"/annex/objects/SHA256E-s1--00.mat\n", "a git-annex pointer"),
    "day1.h5": (
        b"\x89HDF",
        "files ending in .h5 are not read, expected .xdf, .*or read it with a re",
    ),
    "day1": (b"hello", "files without an ending are not read"),
    "empty.xdf": (b"", "an empty file .0 bytes.: get an intact copy"),
    "text.npz": (b"hello", "it holds text, expected a NumPy archive"),
    "text.mat": (TABLE, "it holds text, expected a MATLAB file, .*or export it again"),
    "text.nwb": (TABLE, "it holds text, expected an HDF5 file"),
    "text.nev": (TABLE, "it holds text, expected Blackrock's events"),
    "text.ns2": (TABLE, "it holds text, expected Blackrock's signals"),
    "events.xdf": (b"NEURALEV" + bytes(9), "it holds Blackrock's events, expected an XDF file"),
    "hdf5.mat": (b"\x89HDF\r\n\x1a\n", "it holds an HDF5 file, expected a MATLAB file"),
    "binary.nwb": (bytes(300), "not NWB: expected an HDF5 file; get an intact copy"),
    "csv.toml": (TABLE, "can't be read as TOML"),
}


def refusal(path: Path, **more: object) -> str:
    with pytest.raises(SessionError) as refused:
        load_session(path, **more)
    text = str(refused.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text


@pytest.mark.parametrize("name", CONTENTS)
def test_contents(name: str, tmp_path: Path) -> None:
    content, reason = CONTENTS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SessionError, match=reason):
        load_recording(tmp_path / name)


def test_folders_and_links(tmp_path: Path) -> None:
    zarr = tmp_path / "day1.nwb.zarr"
    zarr.mkdir()
    assert "a folder; expected a file" in refusal(zarr)
    (zarr / ".zattrs").write_text("{}")
    assert "a Zarr folder; expected a file: convert it to NWB" in refusal(zarr)
    link = tmp_path / "day1.xdf"
    link.symlink_to(tmp_path / ".git" / "annex" / "objects" / "gone.xdf")
    assert "a git-annex link without its content" in refusal(link)
    link = tmp_path / "day2.xdf"
    link.symlink_to("gone.xdf")
    assert "a link to gone.xdf, where there is no file: correct the link" in refusal(link)
    assert "no such session file" in refusal(tmp_path / "nothing.xdf")


def test_a_file_that_must_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "day1.xdf"
    path.write_bytes(b"XDF:")
    monkeypatch.setattr(Path, "open", forbidden)
    assert "can't be read (Permission denied): check its permissions" in refusal(path)


def test_an_archive_of_any_name_is_read_for_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "day1.session"
    with path.open("wb") as file:
        np.savez(file, x=np.zeros((3, 2)), y=np.zeros(4))
    assert "it holds x 3×2, y 4" in refusal(path)


RECIPE = """
[spikes]
array = "counts"
[[outputs]]
array = "trials"
[time]
bin_s = 0.05
"""
OBJECTS = {
    "table": "a MATLAB table, which only MATLAB reads: convert it there with table2struct",
    "string": "a MATLAB string, which only MATLAB reads: convert it there with char or cellstr",
    "Reach": "a MATLAB Reach, which only MATLAB reads: convert it there with struct",
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_of_matlab_are_named_and_never_read_as_numbers(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("pymatreader")
    path, recipe = tmp_path / "day1.mat", tmp_path / "lab.toml"
    recipe.write_text(RECIPE)
    path.write_bytes(version_73("trials", kind))
    assert f"it holds counts 20×10, trials ({OBJECTS[kind]}" in refusal(path)
    assert f"'trials' is {OBJECTS[kind]}" in refusal(path, recipe=recipe)
    path.write_bytes(version_5("trials", kind))
    # SciPy before 1.18 tells neither name nor class.
    assert "it holds counts 20×10, " in refusal(path)
    assert ", which only MATLAB reads: convert it there" in refusal(path, recipe=recipe)


def test_version_4_of_matlab_is_read(tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    pytest.importorskip("pymatreader")
    path, recipe = tmp_path / "day1.mat", tmp_path / "lab.toml"
    counts = np.arange(400.0).reshape(40, 10) % 3
    scipy_io.savemat(path, {"counts": counts, "trials": np.ones((40, 2))}, format="4")
    recipe.write_text(RECIPE)
    np.testing.assert_array_equal(load_session(path, recipe=recipe).spikes.counts, counts)


def unreadable(file: object, name: str, shape: tuple[int, ...]) -> None:
    """Add an array that is compressed by a filter which nobody has."""
    import h5py

    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_chunk(shape)
    how.set_filter(32_099, h5py.h5z.FLAG_OPTIONAL, (1, 2))
    space = h5py.h5s.create_simple(shape)
    data = h5py.h5d.create(file.id, name.encode(), h5py.h5t.NATIVE_DOUBLE, space, how)
    data.write_direct_chunk((0,) * len(shape), bytes(9))


@pytest.mark.usefixtures("probed_by_a_child")
def test_a_missing_filter_is_named_where_its_array_is_needed(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path, recipe = tmp_path / "day1.h5", tmp_path / "lab.toml"
    recipe.write_text(RECIPE)
    with h5py.File(path, "w") as file:
        file["counts"] = np.zeros((40, 10))
        unreadable(file, "trials", (40, 2))
        unreadable(file, "more", (40,))
    text = refusal(path, recipe=recipe)
    assert "compressed by a filter of HDF5 that is not installed: /" in text
    assert "(32099) and 1 more; pip install hdf5plugin, or write the file again with gzip" in text


@pytest.mark.usefixtures("probed_by_a_child")
def test_a_missing_filter_does_not_matter_where_its_array_is_not_needed(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("pynwb")
    from rt_ner.data.formats.nwb.writer import write

    session = Session.from_arrays(np.ones((400, 3)), np.ones((400, 2)), 0.05)
    path = tmp_path / "day1.nwb"
    write(session, path)
    with h5py.File(path, "r+") as file:
        unreadable(file, "scratch_of_the_lab", (40,))
    assert load_session(path).sha256 == session.sha256
    velocity = "processing/behavior/hand_vel/data"
    with h5py.File(path, "r+") as file:
        attributes, shape = dict(file[velocity].attrs), file[velocity].shape
        del file[velocity]
        unreadable(file, velocity, shape)
        file[velocity].attrs.update(attributes)
    assert f"not installed: /{velocity} by" in refusal(path)


@pytest.mark.parametrize("version", ["NWB-1.0.6", "1.0.5_beta"])
@pytest.mark.parametrize("is_attribute", [True, False])
def test_the_first_version_of_nwb(version: str, is_attribute: bool, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("pynwb")
    path = tmp_path / "day1.nwb"
    with h5py.File(path, "w") as file:
        if is_attribute:
            file.attrs["nwb_version"] = version
        else:
            file["nwb_version"] = version
    assert f"NWB of version {version}, expected version 2: export it again" in refusal(path)
