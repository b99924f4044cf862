"""Checkup: what a check before a session found, what is wrong with it, and the verdict."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from rt_ner.decoding.input.settings import InputKind
from rt_ner.doctor.checks.channel_health import ChannelHealth
from rt_ner.doctor.checks.timing import Timing

_RATE_TOLERANCE = 0.01
# An interval of so many periods is a gap.
_GAP_PERIODS = 5
# A stream that owes so much at the end has paused; chunks are shorter.
_PAUSE_S = 0.5
# The ages that a sample stamped by LSL's clock may have on arrival.
_AGES_MS = (-50.0, 1000.0)
# On one host there is one clock. LSL's estimates of an offset are good to a fraction of a
# millisecond, to more only if a computer is busy.
_SAME_CLOCK_MS, _OFFSET_NOISE_MS = 10.0, 1.0
_N_NAMED = 8


class Level(StrEnum):
    """How bad a finding is."""

    WARNING = "warning"
    NO_GO = "NO-GO"


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be. ``text``: what was met, what expected, the remedy."""

    level: Level
    text: str


@dataclass(frozen=True)
class StreamCheck:
    """A visible stream. ``timing``: None if it was not listened to, or could not be.

    ``offset_ms``: what is added to its stamps to get local time; NaN if not measured.
    """

    name: str
    type: str
    n_channels: int
    nominal_hz: float
    format: str
    host: str
    source_id: str
    is_spikes: bool
    offset_ms: float
    timing: Timing | None


@dataclass(frozen=True)
class SpikeCheck:
    """The spike stream: what it carries, and how its channels are."""

    name: str
    kind: InputKind
    health: ChannelHealth


@dataclass(frozen=True)
class BundleCheck:
    """A bundle that loads. Step: a bin closed → velocity ready.

    ``fits``: whether the spike stream's channels are its own; None if there is no such stream. The
    times are NaN unless it fits.
    """

    folder: str
    n_channels: int
    hop_ms: float
    fits: bool | None
    warm_up_s: float
    step_p50_us: float
    step_p99_us: float


@dataclass(frozen=True)
class Checkup:
    """All that was found."""

    versions: dict[str, str]
    surroundings: dict[str, str]
    streams: tuple[StreamCheck, ...]
    spikes: SpikeCheck | None
    bundle: BundleCheck | None
    findings: tuple[Finding, ...]

    @property
    def is_go(self) -> bool:
        """Whether the session can begin."""
        return verdict(self.findings)


def verdict(findings: Iterable[Finding]) -> bool:
    """Whether nothing found stands in the way."""
    return all(finding.level is not Level.NO_GO for finding in findings)


def judge_timing(
    name: str, timing: Timing, allowed_back_ms: float, is_spikes: bool
) -> list[Finding]:
    """What is wrong with a stream's samples and their stamps.

    ``allowed_back_ms``: by how much those of an irregular stream may run back.
    """
    if not timing.n_samples:
        text = f"{name} sent nothing: press start in the program that sends it, or restart it"
        if is_spikes:
            return [Finding(Level.NO_GO, text)]
        # An irregular stream may have nothing to say.
        return _warnings([text] if timing.nominal_hz else [])
    problems = _judge_stamps(name, timing)
    if timing.nominal_hz:
        n_missing = timing.n_expected - timing.n_samples
        if n_missing > max(_PAUSE_S * timing.nominal_hz, _GAP_PERIODS):
            text = (
                f"{name} sent {timing.n_samples} samples, {timing.n_expected:.0f} were expected: "
                "it paused or stopped meanwhile; look at the program that sends it, and check again"
            )
            return [Finding(Level.NO_GO if is_spikes else Level.WARNING, text)]
        problems += _judge_regular(name, timing)
    elif timing.back_ms > allowed_back_ms:
        problems.append(_runs_back(name, timing, f"{allowed_back_ms:g} ms at most"))
    return _warnings(problems)


def _judge_regular(name: str, timing: Timing) -> list[str]:
    """What is wrong with the stamps of a stream that announces a rate."""
    problems = []
    period_ms = 1000 / timing.nominal_hz
    if _rate_is_off(timing):
        problems.append(
            f"{name} runs at {timing.rate_hz:.5g} Hz by its own stamps, {timing.nominal_hz:g} Hz "
            "are announced: set the rate in its program right, or look for lost samples"
        )
    if timing.n_duplicate:
        problems.append(
            f"{name}: {timing.n_duplicate} samples bear a stamp that another one has, each should "
            "have its own: let its program stamp every sample, not every chunk, and send it once"
        )
    if timing.n_backward:
        problems.append(_runs_back(name, timing, "rising stamps"))
    if timing.max_ms > _GAP_PERIODS * period_ms:
        problems.append(
            f"{name} has a gap of {timing.max_ms:.4g} ms, a sample every {period_ms:.4g} ms was "
            "expected: look for a busy sender or network; use a cable, not Wi-Fi"
        )
    return problems


def _judge_stamps(name: str, timing: Timing) -> list[str]:
    """What would be wrong with those of any stream."""
    problems = []
    if timing.n_untimed:
        problems.append(
            f"{name}: {timing.n_untimed} samples have no time and can't be used: let its program "
            "stamp every sample"
        )
    least_ms, most_ms = _AGES_MS
    if timing.age_ms < least_ms or timing.age_ms > most_ms:
        problems.append(
            f"{name}: samples are {timing.age_ms:.4g} ms old by their stamps when they arrive, "
            f"{least_ms:g} to {most_ms:g} ms were expected: let its program stamp with LSL's own "
            "clock, in real time"
        )
    return problems


