"""The companion of a running decoder: blocks per decoder, learning from the day, and offers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import SUMS_FILE
from rt_ner.core.errors import SessionError
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.live.companions.next_bundle import NextBundle
from rt_ner.live.learning import adapt_commands
from rt_ner.live.learning.companion import Companion, Day
from rt_ner.live.learning.learners import Outcome, Task
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.block_file import load_block
from rt_ner.recalibration.readouts.stepwise import with_readout

N = 5
BETTER, WORSE = Outcome("better", True), Outcome("worse")


def block_of(n_reaches: int) -> ClosedLoopBlock:
    reach = np.repeat(np.arange(n_reaches), 2)
    n = len(reach)
    return ClosedLoopBlock(
        channel_ids=("a",),
        hop_ns=10_000_000,
        counts=np.zeros((n, 1), dtype=np.int64),
        is_heard=np.ones(n, dtype=np.bool_),
        hand_cm_s=np.full((n, 2), np.nan),
        decoded_cm_s=np.ones((n, 2)),
        cursor_cm=np.zeros((n, 2)),
        target=np.ones((n, 3)),
        reach=reach,
    )


class Loop:
    """A loop that a companion listens to: reaches go by, and bundles are swapped."""

    def __init__(self) -> None:
        self.bundle: int | None = None
        self.problems: list[str] = []
        self.n = 0

    def poll(self) -> list[str]:
        return self.problems

    def n_shown(self) -> int:
        return self.n

    def cut(self) -> ClosedLoopBlock | None:
        n, self.n = self.n, 0
        return block_of(n) if n else None


class Teacher:
    """A learner that a test tells what it finds."""

    def __init__(self, write: Callable[[Path], None]) -> None:
        self.tasks: list[Task] = []
        self.found: Outcome | None = None
        self.has_ended = False
        self._write = write

    def begin(self, task: Task) -> None:
        self.tasks.append(task)
        if len(task.blocks) > 90:
            raise SessionError("too much")

    def outcome(self) -> Outcome | None:
        found, self.found = self.found, None
        if found and found.is_better:
            self._write(self.tasks[-1].out)
        return found

    def end(self) -> None:
        self.has_ended = True


class Rig:
    """A companion on a day that began with a bundle, and what it said and offered."""

    def __init__(self, bundle: Bundle, folder: Path) -> None:
        self.bundle, self.first = bundle, folder / "first"
        bundle.save(self.first)
        self.n_written = 0
        self.loop, self.teacher = Loop(), Teacher(self.write)
        self.day = Day(folder / "day")
        self.day.folder.mkdir()
        self.day.know(self.first)
        self.offered: list[Path] = []
        self.told: list[str] = []
        self.companion = Companion(
            self.day, self.loop, self.teacher, N, self.offered.append, self.told.append
        )
        self.use(self.first)

    def write(self, folder: Path) -> None:
        self.n_written += 1
        readout = self.bundle.model.readout
        other = Readout(readout.matrix * (1 + self.n_written), readout.bias, readout.outputs)
        with_readout(self.bundle, other).save(folder)

    def use(self, bundle: Path) -> None:
        """The decoder decodes with this bundle."""
        (self.loop.bundle,) = [n for n, path in self.day.bundles.items() if path == bundle]
        self.companion.step()

    def reach(self, n: int = N + 1) -> None:
        self.loop.n += n
        self.companion.step()

    def find(self, outcome: Outcome) -> None:
        self.teacher.found = outcome
        self.companion.step()


@pytest.fixture
def rig(small_bundle: Bundle, tmp_path: Path) -> Rig:
    return Rig(replace(small_bundle, pages={}), tmp_path)


def test_it_learns_from_all_use_and_offers_what_is_better(rig: Rig) -> None:
    rig.reach(N)
    assert not rig.teacher.tasks, "the newest reach is not over"
    rig.reach(1)
    (task,) = rig.teacher.tasks
    assert task.in_use == rig.first
    assert [load_block(path).n_reaches for path in task.blocks] == [N + 1]
    rig.reach(30)
    assert len(rig.teacher.tasks) == 1, "one at a time"
    rig.find(WORSE)
    assert rig.offered == []
    rig.companion.step()
    assert [load_block(path).n_reaches for path in rig.teacher.tasks[-1].blocks] == [N + 1, 30]
    rig.find(BETTER)
    assert rig.offered == [rig.teacher.tasks[-1].out]
    assert rig.told == ["worse", "better"]


def test_a_swap_begins_a_block_and_an_undo_goes_back_to_the_start_before(rig: Rig) -> None:
    rig.reach()
    rig.find(BETTER)
    (second,) = rig.offered
    rig.reach(3)
    rig.use(second)
    assert [load_block(path).n_reaches for path in rig.day.blocks] == [N + 1, 3]
    rig.reach()
    assert rig.teacher.tasks[-1].in_use == second
    # Undone while something is learned from it: that is not offered, and not built upon.
    rig.use(rig.first)
    rig.find(BETTER)
    assert rig.offered == [second]
    assert "another bundle has come into use" in rig.told[-1]
    rig.reach()
    assert rig.teacher.tasks[-1].in_use == rig.first
    assert len(rig.teacher.tasks[-1].blocks) == 4, "what was heard is kept"


def test_a_bundle_that_is_not_known_is_no_start(rig: Rig) -> None:
    rig.loop.bundle = 12345
    rig.companion.step()
    assert "not known here (number 12345" in rig.told[-1]
    rig.reach()
    assert not rig.teacher.tasks
    assert len(rig.day.blocks) == 1
    rig.use(rig.first)
    rig.reach()
    assert rig.teacher.tasks[-1].in_use == rig.first


def test_a_decoder_that_does_not_say_its_bundle_is_told(rig: Rig) -> None:
    rig.loop.bundle = None
    rig.companion.step()
    rig.reach()
    assert not rig.teacher.tasks
    assert "update rt-ner there" in rig.told[-1]


def test_what_goes_wrong_is_told_and_it_goes_on(rig: Rig) -> None:
    rig.day.blocks = [rig.first] * 90
    rig.reach()
    assert rig.told == ["learning failed: too much"]
    rig.loop.problems = ["", "no stream 'task/cursor'"]
    rig.companion.step()
    rig.companion.step()
    rig.loop.problems = []
    rig.companion.step()
    assert rig.told[1:] == ["no stream 'task/cursor'", "all streams are there"]


def test_at_the_end_the_reaches_so_far_are_saved(rig: Rig) -> None:
    rig.loop.n = 2
    stop = Event()
    stop.set()
    rig.companion.run(stop)
    assert rig.teacher.has_ended
    assert [load_block(path).n_reaches for path in rig.day.blocks] == [2]


def test_a_new_bundle_is_told_once(small_bundle: Bundle, tmp_path: Path) -> None:
    folder, told = tmp_path / "next", list[str]()
    following = NextBundle(folder, lambda: small_bundle.model, told.append)
    following.look()
    assert told == []
    small_bundle.save(folder)
    following.look()
    following.look()
    assert told == [f"a new bundle is ready in {folder}: w swaps to it, u goes back"]
    content = (folder / SUMS_FILE).read_bytes()
    (folder / SUMS_FILE).unlink()
    following.look()
    (folder / SUMS_FILE).write_bytes(content)
    following.look()
    assert len(told) == 1
    with_readout(small_bundle, small_bundle.model.readout).save(folder, overwrite=True)
    following.load()
    following.look()
    assert len(told) == 1, "it was swapped to already"


def test_a_bundle_is_offered_until_it_is_the_one_in_use(
    small_bundle: Bundle, tmp_path: Path
) -> None:
    folder, first = tmp_path / "next", small_bundle.model
    faster = Readout(2 * first.readout.matrix, first.readout.bias)
    better = with_readout(small_bundle, faster)
    following = NextBundle(folder, lambda: better.model, lambda _: None)
    assert not following.is_offered(first.fingerprint)
    better.save(folder)
    assert following.is_offered(first.fingerprint)
    assert not following.is_offered(None), "no decoder is there to swap"
    following.load()
    assert not following.is_offered(better.model.fingerprint)
    assert following.is_offered(first.fingerprint), "the swap was undone"
    with_readout(better, first.readout).save(folder, overwrite=True)
    assert following.is_offered(better.model.fingerprint)


def test_the_folders_of_its_starts_sort_and_never_collide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        """The hour that comes twice in Berlin, then a clock that was set back to it."""

        minutes = iter((30, 90, 90, 30))

        @classmethod
        def now(cls, zone: tzinfo) -> datetime:
            begin = datetime(2026, 10, 25, tzinfo=UTC)
            return (begin + timedelta(minutes=next(cls.minutes))).astimezone(zone)

    monkeypatch.setattr(adapt_commands, "datetime", Clock)
    made = []
    for _ in range(4):
        made.append(adapt_commands._new_folder(tmp_path / "next"))
        made[-1].mkdir()
    assert [folder.name for folder in made] == [
        "next.20261025-003000Z", "next.20261025-013000Z", "next.20261025-013000Z-2",
        "next.20261025-003000Z-2",
    ]  # fmt: skip
