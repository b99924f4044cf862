"""Read what the operating system says of the processor: cores, power saving, priority."""

import os
from dataclasses import dataclass
from pathlib import Path

from rt_ner.live.settings import TimingSettings
from rt_ner.system.scheduling import realtime_refusal

_CPUS = Path("/sys/devices/system/cpu")


@dataclass(frozen=True)
class Processor:
    """The processor as the operating system describes it.

    ``cores`` are those that a decoder may use. ``isolated`` are the cores kept free of other
    programs, in Linux's notation. ``governors`` are the power-saving policies of all cores, each
    once. Both are empty where there are none, and on other systems. ``realtime_refusal`` is the
    reason why real-time priority would be refused; empty if it would be given.
    """

    cores: tuple[int, ...]
    isolated: str
    governors: tuple[str, ...]
    realtime_refusal: str

    def facts(self, timing: TimingSettings) -> dict[str, str]:
        """Return the same for the report."""
        priority = "not permitted"
        if not self.realtime_refusal:
            asked = "requested" if timing.realtime else "not requested (realtime in [timing])"
            priority = f"permitted, {asked}"
        return {
            "cores": ", ".join(map(str, self.cores)),
            "isolated_cores": self.isolated or "none",
            "cpu_governor": ", ".join(self.governors) or "unknown",
            "realtime_priority": priority,
        }


def read_processor(cpus: Path = _CPUS) -> Processor:
    """Ask the operating system; ``cpus`` is the folder in which Linux describes its cores."""
    return Processor(
        cores=_cores(),
        isolated=_content(cpus / "isolated"),
        governors=tuple(sorted(set(governors(cpus).values()))),
        realtime_refusal=realtime_refusal(),
    )


def governors(cpus: Path) -> dict[Path, str]:
    """Return the power-saving policy in force, per file that sets one."""
    files = {file: _content(file) for file in cpus.glob("cpu*/cpufreq/scaling_governor")}
    return {file: governor for file, governor in files.items() if governor}


def _cores() -> tuple[int, ...]:
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def _content(file: Path) -> str:
    """Return the content of a file of the kernel; empty if there is none."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
