"""The command record: the streams that it waits for."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pytest

from rt_ner.record.commands import record

recorder = pytest.importorskip("rt_ner.record.recorder", exc_type=ImportError)


def test_the_list_of_streams_is_read_as_all_lists_of_names_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    awaited: list[str] = []

    class Stopped:
        """Stands for a recorder that is stopped while it waits."""

        def __init__(self, *_: object) -> None:
            pass

        def wait_for(self, source_ids: Sequence[str], stop: Event) -> None:
            awaited.extend(source_ids)
            stop.set()

    monkeypatch.setattr(recorder, "Recorder", Stopped)
    record(tmp_path, wait_for="subject/spikes, task/markers,")
    assert awaited == ["subject/spikes", "task/markers"]
    assert "waiting for subject/spikes, task/markers (Ctrl-C ends)" in capsys.readouterr().err
