"""Computer: what of this computer can make a decoder late: its cores, power saving, priority."""

import os
from dataclasses import dataclass
from pathlib import Path

from rt_ner.doctor.findings import Finding, Level
from rt_ner.live.settings import TimingSettings
from rt_ner.system.scheduling import realtime_refusal

_CPUS = Path("/sys/devices/system/cpu")
_WANTED_GOVERNOR = "performance"


@dataclass(frozen=True)
class Computer:
    """What the operating system tells.

    ``cores``: those that a decoder may use. ``isolated``: cores that are kept free of other
    programs, as Linux lists them. ``governors``: the policies by which cores save power, each
    once. Both are empty where there are none, and on other systems. ``realtime_refusal``: why
    real-time priority would not be given; empty if it would.
    """

    cores: tuple[int, ...]
    isolated: str
    governors: tuple[str, ...]
    realtime_refusal: str

    def facts(self, timing: TimingSettings) -> dict[str, str]:
        """The same for the report."""
        priority = "not permitted"
        if not self.realtime_refusal:
            asked = "asked for" if timing.realtime else "not asked for (realtime in [timing])"
            priority = f"permitted, {asked}"
        return {
            "cores": ", ".join(map(str, self.cores)),
            "isolated_cores": self.isolated or "none",
            "cpu_governor": ", ".join(self.governors) or "not told",
            "realtime_priority": priority,
        }


def look_at_computer(cpus: Path = _CPUS) -> Computer:
    """Ask the operating system; ``cpus``: where Linux tells of its cores."""
    governors = {_said(file) for file in cpus.glob("cpu*/cpufreq/scaling_governor")}
    return Computer(
        cores=_cores(),
        isolated=_said(cpus / "isolated"),
        governors=tuple(sorted(governors - {""})),
        realtime_refusal=realtime_refusal(),
    )


def judge_computer(computer: Computer, timing: TimingSettings) -> list[Finding]:
    """What of it can make the decoder late, or is not there though ``timing`` asks for it."""
    problems = []
    if set(computer.governors) - {_WANTED_GOVERNOR}:
        problems.append(
            f"the CPU governor is {', '.join(computer.governors)}, {_WANTED_GOVERNOR} was "
            "expected: a core that saves power wakes up late; set it with 'sudo cpupower "
            f"frequency-set -g {_WANTED_GOVERNOR}', after each start of the computer"
        )
    if timing.core is not None and timing.core not in computer.cores:
        problems.append(
            f"core = {timing.core} in [timing]: this computer gives the decoder cores "
            f"{', '.join(map(str, computer.cores))}; name one of them"
        )
    if timing.realtime and computer.realtime_refusal:
        problems.append(computer.realtime_refusal)
    return [Finding(Level.WARNING, problem) for problem in problems]


def _cores() -> tuple[int, ...]:
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def _said(file: Path) -> str:
    """What the kernel says in a file; empty where there is none."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
