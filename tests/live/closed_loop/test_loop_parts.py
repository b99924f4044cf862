"""A closed loop of real processes: parts of it die, and the others carry on or wait."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from rt_ner.bundle.storage import load_bundle
from rt_ner.core.clock import ns_from_s
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.errors import RtNerError
from rt_ner.lsl.simulated_clock import SimulatedClock
from rt_ner.lsl.streams import local_now_ns
from rt_ner.recalibration.block_file import load_block
from rt_ner.system.processes import ChildProcess, child_process
from tests.helpers.rig import inlet
from tests.helpers.waiting import LONGEST_S


class Rig:
    """Subject, decoder and task, each a process; any may be killed and started anew."""

    def __init__(self, bundle: Path, folder: Path, tag: str, decode: list[str] | None = None):
        self.subject, self.task, self.decoder = (f"{p}-{tag}" for p in ("subject", "task", "dec"))
        spikes = source_id_of(self.subject, Kind.SPIKES)
        fast = ["--speed", "3"]
        subject = ["subject", "--name", self.subject, "--task", self.task, *fast]
        decoder = ["decode", str(bundle), "--name", self.decoder, "--source", spikes]
        task = ["task", "--name", self.task, "--decoder", self.decoder, *fast]
        # The bundle is of another subject: without help the cursor goes anywhere.
        task += ["--layout", "random", "--assist", "0.7"]
        self._arguments = {"subject": subject, "decode": decoder + (decode or []), "task": task}
        self._folder = folder
        self._stack = ExitStack()
        self.parts: dict[str, ChildProcess] = {}

    def __enter__(self) -> "Rig":
        for part in self._arguments:
            self.start(part)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, part: str) -> None:
        self.parts[part] = self._stack.enter_context(
            child_process(self._arguments[part], self._folder)
        )


@pytest.fixture
def rig(small_bundle_folder: Path, tmp_path: Path, source_id: str) -> Iterator[Rig]:
    with Rig(small_bundle_folder, tmp_path, source_id) as running:
        yield running


class Cursor:
    """The task's cursor, which moves or stands still."""

    def __init__(self, task: str) -> None:
        self._stream = inlet(task, Kind.CURSOR)

    def wait_until(self, moves: bool, for_s: float = 0.5) -> None:
        """Wait until for so long the cursor has moved all the time, or not at all."""
        begun, last, since_s = time.monotonic(), None, None
        while time.monotonic() < begun + LONGEST_S:
            (x, y), stamp_s = self._stream.pull_sample(LONGEST_S)
            as_wanted = last is not None and ((x, y) != last) == moves
            since_s = (since_s or stamp_s) if as_wanted or (moves and since_s) else None
            last = (x, y)
            if since_s is not None and stamp_s - since_s > for_s:
                return
        raise AssertionError(f"the cursor never {'moved' if moves else 'stood still'}")


def test_a_part_is_killed_and_the_others_carry_on_or_wait(rig: Rig) -> None:
    cursor = Cursor(rig.task)
    cursor.wait_until(moves=True)
    # The decoder: without it the cursor stands still; another one moves it again.
    rig.parts["decode"].kill()
    cursor.wait_until(moves=False)
    rig.start("decode")
    cursor.wait_until(moves=True)
    # The subject: the decoder looks for it, and the cursor stands still.
    state = inlet(rig.decoder, Kind.STATE)
    rig.parts["subject"].kill()
    until(state, "CONNECTING")
    cursor.wait_until(moves=False)
    rig.start("subject")
    until(state, "RUNNING")
    cursor.wait_until(moves=True)
    # The task: subject and decoder go on, and serve the next one.
    rig.parts["task"].kill()
    velocity = inlet(rig.decoder, Kind.VELOCITY)
    assert all(velocity.pull_sample(LONGEST_S)[0] is not None for _ in range(100))
    rig.start("task")
    Cursor(rig.task).wait_until(moves=True)
    # And nothing hangs at the end.
    for part in ("task", "decode", "subject"):
        assert not rig.parts[part].has_ended()
        rig.parts[part].interrupt()
        # A task whose first trial is not over yet has no scores, and says so by its exit code.
        assert rig.parts[part].wait(LONGEST_S) in ((0, 2) if part == "task" else (0,))


