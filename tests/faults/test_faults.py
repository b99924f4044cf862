"""Faults of a rig, done to a real decoder by real processes over real LSL.

The source counts what it really did, and the decoder's own counts must equal that.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from rt_ner.bench.observer import Message
from rt_ner.bench.rig import Rig, counted_by, open_rig
from rt_ner.core.contract.input_counts import FATES
from rt_ner.core.contract.kinds import Kind
from rt_ner.live.states import State
from rt_ner.system.processes import ChildProcess
from tests.helpers.waiting import LONGEST_S

pytestmark = pytest.mark.faults

Velocities = list[tuple[float, list[float]]]
# Hops that are passed over are not among it: a computer that is busy for a moment sheds them.
NOT_LOST = ("late", "missing", "invalid", "duplicate", "skipped", "clock_steps")


class FaultyRig:
    """A rig with all of its velocities, and the counts that came about since it was last calm."""

    def __init__(self, rig: Rig, velocities: Velocities) -> None:
        self.rig = rig
        self.observer = rig.observer
        self.velocities = velocities
        self._before: dict[str, int] = {}
        self._n_states = 0
        self._first_state = self._first_velocity = 0

    @contextmanager
    def noise(self, *arguments: str) -> Iterator[ChildProcess]:
        """A source that is being decoded."""
        self.mark()
        self._first_state, self._first_velocity = len(self.observer.states), len(self.velocities)
        with self.rig.noise(*arguments) as source:
            self.expect(State.RUNNING)
            self.mark()
            yield source

    def mark(self) -> None:
        """From here on."""
        self._before = self.observer.counts
        self._n_states = len(self.observer.states)

    def expect(self, *states: State) -> Message:
        """These states come, in this order, others between them or not."""
        for state in states:
            said = self.observer.wait_for_state(state, self._n_states)
            self._n_states = self.observer.states.index(said) + 1
        return said

    def runs(self) -> None:
        """It runs, or does so again: a busy computer may make it stale for a moment."""
        self.observer.wait_until(lambda: self.observer.state == State.RUNNING, "RUNNING")

    def notice(self, words: str) -> str:
        """The newest notice with these words, once it is there."""

        def found() -> list[str]:
            return [said.text for said in self.observer.notices if words in said.text]

        self.observer.wait_until(lambda: bool(found()), f"notice '{words}'")
        return found()[-1]

    def so_far(self) -> dict[str, int]:
        """Return what was counted since the mark."""
        return {name: n - self._before[name] for name, n in self.observer.counts.items()}

    def expect_counts(self, **expected: int) -> None:
        """These counts are reached exactly, and of all that tell of loss no others change."""

        def found() -> dict[str, int]:
            return {name: n for name, n in self.so_far().items() if n and name in NOT_LOST}

        wanted = {name: n for name, n in expected.items() if n}
        self.observer.wait_until(lambda: found().items() >= wanted.items(), f"counts {wanted}")
        assert found() == wanted

    def hear(self, n_hops: int) -> None:
        """Wait for so many more hops."""
        n_before = len(self.velocities)
        self.observer.wait_until(lambda: len(self.velocities) >= n_before + n_hops, "hops")

    def check_standing_still(self) -> None:
        """No velocity but zero outside of RUNNING, since the newest source was opened."""
        states = self.observer.states[self._first_state :]
        stamps_s = np.array([said.stamp_s for said in states])
        for stamp_s, velocity in self.velocities[self._first_velocity :]:
            newest = int(np.searchsorted(stamps_s, stamp_s + 1e-6)) - 1
            if newest < 0 or states[newest].text != State.RUNNING:
                assert not any(velocity), (stamp_s, velocity)


@pytest.fixture(scope="module")
def rig(small_bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyRig]:
    """One decoder for all faults that it must survive; the first source comes late."""
    velocities: Velocities = []
    folder = tmp_path_factory.mktemp("faults")
    with open_rig(
        small_bundle_folder, 96, folder, on_velocity=lambda *row: velocities.append(row)
    ) as opened:
        yield FaultyRig(opened, velocities)
        opened.finish()
    assert velocities[-1][1] == [0.0, 0.0]


def test_a_source_that_is_killed_and_restarted(rig: FaultyRig) -> None:
    with rig.noise() as source:
        rig.hear(20)
        source.kill()
        rig.expect(State.CONNECTING)
        rig.notice("connection lost: the source has gone")
        rig.check_standing_still()
    with rig.noise():
        rig.hear(20)
        rig.expect_counts()
    rig.check_standing_still()


def test_a_stall_of_two_seconds(rig: FaultyRig) -> None:
    with rig.noise() as source:
        source.order("stall", seconds=2)
        rig.expect(State.STALE, State.WARMING, State.RUNNING)
        rig.expect_counts(missing=2000)
    assert counted_by(source)["withheld"] == 2000
    rig.check_standing_still()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP is POSIX's")
def test_a_source_that_freezes_and_thaws(rig: FaultyRig) -> None:
    """As when a network is cut and healed: what was held back comes all at once."""
    with rig.noise() as source:
        os.kill(source.pid, signal.SIGSTOP)
        rig.expect(State.STALE)
        n_frozen = len(rig.velocities)
        os.kill(source.pid, signal.SIGCONT)
        rig.expect(State.RUNNING)
        rig.hear(20)
        counts = rig.so_far()
    assert counts["missing"] == counts["late"] == counts["clock_steps"] == 0
    assert counts["passed_over"] > 10, "old velocities are of no use to a cursor"
    ages_s = [stamp_s - rig.velocities[n_frozen - 1][0] for stamp_s, _ in rig.velocities[n_frozen:]]
    assert min(ages_s) > -0.02, "nothing of the 200 ms and more that were held back"
    rig.check_standing_still()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP is POSIX's")
def test_a_decoder_that_is_paused(rig: FaultyRig) -> None:
    """As by a swapping or sleeping computer: nothing of the past is shown, and it is told."""
    with rig.noise():
        n_before = len(rig.velocities)
        os.kill(rig.rig.decoder.pid, signal.SIGSTOP)
        Event().wait(1.0)
        os.kill(rig.rig.decoder.pid, signal.SIGCONT)
        rig.expect(State.STALE, State.RUNNING)
        rig.hear(20)
        counts = rig.so_far()
    gaps_s = np.diff([stamp_s for stamp_s, _ in rig.velocities[n_before - 1 :]])
    assert gaps_s.max() > 0.8, "a second of velocities is left out"
    assert counts["passed_over"] > 50
    assert counts["missing"] == counts["late"] == counts["clock_steps"] == 0
    rig.check_standing_still()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP is POSIX's")
def test_a_source_that_freezes_and_is_replaced(rig: FaultyRig) -> None:
    """The old connection is dead but open: only the network shows that the source is there anew."""
    with rig.noise() as frozen:
        os.kill(frozen.pid, signal.SIGSTOP)
        rig.expect(State.STALE)
        with rig.rig.noise("raster", "--no-wait"):
            rig.expect(State.CONNECTING, State.RUNNING)
            rig.hear(20)
            frozen.kill()
    rig.check_standing_still()


def test_a_tenth_of_the_samples_withheld(rig: FaultyRig) -> None:
    with rig.noise() as source:
        source.order("withhold", probability=0.1, seconds=2)
        rig.hear(230)
        # However late the order came: from here on, nothing more is withheld.
        source.order("withhold", probability=0.0, seconds=0)
        withheld = counted_by_now(source, rig)["withheld"]
        assert 100 < withheld < 300
        rig.expect_counts(missing=withheld)
        rig.runs()
    assert counted_by(source)["withheld"] == withheld
    rig.check_standing_still()


def test_samples_that_come_twice(rig: FaultyRig) -> None:
    with rig.noise() as source:
        source.order("repeat", ticks=25)
        rig.expect_counts(duplicate=25)
        rig.runs()
    assert counted_by(source)["repeated"] == 25


def test_samples_that_come_backwards(rig: FaultyRig) -> None:
    with rig.noise() as source:
        source.order("reverse", ticks=8)

        def n_backwards() -> int:
            counts = rig.so_far()
            return counts["late"] + counts["reordered"]

        rig.observer.wait_until(lambda: n_backwards() >= 7, "samples that come backwards")
        rig.hear(20)
        counts = rig.so_far()
        rig.runs()
    # Those of the hop that is still open are used; the others are late, and none is missing.
    assert counts["late"] + counts["reordered"] == counted_by(source)["reordered"] == 7
    assert counts["missing"] == 0
    rig.check_standing_still()


def test_counts_that_cannot_be(rig: FaultyRig) -> None:
    with rig.noise() as source:
        n_before = len(rig.velocities)
        source.order("bad", ticks=2)
        rig.expect_counts(invalid=2)
        assert counted_by_now(source, rig)["bad"] == 2
        rig.runs()
        # Which hops stop, and that no others do, is tested in memory.
        assert any(not any(velocity) for _, velocity in rig.velocities[n_before:])
    rig.check_standing_still()


def fates_of(counts: Mapping[str, float]) -> dict[str, float]:
    """Of all counts, those of which each event is exactly one."""
    return {name: counts[name] for name in (fate.name.lower() for fate in FATES)}


def counted_by_now(source: ChildProcess, rig: FaultyRig, stalling_s: float = 0) -> dict[str, int]:
    """Ask a running source what it has done; it may stall from then on."""
    n_events = len(source.events("sent"))
    source.order("stall", seconds=stalling_s)
    rig.observer.wait_until(lambda: len(source.events("sent")) > n_events, "the source's answer")
    return source.events("sent")[-1]


def test_a_source_that_comes_back_with_other_channels(rig: FaultyRig) -> None:
    with rig.noise() as source:
        source.kill()
        rig.expect(State.CONNECTING)
    with rig.rig.noise("raster", "--channels", "70"):
        rig.expect(State.FAULT)
        notice = rig.notice("refused: the source came back changed")
        assert "96" in notice
        assert "70" in notice
    with rig.noise():
        rig.hear(20)
    rig.check_standing_still()


def test_a_burst_of_fifty_times_the_rate(rig: FaultyRig) -> None:
    with rig.noise() as source:
        source.order("burst", factor=50, seconds=1)
        rig.hear(130)
        rig.expect_counts()
        rig.runs()
    speeds = [np.hypot(*velocity) for _, velocity in rig.velocities]
    assert max(speeds) <= 200.0 * (1 + 1e-6)


def test_a_burst_of_events(small_bundle_folder: Path, tmp_path: Path) -> None:
    velocities: Velocities = []
    with open_rig(
        small_bundle_folder, 96, tmp_path, Kind.EVENTS, 50.0, lambda *row: velocities.append(row)
    ) as opened:
        rig = FaultyRig(opened, velocities)
        with opened.noise("events") as source:
            rig.expect(State.RUNNING)
            source.order("burst", factor=50, seconds=1)
            source.order("repeat", ticks=20)
            rig.hear(150)
            # However far behind the decoder is: what was sent arrives before the source ends.
            n_sent = counted_by_now(source, rig, stalling_s=600)["rows"]
            rig.observer.wait_until(
                lambda: sum(fates_of(rig.observer.counts).values()) == n_sent, f"{n_sent} events"
            )
        rig.expect(State.CONNECTING)
        opened.finish()
    sent = counted_by(source)
    counted = opened.logged()
    fates = fates_of(counted)
    assert sum(fates.values()) == sent["rows"], fates
    assert fates["duplicate"] == sent["repeated"] > 0, fates
    assert sent["rows"] > 40_000
    rig.check_standing_still()


def test_a_second_source_of_the_same_name(rig: FaultyRig) -> None:
    with rig.noise():
        with rig.rig.noise("raster", "--no-wait"):
            assert rig.rig.source in rig.notice("another stream matches and is left alone")
            rig.hear(50)
        rig.expect_counts()
        rig.runs()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP is POSIX's")
def test_a_client_that_stops_reading(rig: FaultyRig) -> None:
    script = (
        "import os, signal, sys, pylsl\n"
        "found = pylsl.resolve_byprop('source_id', sys.argv[1], 1, 20)\n"
        "inlet = pylsl.StreamInlet(found[0], max_buflen=1)\n"
        "inlet.open_stream(20)\n"
        "print('open', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\n"
    )
    client = subprocess.Popen(
        [sys.executable, "-c", script, f"{rig.rig.decoder_name}/velocity"], stdout=subprocess.PIPE
    )
    try:
        assert client.stdout
        assert client.stdout.readline().strip() == b"open"
        with rig.noise():
            rig.hear(200)
            rig.expect_counts()
            rig.runs()
    finally:
        client.kill()
        client.communicate()


# The last one: what was stamped ahead of its time would confuse the others.
@pytest.mark.parametrize("step_s", [5, -5])
def test_a_step_of_the_clock(rig: FaultyRig, step_s: int) -> None:
    with rig.noise() as source:
        source.order("step", seconds=step_s)
        rig.expect(State.WARMING, State.RUNNING)
        rig.expect_counts(clock_steps=1)
        rig.notice("clock step")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to be caught")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_decoder_told_to_end(
    small_bundle_folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    velocities: Velocities = []
    with open_rig(
        small_bundle_folder, 96, tmp_path, on_velocity=lambda *row: velocities.append(row)
    ) as opened:
        rig = FaultyRig(opened, velocities)
        with rig.noise():
            rig.hear(10)
            os.kill(opened.decoder.pid, number)
            rig.expect(State.STOPPED)
            opened.decoder.finish(LONGEST_S)
    assert velocities[-1][1] == [0.0, 0.0]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["state"] == State.STOPPED
    assert lines[-1]["used"] >= lines[0]["used"]
    assert {"time", "data_age_ms", "latency_p99_us", "missing", "overloads"} <= lines[0].keys()
