"""A source on another computer, with a clock of its own.

Linux can give a process another host name and another monotonic clock; to LSL it is another
computer.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.kinds import TIMING_LABELS, Kind, source_id_of
from rt_ner.live.states import State
from tests.helpers.rig import Decoding, inlet, pulled

AHEAD_S = 5000
NAMESPACES = ["unshare", "--uts", "--time", "--monotonic", str(AHEAD_S), "--fork"]


@pytest.fixture
def other_host(source_id: str, tmp_path: Path) -> Iterator[None]:
    """A noise source that runs on 'another host' while the test does."""
    allowed = (
        shutil.which("unshare")
        and not subprocess.run(
            [*NAMESPACES, "hostname", "another-host"], capture_output=True, check=False
        ).returncode
    )
    if not allowed:
        pytest.skip("no time namespaces here: Linux, unshare and root are needed")
    python = f"{sys.executable} -m rt_ner noise --name {source_id}"
    with (tmp_path / "noise.log").open("wb") as log:
        process = subprocess.Popen(
            [*NAMESPACES, "sh", "-c", f"hostname another-host && exec {python}"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        yield
        os.killpg(process.pid, 9)
        process.communicate()


def test_times_of_another_host_are_moved_to_the_local_clock(
    small_bundle: Bundle, source_id: str, other_host: None
) -> None:
    query = {"source_id": source_id_of(source_id, Kind.SPIKES), "host": "another-host"}
    with Decoding(small_bundle.model, source_id, input=query) as decoding:
        timing = inlet(decoding.name, Kind.TIMING)
        decoding.expect(State.CONNECTING, State.WARMING, State.RUNNING)
        rows, stamps_ns = pulled(timing, 250)
    columns = dict(zip(TIMING_LABELS, rows.T, strict=True))
    delay_s = columns["arrived"] - columns["newest_sample"]
    # The way and the clock's error, as long as they may be on a busy computer, but no 5000 s.
    assert abs(np.median(delay_s)) < AHEAD_S / 100
    assert not (np.diff(np.rint(stamps_ns / 1e6)) % 10).any()
    counts = decoding.loop.statistics.counts()
    assert counts["missing"] == counts["late"] == counts["clock_steps"] == 0
