"""The doctor reads and judges the processor's cores, power saving and priority."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from rt_ner.doctor.checks.processor import Processor, read_processor
from rt_ner.doctor.checkup import Level
from rt_ner.doctor.rules.computer import processor_findings
from rt_ner.live.settings import TimingSettings
from rt_ner.system.scheduling import realtime_refusal

GOOD = Processor(cores=(0, 1), isolated="1", governors=("performance",), realtime_refusal="")
REFUSED = replace(GOOD, realtime_refusal="real-time priority was not given")


def cpus(folder: Path, *governors: str) -> Path:
    """A folder in which Linux describes cores with these governors."""
    for core, governor in enumerate(governors):
        told = folder / f"cpu{core}" / "cpufreq" / "scaling_governor"
        told.parent.mkdir(parents=True)
        told.write_text(f"{governor}\n")
    (folder / "isolated").write_text("2-3\n")
    return folder


def test_cores_and_governors_are_as_linux_tells_them(tmp_path: Path) -> None:
    processor = read_processor(cpus(tmp_path, "powersave", "performance", "powersave"))
    assert processor.governors == ("performance", "powersave")
    assert processor.isolated == "2-3"
    assert len(processor.cores) in range(1, 1 + (os.cpu_count() or 1))


def test_where_nothing_is_told_nothing_is_wrong(tmp_path: Path) -> None:
    processor = read_processor(tmp_path)
    assert (processor.governors, processor.isolated) == ((), "")
    # Priority is not requested here: if it would be permitted depends on who runs this test.
    undemanding = TimingSettings(realtime=False)
    assert processor_findings(processor, undemanding) == []
    facts = processor.facts(undemanding)
    assert (facts["cpu_governor"], facts["isolated_cores"]) == ("unknown", "none")


@pytest.mark.parametrize(
    ("processor", "timing", "said"),
    [
        (GOOD, TimingSettings(core=1, realtime=True), None),
        (REFUSED, TimingSettings(realtime=False), None),
        (REFUSED, TimingSettings(realtime=True), "real-time priority was not given"),
        (
            GOOD,
            TimingSettings(core=7),
            "core 7 (--core, or core in [timing] of the settings file) is not available",
        ),
        (
            replace(GOOD, governors=("powersave",)),
            TimingSettings(),
            "governor is powersave, expected performance",
        ),
    ],
)
def test_what_makes_a_decoder_late_is_a_warning(
    processor: Processor, timing: TimingSettings, said: str | None
) -> None:
    findings = processor_findings(processor, timing)
    assert [finding.level for finding in findings] == [Level.WARNING] * (said is not None)
    assert said is None or said in findings[0].text


def test_priority_is_told_and_not_taken() -> None:
    def priority() -> int:
        return os.sched_getparam(0).sched_priority if hasattr(os, "sched_getparam") else 0

    before = priority()
    refusal = realtime_refusal()
    assert priority() == before
    assert GOOD.facts(TimingSettings(realtime=False))["realtime_priority"].startswith(
        "permitted, not requested"
    )
    told = replace(GOOD, realtime_refusal=refusal).facts(TimingSettings(realtime=True))
    assert told["realtime_priority"] == ("not permitted" if refusal else "permitted, requested")
