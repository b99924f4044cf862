"""HDF5 files are read through in this process, not in a child of their own, which costs 0.2 s."""

import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from rt_ner.data.formats.common.guards import hdf5_probe

_IN_A_CHILD = hdf5_probe._tried


@pytest.fixture(scope="module", autouse=True)
def _probe_here() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hdf5_probe, "_limit_memory", lambda: None)
        patch.setattr(hdf5_probe, "_tried", _tried_here)
        yield


@pytest.fixture
def probed_by_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """For files that HDF5's library may not survive, and for what such a child says."""
    monkeypatch.setattr(hdf5_probe, "_tried", _IN_A_CHILD)


def _tried_here(path: Path) -> "subprocess.CompletedProcess[bytes]":
    with redirect_stdout(StringIO()) as said:
        code = hdf5_probe._main(str(path))
    return subprocess.CompletedProcess([], code, said.getvalue().encode())
