"""The page shows a rig's files, logs and decoder; all of it is somebody's text."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rt_ner.core.contract.kinds import TIMING_LABELS, Kind
from rt_ner.live.states import State
from rt_ner.rig.page.watch.decoder import NO_ANSWER, NO_DECODER, WatchedDecoder
from rt_ner.rig.page.watch.files import NOTHING, WatchedFiles
from rt_ner.rig.page.watch.snapshot import NOBODY, Watch, driver_of, idle_orders
from rt_ner.rig.page.watch.text import shown
from rt_ner.rig.plan.part import Part
from rt_ner.rig.supervision.identity import identity_of
from rt_ner.rig.supervision.state_file import PartState, state_of, write_state
from rt_ner.rig.supervision.supervisor import Member, Status

EVIL = '<script>alert("1")</script>\n\ndata: {}\x1b[2J\u202eevil'


class FakeReader:
    """A stream of which the test says what has come."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, Any]] = []
        self.is_connected = True
        self.labels: tuple[str, ...] = ()
        self.silent_s = 0.0

    def age_s(self) -> float:
        return self.silent_s

    def texts(self) -> list[tuple[float, str]]:
        rows, self.rows = self.rows, []
        return rows

    def numbers(self) -> tuple[np.ndarray, np.ndarray]:
        rows, self.rows = self.rows, []
        stamps_s = np.array([stamp_s for stamp_s, _ in rows])
        return stamps_s, np.array([row for _, row in rows]) if rows else np.zeros((0, 1))


@pytest.fixture
def readers() -> dict[Kind, FakeReader]:
    return {kind: FakeReader() for kind in (Kind.STATE, Kind.TIMING, Kind.COUNTS, Kind.NOTICES)}


@pytest.fixture
def decoder(readers: dict[Kind, FakeReader]) -> WatchedDecoder:
    decoder = WatchedDecoder("nobody")
    decoder._readers = readers  # type: ignore[assignment]
    decoder.lookout = lambda: None  # type: ignore[assignment, return-value]
    return decoder


def timing(state: State, **values: float) -> np.ndarray:
    row = np.zeros(len(TIMING_LABELS))
    row[TIMING_LABELS.index("state")] = list(State).index(state)
    for name, value in values.items():
        row[TIMING_LABELS.index(name)] = value
    return row


def files_in(folder: Path) -> WatchedFiles:
    return WatchedFiles(folder / "rig-state.json", folder, folder / "blocks.jsonl")


def part(name: str, *arguments: str, status: Status = Status.RUNNING) -> PartState:
    identity = identity_of(os.getpid()) if status is Status.RUNNING else ""
    return PartState(
        name=name, arguments=arguments, status=status, pid=os.getpid() if identity else None,
        identity=identity, restarts=0, missing=(),
    )  # fmt: skip


def write(folder: Path, *parts: PartState) -> None:
    state = state_of([], "rig-1", "").model_copy(update={"parts": parts})
    write_state(folder / "rig-state.json", state)


def test_text_of_others_can_neither_end_a_line_nor_steer_the_screen() -> None:
    line = shown(EVIL)
    assert line.isprintable()
    assert "\n" not in line
    assert len(shown("x" * 10_000)) == 300


def test_a_snapshot_is_one_line_of_ascii_whatever_the_streams_and_files_say(
    tmp_path: Path, decoder: WatchedDecoder, readers: dict[Kind, FakeReader]
) -> None:
    readers[Kind.STATE].rows = [(1.0, EVIL)]
    readers[Kind.NOTICES].rows = [(float("nan"), EVIL), (1e300, "later")]
    readers[Kind.TIMING].rows = [(1.0, timing(State.FAULT, pushed=np.nan, gain=np.inf))]
    write(tmp_path, part("decoder", EVIL), part(EVIL))
    (tmp_path / "rig.log").write_text(EVIL + "\n")
    (tmp_path / "blocks.jsonl").write_text(
        json.dumps({"step": EVIL, "moved_by": EVIL, "success_rate": float("nan"), "trials": [1]})
        + "\nnot json\n[1]\n"
    )
    text = Watch(decoder, files_in(tmp_path), ["train"]).snapshot(7, 3)
    assert text.isascii()
    assert "\n" not in text
    seen = json.loads(text, parse_constant=pytest.fail)
    assert seen["number"] == 7
    assert seen["gain"] is None
    assert seen["notices"][0].endswith(shown(EVIL))
    assert set(seen["blocks"][0]) == {"step", "moved_by"}


def test_a_frozen_decoders_last_word_is_not_believed(
    decoder: WatchedDecoder, readers: dict[Kind, FakeReader]
) -> None:
    assert decoder.state == NO_DECODER
    readers[Kind.TIMING].rows = [(1.0, timing(State.RUNNING))]
    decoder.poll()
    assert decoder.state == "RUNNING"
    readers[Kind.TIMING].silent_s = 1.0
    assert decoder.state == NO_ANSWER
    readers[Kind.STATE].rows = [(2.0, "STALE")]
    decoder.poll()
    assert decoder.state == "STALE"
    readers[Kind.STATE].is_connected = False
    decoder.poll()
    assert decoder.state == NO_DECODER


