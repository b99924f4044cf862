"""A real child process: orders in, events out, and its last words in an error."""

import os
from pathlib import Path

import pytest

from rt_ner.core.errors import RtNerError
from rt_ner.system.processes import ChildProcess, child_process, tell_if_it_fails
from tests.helpers.waiting import LONGEST_S, wait_until


def write_line(process: ChildProcess, line: bytes) -> None:
    """Write to a child's stdin what no parent of ours would."""
    assert process._process.stdin
    process._process.stdin.write(line + b"\n")
    process._process.stdin.flush()


def test_orders_are_obeyed_and_events_are_read(tmp_path: Path, source_id: str) -> None:
    with child_process(["noise", "--name", source_id, "--no-wait"], tmp_path) as noise:
        wait_until(lambda: noise.events("began"))
        for garbage in (b"", b"stall 1", b"\xff\xfe", b"[1, 2", b'{"event": "began"}'):
            write_line(noise, garbage)
        noise.order("step", seconds=5)
        wait_until(lambda: noise.events("sent"))
        assert noise.events("sent")[0]["steps"] == 1
        noise.interrupt()
        noise.finish(LONGEST_S)
    assert len(noise.events("began")) == 1
    assert len(noise.events("sent")) == 2, "after the order, and at the end"
    assert noise.events("other") == []


def test_an_error_ends_with_the_childs_last_words(tmp_path: Path, source_id: str) -> None:
    with child_process(["noise", "--name", source_id, "--no-wait"], tmp_path) as noise:
        noise.order("nonsense")
        with pytest.raises(RtNerError, match=r"ended with code 2; .*'nonsense'} is not a fault"):
            noise.finish(LONGEST_S)
    assert not any("Traceback" in line for line in noise.log_lines())


def test_a_child_that_does_not_end_is_named_and_gone_afterwards(
    tmp_path: Path, source_id: str
) -> None:
    with child_process(["noise", "--name", source_id], tmp_path) as noise:
        with pytest.raises(RtNerError, match="rt-ner noise did not end within 0 s; it wr") as told:
            noise.wait(0.0)
        assert str(told.value).endswith("; the computer may be too busy: close other programs")
        assert not noise.has_ended()
    assert noise.has_ended()
    with pytest.raises(ProcessLookupError):
        os.kill(noise.pid, 0)


def test_a_child_that_fails_is_told_of_once_with_its_last_words(
    tmp_path: Path, source_id: str
) -> None:
    told: list[str] = []
    with (
        child_process(["noise", "--name", source_id, "--no-wait"], tmp_path) as noise,
        tell_if_it_fails(noise, "the noise", "start it anew", told.append),
    ):
        wait_until(lambda: noise.events("began"))
        assert told == []
        noise.order("nonsense")
        wait_until(lambda: told)
    (sentence,) = told
    assert sentence.startswith("the noise has ended with code 2 (its last line: ")
    assert sentence.endswith(": start it anew")


def test_a_child_that_is_closed_is_not_told_of(tmp_path: Path, source_id: str) -> None:
    told: list[str] = []
    with (
        child_process(["noise", "--name", source_id, "--no-wait"], tmp_path) as noise,
        tell_if_it_fails(noise, "the noise", "start it anew", told.append),
    ):
        wait_until(lambda: noise.events("began"))
        noise.interrupt()
        noise.finish(LONGEST_S)
    assert told == []
