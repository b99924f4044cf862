"""Judge the channels of a spike stream: silent, hot, noisy or flat ones, and invalid values."""

from collections.abc import Sequence

from rt_ner.decoding.input.settings import InputKind
from rt_ner.doctor.checks.channel_health import ChannelHealth
from rt_ner.doctor.checkup import Finding, Level, SpikeCheck, warnings

_N_NAMED = 8


def channel_findings(check: SpikeCheck, listened_s: float) -> list[Finding]:
    """Return what is wrong with the channels of a spike stream that sent something."""
    health = check.health
    problems = [_invalid(check)] if health.n_invalid else []
    if check.kind is InputKind.BROADBAND:
        problems += _noise_problems(health)
    elif health.high:
        problems.append(
            f"{_channels(health.high)} far above the median of {health.median_level:.3g} "
            "spikes/s: look for artefacts, and move their thresholds away from the noise"
        )
    return _dead_findings(check, listened_s) + warnings(problems)


def _dead_findings(check: SpikeCheck, listened_s: float) -> list[Finding]:
    """Return a NO-GO if most channels are dead, and a warning if some are."""
    n_dead, n_all = len(check.health.dead), len(check.health.labels)
    if not n_dead:
        return []
    if check.kind is InputKind.BROADBAND:
        problem = "flat: check headstage, cable and reference"
    else:
        problem = (
            f"silent, without a spike in {listened_s:.2g} s: check headstage, cable and "
            "thresholds, or listen longer with --seconds"
        )
    level = Level.NO_GO if 2 * n_dead > n_all else Level.WARNING
    return [Finding(level, f"{_channels(check.health.dead, n_all)} {problem}")]


def _noise_problems(health: ChannelHealth) -> list[str]:
    """Return what is wrong with the noise of voltages."""
    median = f"the median noise of {health.median_level:.3g} {health.unit}"
    problems = []
    if health.high:
        remedy = "check grounding and impedances"
        problems.append(f"{_channels(health.high)} far above {median}: {remedy}")
    if health.low:
        problems.append(f"{_channels(health.low)} far below {median}: look for shorted electrodes")
    return problems


def _invalid(check: SpikeCheck) -> str:
    n_invalid = check.health.n_invalid
    if check.kind is InputKind.EVENTS:
        return (
            f"'{check.name}' sent {n_invalid} events on channels that it does not list, expected "
            "none: in [input] of the settings file, set base to the number of its first channel, "
            "1 or 0"
        )
    values = "voltages" if check.kind is InputKind.BROADBAND else "counts (NaN or negative)"
    return (
        f"'{check.name}' sent {n_invalid} samples with values that can't be {values}, expected "
        "none: check the program that sends it"
    )


def _channels(names: Sequence[str], n_all: int = 0) -> str:
    """Return the number of channels and the names of the first few, up to the verb."""
    some = ", ".join(names[:_N_NAMED]) + (", …" if len(names) > _N_NAMED else "")
    of_all = f" of {n_all}" if n_all else ""
    noun = "channel" if len(names) == 1 and not n_all else "channels"
    return f"{len(names)}{of_all} {noun} ({some}) {'is' if len(names) == 1 else 'are'}"
