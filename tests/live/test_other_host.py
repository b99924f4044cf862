"""A source on another computer, with a clock of its own.

Linux can give a process another host name and another monotonic clock; to LSL it is another
computer.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.kinds import TIMING_LABELS, Kind, source_id_of
from rt_ner.live.states import State
from tests.helpers.rig import PATIENT, Decoding, inlet, pulled
from tests.helpers.waiting import LONGEST_S, wait_until

AHEAD_S = 5000
NAMESPACES = ["unshare", "--uts", "--time", "--monotonic", str(AHEAD_S), "--fork"]


@contextmanager
def noise_on(host: str, source_id: str, folder: Path) -> Iterator[None]:
    """A noise source that runs on another host within the block."""
    allowed = (
        shutil.which("unshare")
        and not subprocess.run(
            [*NAMESPACES, "hostname", host], capture_output=True, check=False
        ).returncode
    )
    if not allowed:
        pytest.skip("no time namespaces here: Linux, unshare and root are needed")
    python = f"{sys.executable} -m rt_ner noise --name {source_id}"
    with (folder / "noise.log").open("wb") as log:
        process = subprocess.Popen(
            [*NAMESPACES, "sh", "-c", f"hostname {host} && exec {python}"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, 9)
            process.communicate()


def test_times_of_another_host_are_moved_to_the_local_clock(
    small_bundle: Bundle, source_id: str, tmp_path: Path
) -> None:
    query = {"source_id": source_id_of(source_id, Kind.SPIKES), "host": "another-host"}
    with (
        noise_on("another-host", source_id, tmp_path),
        Decoding(small_bundle.model, source_id, input=query, safety=PATIENT) as decoding,
    ):
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


def test_another_computer_of_the_same_name_is_told_from_this_one(
    small_bundle: Bundle, source_id: str, tmp_path: Path
) -> None:
    here = socket.gethostname()
    with (
        noise_on(here, source_id, tmp_path),
        Decoding(small_bundle.model, source_id, safety=PATIENT) as decoding,
    ):
        said = ""
        while "another computer" not in said:
            said = decoding.notices.get(timeout=LONGEST_S)
        assert f"has this one's name, {here}; its clock is 5,000.0 s ahead" in said
        # Whatever waits was stamped before its times were moved.
        timing = inlet(decoding.name, Kind.TIMING)
        rows, _ = pulled(timing, 50)
    columns = dict(zip(TIMING_LABELS, rows.T, strict=True))
    delay_s = columns["arrived"] - columns["newest_sample"]
    assert abs(np.median(delay_s)) < AHEAD_S / 100


def test_a_source_whose_host_is_renamed_is_taken_again_or_the_remedy_is_said(
    small_bundle: Bundle, source_id: str, tmp_path: Path
) -> None:
    """A new address may bring a new domain; another name may be another rig's computer."""
    with Decoding(small_bundle.model, source_id, safety=PATIENT) as decoding:
        decoding.expect(State.CONNECTING)
        for host in ("amp", "amp.lan"):
            with noise_on(host, source_id, tmp_path):
                decoding.expect(State.WARMING, State.RUNNING)
            while decoding.states.get(timeout=LONGEST_S) != State.CONNECTING:
                pass
        with noise_on("elsewhere", source_id, tmp_path):
            there = f"'{source_id}/spikes' is there, but on host elsewhere: if this is the same"
            wait_until(lambda: there in decoding.loop.note)
            assert decoding.states.empty()