def until(states, wanted: str) -> None:
    said = [""]
    while said != [wanted]:
        said, _ = states.pull_sample(LONGEST_S)
        assert said is not None, f"never {wanted}"


def test_a_faster_clock_is_so_much_faster() -> None:
    clock = SimulatedClock(4.0)
    before = clock.now_ns()
    assert not clock.wait_until(before + 400_000_000, Event())
    # However long this process is kept waiting between two lines.
    earlier_ns, now_ns, later_ns = local_now_ns(), clock.now_ns(), local_now_ns()
    assert now_ns >= before + 400_000_000
    assert 4 * earlier_ns <= now_ns <= 4 * later_ns
    stopped = Event()
    stopped.set()
    assert clock.wait_until(before + 10**15, stopped)


def test_a_faster_subject_sends_more_and_stamps_so(tmp_path: Path, source_id: str) -> None:
    arguments = ["subject", "--name", source_id, "--task", "none", "--speed", "4"]
    with child_process(arguments, tmp_path) as subject:
        begun_ns = local_now_ns()
        spikes = inlet(source_id, Kind.SPIKES)  # From some moment in here on, spikes are queued.
        _, stamps_s = spikes.pull_chunk(LONGEST_S, 8000)
        took_ns = local_now_ns() - begun_ns
        stamps_ns = np.array([ns_from_s(stamp_s) for stamp_s in stamps_s])
        assert (np.diff(stamps_ns) == 1_000_000).all(), "as if in real time"
        # However slow this machine is: nothing is sent before its time on the faster clock.
        assert took_ns > 1_900_000_000
        subject.interrupt()
        subject.finish(LONGEST_S)


def test_speeds_that_are_not_sound_are_refused(tmp_path: Path) -> None:
    with (
        child_process(["task", "--speed", "9"], tmp_path) as task,
        pytest.raises(RtNerError, match="code 2"),
    ):
        task.finish(LONGEST_S)


def test_a_running_loop_is_recalibrated_and_accompanied(
    small_bundle_folder: Path, tmp_path: Path, source_id: str
) -> None:
    """Both listen to the same loop, each as if it were alone."""
    following, out = tmp_path / "next", tmp_path / "recalibrated"
    listening = ["--next", str(following), "--commands", f"adapt-{source_id}/commands"]
    command = ["recalibrate", str(small_bundle_folder), "--out", str(out), "--reaches", "10"]
    command += ["--part", "readout"]
    with Rig(small_bundle_folder, tmp_path, source_id, listening) as rig:
        streams = ["--decoder", rig.decoder, "--task", rig.task]
        adapt = ["adapt", str(small_bundle_folder), "--out", str(following), "--swap"]
        adapt += ["--method", "rls", "--every-reaches", "5"]
        adapt += ["--control-as", f"adapt-{source_id}", *streams]
        with (
            child_process(adapt, tmp_path) as adapting,
            child_process([*command, *streams], tmp_path) as recalibrating,
        ):
            # Better or not: that depends on the decoder and the subject.
            assert recalibrating.wait(4 * LONGEST_S) == (0 if out.exists() else 2)
            adapting.interrupt()
            adapting.finish(LONGEST_S)
            said = "\n".join(adapting.log_lines())
    assert "5 reaches: " in said or "6 reaches: " in said
    (day,) = tmp_path.glob("next.*")
    blocks = [load_block(path) for path in sorted(day.glob("block-*.npz"))]
    assert len(blocks) >= 2
    assert following.exists() == ("swap ordered" in said)
    if following.exists():
        adapted = load_bundle(following)
        assert adapted.encoder_onnx == load_bundle(small_bundle_folder).encoder_onnx
        assert adapted.manifest.training.session.endswith(" (adapted)")
    kept = tmp_path / "recalibrated.block.npz"
    assert load_block(kept).n_reaches >= 10
    with child_process([*command, "--block", str(kept), "--overwrite"], tmp_path) as again:
        assert again.wait(LONGEST_S) == (0 if out.exists() else 2)
