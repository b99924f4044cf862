"""A clock that is set for some processes alone, and leaves their waits and steady clocks alone."""

import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rt_ner.bench.chaos.clock.settable import HOUR_COMES_TWICE, settable_clock

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not (shutil.which("cc") or shutil.which("gcc")),
    reason="needs Linux and a C compiler",
)
# Prints all clocks each time that it is asked, and waits on a lock and on a condition before.
PROGRAM = """
import sys, threading, time
from datetime import datetime
for _ in sys.stdin:
    threading.Condition().acquire() and threading.Event().wait(0.01)
    now = datetime.now().astimezone()
    print(time.time(), time.monotonic(), now.isoformat(), flush=True)
"""


def test_it_is_set_forward_back_and_to_an_hour_that_comes_twice(tmp_path: Path) -> None:
    with settable_clock(tmp_path) as clock:
        assert clock
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def asked() -> tuple[float, float, datetime]:
        assert program.stdin
        assert program.stdout
        program.stdin.write("\n")
        program.stdin.flush()
        wall_s, steady_s, shown = program.stdout.readline().split()
        return float(wall_s), float(steady_s), datetime.fromisoformat(shown)

    try:
        steady_s = [asked()[1]]
        for hours in (1, -1, 0):
            clock.shift(timedelta(hours=hours))
            wall_s, now_s, _ = asked()
            ahead_h = (wall_s - datetime.now(UTC).timestamp()) / 3600
            assert round(ahead_h, 2) == hours
            steady_s.append(now_s)
        assert steady_s == sorted(steady_s)
        assert steady_s[-1] - steady_s[0] < 1800
        clock.set_to(HOUR_COMES_TWICE - timedelta(minutes=10))
        before = asked()[2]
        clock.set_to(HOUR_COMES_TWICE + timedelta(minutes=10))
        after = asked()[2]
        assert (before.hour, after.hour) == (2, 2)
        assert (before.utcoffset(), after.utcoffset()) == (
            timedelta(hours=2), timedelta(hours=1),
        )  # fmt: skip
    finally:
        program.communicate(timeout=30)
