"""Judge the computer: power saving, cores, priority, and the time of a decoding step."""

from collections.abc import Iterable

from rt_ner.doctor.checks.processor import Processor
from rt_ner.doctor.checkup import BundleCheck, Finding, Level, warnings
from rt_ner.live.settings import TimingSettings

WANTED_GOVERNOR = "performance"
# A sleep state that takes longer to leave costs more than a decoding step.
LONGEST_WAKE_UP_US = 20
LATE_WAKE_UP = "a core that saves power wakes up late"


def processor_findings(processor: Processor, timing: TimingSettings) -> list[Finding]:
    """Return what can delay the decoder, and what ``timing`` asks for but can't get."""
    problems = []
    if set(processor.governors) - {WANTED_GOVERNOR}:
        problems.append(
            f"the CPU governor is {', '.join(processor.governors)}, expected {WANTED_GOVERNOR}: "
            f"{LATE_WAKE_UP}; run 'sudo cpupower frequency-set -g "
            f"{WANTED_GOVERNOR}' after each start of the computer, or see rt-ner doctor --fix"
        )
    if timing.core is not None and timing.core not in processor.cores:
        problems.append(missing_core(timing.core, processor.cores))
    if timing.realtime and processor.realtime_refusal:
        problems.append(processor.realtime_refusal)
    return warnings(problems)


def missing_core(core: int, cores: Iterable[int]) -> str:
    """Return the problem that the decoder's core is not one of ``cores``."""
    return (
        f"core {core} (--core, or core in [timing] of the settings file) is not available, "
        f"expected one of {', '.join(map(str, cores))}: choose one of these"
    )


def step_findings(check: BundleCheck) -> list[Finding]:
    """Return a NO-GO if this computer decodes too slowly for the bundle."""
    most_us = 1000 * check.hop_ms / 2
    if check.step_p99_us <= most_us:
        return []
    text = (
        f"a decoding step takes {check.step_p99_us:.0f} µs (99th percentile), expected at most "
        f"half a hop, {most_us:.0f} µs: close other programs, turn off power saving, or train a "
        "smaller encoder"
    )
    return [Finding(Level.NO_GO, text)]
