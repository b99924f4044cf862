"""What the doctor makes of the computer's cores, their power saving, and priority."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from rt_ner.doctor.checks.computer import Computer, judge_computer, look_at_computer
from rt_ner.doctor.findings import Level
from rt_ner.live.settings import TimingSettings
from rt_ner.system.scheduling import realtime_refusal

GOOD = Computer(cores=(0, 1), isolated="1", governors=("performance",), realtime_refusal="")
REFUSED = replace(GOOD, realtime_refusal="real-time priority was not given")


def cpus(folder: Path, *governors: str) -> Path:
    """What Linux tells of cores with these governors."""
    for core, governor in enumerate(governors):
        told = folder / f"cpu{core}" / "cpufreq" / "scaling_governor"
        told.parent.mkdir(parents=True)
        told.write_text(f"{governor}\n")
    (folder / "isolated").write_text("2-3\n")
    return folder


def test_cores_and_governors_are_as_linux_tells_them(tmp_path: Path) -> None:
    computer = look_at_computer(cpus(tmp_path, "powersave", "performance", "powersave"))
    assert computer.governors == ("performance", "powersave")
    assert computer.isolated == "2-3"
    assert len(computer.cores) in range(1, 1 + (os.cpu_count() or 1))


def test_where_nothing_is_told_nothing_is_wrong(tmp_path: Path) -> None:
    computer = look_at_computer(tmp_path)
    assert (computer.governors, computer.isolated) == ((), "")
    # Priority, if it is not asked for: whether it is permitted depends on who runs this.
    undemanding = TimingSettings(realtime=False)
    assert judge_computer(computer, undemanding) == []
    facts = computer.facts(undemanding)
    assert (facts["cpu_governor"], facts["isolated_cores"]) == ("not told", "none")


@pytest.mark.parametrize(
    ("computer", "timing", "said"),
    [
        (GOOD, TimingSettings(core=1, realtime=True), None),
        (REFUSED, TimingSettings(realtime=False), None),
        (REFUSED, TimingSettings(realtime=True), "real-time priority was not given"),
        (GOOD, TimingSettings(core=7), "core = 7 in [timing]: this computer gives the decoder"),
        (replace(GOOD, governors=("powersave",)), TimingSettings(), "governor is powersave, perf"),
    ],
)
def test_what_makes_a_decoder_late_is_a_warning(
    computer: Computer, timing: TimingSettings, said: str | None
) -> None:
    findings = judge_computer(computer, timing)
    assert [finding.level for finding in findings] == [Level.WARNING] * (said is not None)
    assert said is None or said in findings[0].text


def test_priority_is_told_and_not_taken() -> None:
    def priority() -> int:
        return os.sched_getparam(0).sched_priority if hasattr(os, "sched_getparam") else 0

    before = priority()
    refusal = realtime_refusal()
    assert priority() == before
    assert GOOD.facts(TimingSettings(realtime=False))["realtime_priority"].startswith(
        "permitted, not asked for"
    )
    told = replace(GOOD, realtime_refusal=refusal).facts(TimingSettings(realtime=True))
    assert told["realtime_priority"] == ("not permitted" if refusal else "permitted, asked for")
