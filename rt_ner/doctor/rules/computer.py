"""Judge the computer: power saving, cores, priority, and the time of a decoding step."""

from rt_ner.doctor.checks.processor import Processor
from rt_ner.doctor.checkup import BundleCheck, Finding, Level, warnings
from rt_ner.live.settings import TimingSettings

_WANTED_GOVERNOR = "performance"


def processor_findings(processor: Processor, timing: TimingSettings) -> list[Finding]:
    """Return what can delay the decoder, and what ``timing`` asks for but can't get."""
    problems = []
    if set(processor.governors) - {_WANTED_GOVERNOR}:
        problems.append(
            f"the CPU governor is {', '.join(processor.governors)}, expected {_WANTED_GOVERNOR}: "
            "a core that saves power wakes up late; run 'sudo cpupower frequency-set -g "
            f"{_WANTED_GOVERNOR}' after each start of the computer"
        )
    if timing.core is not None and timing.core not in processor.cores:
        problems.append(
            f"core = {timing.core} in [timing] of the settings file is not available, expected "
            f"one of {', '.join(map(str, processor.cores))}: choose one of these"
        )
    if timing.realtime and processor.realtime_refusal:
        problems.append(processor.realtime_refusal)
    return warnings(problems)


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