def _rate_is_off(timing: Timing) -> bool:
    """Whether the stamps run too fast or slow, by more than the jitter of a single one."""
    n_steps = timing.n_samples - timing.n_untimed - 1
    if not timing.rate_hz > 0:
        return n_steps > 0
    n_expected = n_steps * timing.nominal_hz / timing.rate_hz
    return abs(n_steps - n_expected) > max(_RATE_TOLERANCE * n_expected, 1.0 + 1e-6)


def _runs_back(name: str, timing: Timing, expected: str) -> str:
    return (
        f"{name}: {timing.n_backward} stamps run back, by up to {timing.back_ms:.4g} ms, "
        f"{expected} expected: look for a clock that is being set, or for two programs that send "
        "under this name"
    )


def judge_clock(check: StreamCheck, same_host: bool, before_ms: float) -> list[Finding]:
    """What is wrong with the offset between a source's clock and ours.

    ``before_ms``: as measured some seconds before the one in ``check``.
    """
    name, moved_ms = f"'{check.name}'", check.offset_ms - before_ms
    if same_host:
        if abs(check.offset_ms) <= _SAME_CLOCK_MS or np.isnan(check.offset_ms):
            return []
        text = (
            f"{name}: its clock is {check.offset_ms:.4g} ms off, though it is sent from this very "
            "computer, which has one clock: look for two computers of one name, and rename one"
        )
    elif np.isnan(moved_ms):
        text = (
            f"{name}: host {check.host} does not answer with its time, so its stamps mean nothing "
            "here: open UDP ports 16571 to 16604 in the firewalls of both computers"
        )
        return [Finding(Level.NO_GO if check.is_spikes else Level.WARNING, text)]
    elif abs(moved_ms) <= _OFFSET_NOISE_MS:
        return []
    else:
        text = (
            f"{name}: the clock of host {check.host} moved by {moved_ms:.4g} ms against ours while "
            f"we listened, {_OFFSET_NOISE_MS:g} ms at most was expected: use a cable, not Wi-Fi, "
            "and see that nothing sets a clock during a session"
        )
    return [Finding(Level.WARNING, text)]


def judge_health(check: SpikeCheck, listened_s: float) -> list[Finding]:
    """What is wrong with the channels of a spike stream that sent something."""
    health = check.health
    problems = [_invalid(check)] if health.n_invalid else []
    if check.kind is InputKind.BROADBAND:
        what, remedy = "flat", "check headstage, cable and reference"
        problems += _judge_noise(health)
    else:
        what = f"without a spike in {listened_s:.2g} s"
        remedy = "check headstage, cable and thresholds, or listen longer with --seconds"
        if health.high:
            problems.append(
                f"{_channels(health.high)} far above the usual {health.median_level:.3g} Hz: look "
                "for artefacts, and set their thresholds farther from the noise"
            )
    if not health.dead:
        return _warnings(problems)
    mostly_dead = 2 * len(health.dead) > len(health.labels)
    text = f"{_channels(health.dead, len(health.labels))} {what}: {remedy}"
    return [Finding(Level.NO_GO if mostly_dead else Level.WARNING, text), *_warnings(problems)]


def _judge_noise(health: ChannelHealth) -> list[str]:
    """What is wrong with the noise of voltages."""
    usual = f"the usual noise of {health.median_level:.3g} {health.unit}"
    problems = []
    if health.high:
        problems.append(f"{_channels(health.high)} far above {usual}: check grounding, impedances")
    if health.low:
        problems.append(f"{_channels(health.low)} far below {usual}: look for shorted electrodes")
    return problems


def _invalid(check: SpikeCheck) -> str:
    n_invalid = check.health.n_invalid
    if check.kind is InputKind.EVENTS:
        return (
            f"{n_invalid} events are of channels that the stream does not list: set base (the "
            "number of its first channel, 1 or 0) in [input] of the config"
        )
    what = "voltages" if check.kind is InputKind.BROADBAND else "counts (NaN or negative)"
    return f"{n_invalid} samples hold values that can't be {what}: look at the program that sends"


def judge_bundle(check: BundleCheck) -> list[Finding]:
    """Whether this computer decodes in time."""
    if check.step_p99_us <= 1000 * check.hop_ms / 2:
        return []
    text = (
        f"a decoding step takes {check.step_p99_us:.0f} µs (p99), at most half a hop, "
        f"{1000 * check.hop_ms / 2:.0f} µs, was expected: close other programs, see that the "
        "computer is not saving power, or train a smaller encoder"
    )
    return [Finding(Level.NO_GO, text)]


def _channels(names: Sequence[str], n_all: int = 0) -> str:
    """How many channels, of how many, and the names of the first few, up to the verb."""
    some = ", ".join(names[:_N_NAMED]) + (", …" if len(names) > _N_NAMED else "")
    of_all = f" of {n_all}" if n_all else ""
    noun = "channel" if len(names) == 1 and not n_all else "channels"
    return f"{len(names)}{of_all} {noun} ({some}) {'is' if len(names) == 1 else 'are'}"


def _warnings(texts: Sequence[str]) -> list[Finding]:
    return [Finding(Level.WARNING, text) for text in texts]
