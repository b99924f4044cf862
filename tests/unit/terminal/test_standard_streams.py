"""A message that a full disk does not take ends nothing."""

import sys
from io import TextIOWrapper
from pathlib import Path

import pytest

from rt_ner.terminal.console.standard_streams import abandon, secure_streams

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full, a disk that is always full")
def test_a_message_on_a_full_disk_is_left_out_but_a_result_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("stdout", "stderr"):
        full = TextIOWrapper(FULL.open("wb", buffering=0), "utf-8", write_through=True)
        monkeypatch.setattr(sys, name, full)
    secure_streams()
    assert sys.stderr.write("trial 3: success\n") == 17
    sys.stderr.flush()
    with pytest.raises(OSError, match="No space"):
        sys.stdout.write("a result")
    for stream in (sys.stdout, sys.stderr):
        abandon(stream)
        stream.close()