def test_age_latency_and_losses_are_those_of_the_timing(
    decoder: WatchedDecoder, readers: dict[Kind, FakeReader]
) -> None:
    values = {"newest_sample": 0.99, "arrived": 0.996, "pushed": 1.0, "late": 2, "missing": 3}
    readers[Kind.TIMING].rows = [(1.0, timing(State.RUNNING, **values, skipped=1))]
    decoder.poll()
    seen = decoder.shown()
    assert seen["age_ms"] == 10.0
    assert seen["latency_ms"] == [4.0, 4.0]
    assert seen["losses"] == {"late": 2, "lost": 4, "dropped": 0}
    readers[Kind.TIMING].silent_s = 2.0
    assert decoder.shown()["age_ms"] == 2010.0


def test_the_activity_is_the_step_that_runs(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.poll()
    assert files.activity == NOTHING
    for parts, activity in (
        ((part("page"),), NOTHING),
        ((part("page"), part("train")), "TRAIN"),
        ((part("source"), part("task")), "CALIBRATE"),
        ((part("source"), part("decoder")), "decoder"),
        ((part("source", status=Status.DONE), part("page")), NOTHING),
    ):
        write(tmp_path, *parts)
        files.poll()
        assert files.activity == activity
        assert "page" not in files.parts


def test_who_moves_the_cursor_is_said_only_of_who_does() -> None:
    hand, loop = part("task", "task", "--hand", "mouse"), part("task", "task", "--decoder", "a")
    assisted = part("task", "task", "--assist", "0.7")
    assert driver_of(hand, "CALIBRATE") == "the hand (mouse)"
    assert driver_of(loop, "RUNNING") == "the decoder"
    assert driver_of(None, "RUNNING") == "the decoder"
    assert driver_of(loop, "HOLD") == NOBODY
    assert driver_of(assisted, "RUNNING") == "the decoder, with assistance 0.7"
    assert driver_of(part("task", status=Status.FAILED), "RUNNING").startswith("nobody")


def test_the_present_block_is_counted_anew_with_each_start_of_the_task(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    (tmp_path / "blocks.jsonl").write_text('{"step": "decode", "trials": 8, "success_rate": 1}\n')
    trial = '{"event": "trial", "number": 1, "success": true}\n'
    (tmp_path / "task.events.jsonl").write_text(trial + trial.replace("true", "false"))
    write(tmp_path, part("task"))
    files.poll()
    decode, now = files.shown()["blocks"]
    assert (decode["step"], decode["trials"]) == ("decode", 8)
    assert (now["trials"], now["success_rate"]) == (2, 0.5)
    write(tmp_path, part("task", status=Status.WAITING))
    files.poll()
    assert len(files.shown()["blocks"]) == 1


def test_the_newest_word_on_offers_is_that_of_the_decoder_that_runs(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    nothing = {"is_offered": False, "can_undo": False}
    told = tmp_path / "decoder.events.jsonl"
    told.write_text(
        '{"event": "swaps", "is_offered": true, "can_undo": false}\n'
        '{"event": "state", "state": "RUNNING"}\n'
        '{"event": "swaps", "is_offered": "1", "can_undo": true}\n'
    )
    for part_of, swaps in (
        (part("decoder"), nothing | {"can_undo": True}),
        (part("decoder", status=Status.FAILED), nothing),
        (part("task"), nothing),
    ):
        write(tmp_path, part_of)
        files.poll()
        assert files.swaps == swaps


@pytest.mark.parametrize(
    ("state", "gain", "swaps", "idle"),
    [
        ("RUNNING", 1.0, (True, True), []),
        ("HOLD", 1.0, (False, False), ["swap", "undo"]),
        ("HOLD", 9.85, (True, False), ["faster", "undo"]),
        ("RUNNING", 0.102, (False, True), ["slower", "swap"]),
        ("CONNECTING", None, (True, True), ["faster", "slower"]),
        (NO_ANSWER, 1.0, (True, True), ["faster", "slower", "swap", "undo"]),
    ],
)
def test_orders_that_would_change_nothing_are_named(
    state: str, gain: float | None, swaps: tuple[bool, bool], idle: list[str]
) -> None:
    named = dict(zip(("is_offered", "can_undo"), swaps, strict=True))
    assert idle_orders(state, gain, named) == idle


def test_only_the_logs_of_parts_can_be_read_and_never_the_pages(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    write(tmp_path, part("page"), part("decoder"))
    files.poll()
    for name in ("page", "decoder", "other"):
        (tmp_path / f"{name}.log").write_text("x" * 100_000 + "end")
    assert files.log_names() == ["rig", "decoder"]
    end = files.log("decoder")
    assert end
    assert end.endswith("end")
    assert len(end) <= 32_768
    for name in ("page", "other", "../rig-state", ""):
        assert files.log(name) is None
    assert "no log can be read" in str(files.log("rig"))


def test_a_damaged_state_is_read_again_later(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    (tmp_path / "rig-state.json").write_text("{")
    files.poll()
    assert files.shown()["is_watched"] is False
    write_state(tmp_path / "rig-state.json", state_of([Member(Part("view", ()))], "rig-1", ""))
    files.poll()
    assert list(files.parts) == ["view"]
