"""What the operator is shown of a loop, whatever becomes of the terminal and the disk."""

import io
import json
from pathlib import Path

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.live.operator.status_line import Status, snapshot, status_line
from rt_ner.live.parts.statistics import LoopStatistics
from rt_ner.live.states import State
from tests.helpers.rig import Decoding, Source, history_ms


class Broken(io.StringIO):
    """A terminal that was closed, or a disk that is full."""

    def write(self, _text: str) -> int:
        raise OSError("no space left on device")


def test_the_line_and_the_log_say_the_state_and_what_was_lost(
    small_bundle: Bundle, source_id: str
) -> None:
    source = Source(source_id, small_bundle.manifest.channel_ids)
    terminal, log = io.StringIO(), io.StringIO()
    with Decoding(small_bundle.model, source_id) as decoding:
        status = Status(terminal, True, log)
        with status.showing(decoding.loop, has_keyboard=True):
            source.wait_for_listener()
            decoding.expect(State.CONNECTING, State.WARMING)
            source.push(history_ms(small_bundle))
            decoding.expect(State.RUNNING)
            status.say("a notice")
            decoding.loop.statistics.input_counts[InputCounts.LATE] += 3
            line, row = status_line(decoding.loop, 100.0), snapshot(decoding.loop)
    assert line.startswith("RUNNING")
    assert "late 3" in line
    assert row["state"] == "RUNNING"
    assert row["late"] == 3
    assert "a notice\n" in terminal.getvalue()
    assert [json.loads(entry)["late"] for entry in log.getvalue().splitlines()][-1] == 3


def test_a_broken_terminal_or_disk_ends_neither(small_bundle: Bundle, source_id: str) -> None:
    terminal = io.StringIO()
    with Decoding(small_bundle.model, source_id) as decoding:
        with Status(terminal, False, Broken()).showing(decoding.loop, has_keyboard=False):
            pass
        log = io.StringIO()
        with Status(Broken(), False, log).showing(decoding.loop, has_keyboard=False):
            pass
    assert log.getvalue()


def test_much_loss_is_worth_a_word() -> None:
    statistics = LoopStatistics()
    statistics.input_counts[InputCounts.USED] = 1000
    assert statistics.new_losses() == ""
    statistics.input_counts[InputCounts.USED] += 850
    statistics.input_counts[InputCounts.LATE] += 100
    statistics.input_counts[InputCounts.MISSING] += 50
    assert "late 100, missing 50" in statistics.new_losses()
    statistics.input_counts[InputCounts.USED] += 1000
    assert statistics.new_losses() == "", "only what is new"


def test_a_log_that_cannot_be_opened(small_bundle_folder: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    result = subprocess.run(
        [sys.executable, "-m", "rt_ner", "decode", small_bundle_folder, "--json-log", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 2
    assert "rt-ner: " in result.stderr
