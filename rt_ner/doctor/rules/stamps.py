"""Judge the timing of a stream: missing samples, time stamps, rate and gaps."""

from rt_ner.doctor.checks.timing import Timing
from rt_ner.doctor.checkup import Finding, Level, warnings

_RATE_TOLERANCE = 0.01
# An interval of this many periods is a gap.
_GAP_PERIODS = 5
# A stream that is this far behind at the end has paused; chunks are shorter.
_PAUSE_S = 0.5
# Age on arrival that a sample can have if LSL's clock stamped it.
_AGES_MS = (-50.0, 1000.0)


def timing_findings(
    name: str, timing: Timing, tolerated_back_ms: float, is_spikes: bool
) -> list[Finding]:
    """Return what is wrong with a stream's samples and their time stamps.

    Stamps of an irregular stream may go backwards by ``tolerated_back_ms``.
    """
    severe = Level.NO_GO if is_spikes else Level.WARNING
    if not timing.n_samples:
        # An irregular stream may have nothing to say, unless it is to send spikes.
        if not (is_spikes or timing.nominal_hz):
            return []
        remedy = "press start in the program that sends it, or restart that program"
        return [Finding(severe, f"{name} sent no samples: {remedy}")]
    problems = _stamp_problems(name, timing)
    if timing.nominal_hz:
        if _has_paused(timing):
            return [Finding(severe, _paused(name, timing))]
        problems += _regular_problems(name, timing)
    elif timing.back_ms > tolerated_back_ms:
        problems.append(_goes_back(name, timing, f"at most {tolerated_back_ms:g} ms"))
    return warnings(problems)


def _has_paused(timing: Timing) -> bool:
    n_missing = timing.n_expected - timing.n_samples
    return n_missing > max(_PAUSE_S * timing.nominal_hz, _GAP_PERIODS)


def _paused(name: str, timing: Timing) -> str:
    return (
        f"{name} sent {timing.n_samples} samples, expected {timing.n_expected:.0f}: it paused or "
        "stopped while the doctor listened; check the program that sends it and run the doctor "
        "again"
    )


def _stamp_problems(name: str, timing: Timing) -> list[str]:
    """Return what would be wrong in any stream."""
    problems = []
    if timing.n_untimed:
        problems.append(
            f"{name} has {timing.n_untimed} samples without a time stamp, expected none: they "
            "can't be used; set its program to stamp every sample"
        )
    youngest_ms, oldest_ms = _AGES_MS
    if timing.age_ms < youngest_ms or timing.age_ms > oldest_ms:
        problems.append(
            f"{name} has samples that are {_age(timing.age_ms)} on arrival by their time "
            f"stamps, expected an age of {youngest_ms:g} to {oldest_ms:g} ms: set its program to "
            "stamp samples with the LSL clock, as they are recorded"
        )
    return problems


_UNITS_MS = {"years": 3.15576e10, "days": 8.64e7, "hours": 3.6e6, "s": 1e3, "ms": 0.0}


def _age(age_ms: float) -> str:
    """Return an age in the unit that a person would choose."""
    unit = next(unit for unit, unit_ms in _UNITS_MS.items() if abs(age_ms) >= unit_ms)
    size = abs(age_ms) / (_UNITS_MS[unit] or 1.0)
    return f"{size:.3g} {unit} {'old' if age_ms > 0 else 'in the future'}"


def _regular_problems(name: str, timing: Timing) -> list[str]:
    """Return what is wrong with the stamps of a stream that announces a rate."""
    problems = []
    period_ms = 1000 / timing.nominal_hz
    if _rate_is_off(timing):
        problems.append(
            f"{name} runs at {timing.rate_hz:.5g} Hz by its time stamps, but announces "
            f"{timing.nominal_hz:g} Hz: correct the rate in its program, or look for lost samples"
        )
    if timing.n_duplicate:
        problems.append(
            f"{name} has {timing.n_duplicate} samples with the time stamp of another sample, "
            "expected none: set its program to stamp every sample, not every chunk, and to send "
            "each sample once"
        )
    if timing.n_backward:
        problems.append(_goes_back(name, timing, "rising time stamps"))
    if timing.max_ms > _GAP_PERIODS * period_ms:
        problems.append(
            f"{name} has a gap of {timing.max_ms:.4g} ms, expected a sample every "
            f"{period_ms:.4g} ms: look for a busy computer or network, and use a cable instead of "
            "Wi-Fi"
        )
    return problems


def _rate_is_off(timing: Timing) -> bool:
    """Return True if the rate is wrong by more than the jitter of a single stamp."""
    n_steps = timing.n_samples - timing.n_untimed - 1
    if not timing.rate_hz > 0:
        return n_steps > 0
    n_expected = n_steps * timing.nominal_hz / timing.rate_hz
    return abs(n_steps - n_expected) > max(_RATE_TOLERANCE * n_expected, 1.0 + 1e-6)


def _goes_back(name: str, timing: Timing, expected: str) -> str:
    times = "once" if timing.n_backward == 1 else f"{timing.n_backward} times"
    return (
        f"{name} has time stamps that go backwards, {times}, by up to {timing.back_ms:.4g} ms, "
        f"expected {expected}: look for a clock that is being set, or for two programs that send "
        "under this name"
    )
