"""The operator's status line and log, whatever happens to the terminal and the disk."""

import io
import json

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.live.operator.status_line import Status, snapshot, status_line
from rt_ner.live.parts.statistics import LoopStatistics
from tests.helpers.memory_rig import MemoryRig


class Broken(io.StringIO):
    """A terminal that was closed, or a disk that is full."""

    def write(self, _text: str) -> int:
        raise OSError("no space left on device")


def test_the_line_and_the_log_say_the_state_and_what_was_lost(small_bundle: Bundle) -> None:
    rig = MemoryRig(small_bundle.model).appear()
    seen: list[tuple[str, dict[str, object]]] = []
    rig.raster(rig.history_ms + 10)
    rig.then(lambda: seen.append((status_line(rig.loop, 100.0), snapshot(rig.loop)))).raster(10)
    terminal, log = io.StringIO(), io.StringIO()
    status = Status(terminal, True, log)
    with status.showing(rig.loop, has_keyboard=True):
        rig.run()
        status.say("a notice")
    ((line, row),) = seen
    assert line.startswith("RUNNING")
    assert "late 0" in line
    assert row["state"] == "RUNNING"
    assert "a notice\n" in terminal.getvalue()
    newest = [json.loads(entry) for entry in log.getvalue().splitlines()][-1]
    assert (newest["state"], newest["used"]) == ("STOPPED", rig.history_ms + 20)


def test_a_broken_terminal_or_disk_ends_neither(small_bundle: Bundle) -> None:
    rig = MemoryRig(small_bundle.model)
    terminal, log = io.StringIO(), io.StringIO()
    with Status(terminal, False, Broken()).showing(rig.loop, has_keyboard=False):
        pass
    with Status(Broken(), False, log).showing(rig.loop, has_keyboard=False):
        pass
    assert log.getvalue()


def test_much_loss_is_worth_a_word() -> None:
    statistics = LoopStatistics()
    statistics.input_counts[InputCounts.USED] = 1000
    assert statistics.new_losses() == ""
    statistics.input_counts[InputCounts.USED] += 850
    statistics.input_counts[InputCounts.LATE] += 100
    statistics.input_counts[InputCounts.MISSING] += 50
    said = statistics.new_losses()
    assert "15.0% of the newest input could not be used: late 100, missing 50" in said
    assert "samples are missing: check the cable" in said
    assert "grace_ms" not in said, "these are no events"
    statistics.input_counts[InputCounts.USED] += 1000
    assert statistics.new_losses() == "", "only what is new"
    statistics.input_counts[InputCounts.USED] += 950
    statistics.input_counts[InputCounts.MISSING] += 50
    assert "5.0% of" in statistics.new_losses(), "samples are never missing in a sound rig"
    statistics.input_counts[InputCounts.USED] += 4990
    statistics.input_counts[InputCounts.MISSING] += 10
    assert statistics.new_losses() == ""
    statistics.input_counts[InputCounts.MISSING] += 10
    statistics.input_counts[InputCounts.USED] += 4990
    statistics.n_gaps = 1
    assert "gaps of whole hops: 1, after each the history fills anew" in statistics.new_losses()
