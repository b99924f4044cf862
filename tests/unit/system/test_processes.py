"""Messages between processes: one JSON object per line, and nothing else is a message."""

import json
import sys
from io import StringIO
from pathlib import Path

import pytest

from rt_ner.system.processes import events_in, parsed, tell_parent, write_event


def test_a_message_is_a_json_object_with_its_key() -> None:
    assert parsed('{"event": "sent", "rows": 3}', "event") == {"event": "sent", "rows": 3}
    assert parsed(b'{"order": "stop"}\r\n', "order") == {"order": "stop"}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "trial 3: success after 0.52 s",
        '{"event": "sent"',
        '{"order": "stop"}',
        '["event"]',
        '"event"',
        "17",
        "[" * 100_000,
        b"\xff\xfe\x00",
        "9" * 10_000,
    ],
)
def test_a_line_that_is_no_message_is_ignored(line: str | bytes) -> None:
    assert parsed(line, "event") is None


def test_an_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_event("notice", text="two\nlines, 3 µV", at_s=0.5)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"event": "notice", "text": "two\nlines, 3 µV", "at_s": 0.5}


def test_events_are_written_only_where_a_parent_reads_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RT_NER_PARENT_LISTENS", raising=False)
    tell_parent("trial", number=1)
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("RT_NER_PARENT_LISTENS", "1")
    tell_parent("trial", number=1)
    assert parsed(capsys.readouterr().out, "event") == {"event": "trial", "number": 1}


class Disk(StringIO):
    """A file on a disk that may be full."""

    is_full = False

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_an_event_that_a_full_disk_refuses_ends_nothing_and_is_told_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    disk = Disk()
    monkeypatch.setattr(sys, "stdout", disk)
    monkeypatch.setenv("RT_NER_PARENT_LISTENS", "1")
    disk.is_full = True
    tell_parent("state", state="HOLD")
    disk.is_full = False
    tell_parent("state", state="RUNNING")
    log = tmp_path / "decoder.events.jsonl"
    log.write_text(disk.getvalue())
    assert [event["state"] for event in events_in(log, "state")] == ["HOLD", "RUNNING"]


def test_a_log_whose_drive_was_pulled_has_no_events(tmp_path: Path) -> None:
    assert events_in(tmp_path / "gone" / "decoder.events.jsonl", "state") == []
