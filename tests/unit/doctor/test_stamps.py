"""The doctor measures and judges time stamps."""

import numpy as np
import pytest

from rt_ner.doctor.checks.timing import Timing, timing_of
from rt_ner.doctor.rules.stamps import timing_findings


def stamped(
    stamps_s: np.ndarray, rate_hz: float, age_s: float = 0.002, paused_s: float = 0.0
) -> Timing:
    """Timing of samples that came without a pause, but for one of so many seconds."""
    listened_s = (len(stamps_s) / rate_hz if rate_hz else 1.0) + paused_s
    return timing_of(stamps_s, stamps_s + age_s, rate_hz, listened_s)


def judged(timing: Timing, *, is_spikes: bool = False) -> str:
    """All that is wrong, in one string."""
    found = timing_findings("'s'", timing, 5.0, is_spikes)
    return " | ".join(f"{finding.level}: {finding.text}" for finding in found)


def test_regular_stamps_are_as_they_should_be() -> None:
    timing = stamped(100.0 + np.arange(3000) / 1000, 1000.0)
    assert timing.rate_hz == pytest.approx(1000, rel=1e-9)
    assert timing.p1_ms == pytest.approx(1) == timing.p50_ms == timing.p99_ms == timing.max_ms
    assert (timing.n_duplicate, timing.n_backward, timing.n_untimed) == (0, 0, 0)
    assert timing.age_ms == pytest.approx(2)
    assert timing.histogram == (0,) * 6 + (2999,) + (0,) * 6
    assert judged(timing) == ""


def test_jitter_is_measured_and_borne(rng: np.random.Generator) -> None:
    stamps_s = np.arange(3000) / 1000 + rng.uniform(-2e-4, 2e-4, 3000)
    timing = stamped(stamps_s, 1000.0)
    assert 0.6 < timing.p1_ms < 0.8 < timing.p50_ms < 1.2 < timing.p99_ms < 1.4
    assert sum(timing.histogram) == 2999
    assert sum(count > 0 for count in timing.histogram) > 3
    assert judged(timing) == ""


def test_repeated_stamps_are_counted() -> None:
    timing = stamped(np.repeat(np.arange(100) / 100, 10), 1000.0)
    assert timing.n_duplicate == 900
    assert "has 900 samples with the time stamp of another sample" in judged(timing)


def test_a_gap_is_seen() -> None:
    stamps_s = np.delete(np.arange(3000) / 1000, slice(1000, 1008))
    timing = stamped(stamps_s, 1000.0)
    assert timing.max_ms == pytest.approx(9)
    assert timing.histogram[-1] == 1
    assert judged(timing).startswith("warning: 's' has a gap of 9 ms, expected a sample every 1 ms")
    assert judged(stamped(np.delete(np.arange(3000) / 1000, slice(1000, 1003)), 1000.0)) == ""


def test_stamps_that_go_backwards_are_seen() -> None:
    stamps_s = np.arange(1000) / 1000
    stamps_s[500] -= 0.0205
    timing = stamped(stamps_s, 1000.0)
    assert timing.n_backward == 1
    assert timing.back_ms == pytest.approx(19.5)
    assert "go backwards, once, by up to 19.5 ms, expected rising time stamps" in judged(timing)


@pytest.mark.parametrize("factor", [1.02, 0.98])
def test_a_wrong_rate_is_seen(factor: float) -> None:
    timing = stamped(np.arange(3000) / (1000 * factor), 1000.0)
    assert f"runs at {1000 * factor:.5g} Hz by its time stamps, but announces 1000 Hz" in judged(
        timing
    )
    assert judged(stamped(np.arange(3000) / 1005, 1000.0)) == ""


def test_the_jitter_of_few_samples_is_no_wrong_rate() -> None:
    assert judged(stamped(np.array([0.0, 0.1, 0.2, 0.33]), 10.0)) == ""
    assert "runs at" in judged(stamped(np.arange(4) / 5, 10.0))


def test_all_stamps_equal_are_no_rate() -> None:
    timing = stamped(np.ones(5), 1000.0)
    assert np.isnan(timing.rate_hz)
    assert "runs at nan Hz" in judged(timing)


def test_irregular_streams_may_repeat_stamps_pause_and_go_back_a_little() -> None:
    timing = stamped(np.array([1.0, 1.0, 1.5, 1.496, 3.0]), 0.0)
    assert timing.rate_hz == pytest.approx(2)
    assert judged(timing) == ""
    assert "go backwards, once, by up to 6 ms, expected at most 5 ms" in judged(
        stamped(np.array([1.0, 0.994]), 0.0)
    )


def test_silence_matters_where_samples_are_due() -> None:
    silence = np.zeros(0)
    assert judged(stamped(silence, 1000.0, paused_s=3.0)).startswith("warning: 's' sent no samples")
    assert judged(stamped(silence, 0.0)) == ""
    assert judged(stamped(silence, 0.0), is_spikes=True).startswith("NO-GO: 's' sent no samples")
    assert np.isnan([stamped(silence, 0.0).p50_ms, stamped(silence, 0.0).age_ms]).all()


def test_a_stream_that_paused_is_told_from_one_that_sends_chunks() -> None:
    stamps_s = np.arange(1000) / 1000
    assert judged(stamped(stamps_s, 1000.0, paused_s=0.4)) == ""
    paused = stamped(stamps_s, 1000.0, paused_s=0.6)
    assert judged(paused).startswith("warning: 's' sent 1000 samples, expected 1600")
    assert judged(paused, is_spikes=True).startswith("NO-GO")
    assert judged(stamped(stamps_s, 0.0, paused_s=9.0)) == ""
    assert judged(stamped(np.arange(10.0), 1.0, paused_s=4.0)) == ""


def test_samples_without_a_time_are_counted() -> None:
    stamps_s = np.arange(100) / 100
    stamps_s[[3, 50]] = np.nan
    timing = stamped(stamps_s, 100.0)
    assert (timing.n_samples, timing.n_untimed, timing.n_backward) == (100, 2, 0)
    assert judged(timing).startswith("warning: 's' has 2 samples without a time stamp")


@pytest.mark.parametrize(
    ("age_s", "said"),
    [
        (-0.5, "500 ms in the future"),
        (3.0, "3 s old"),
        (7200.0, "2 hours old"),
        (-1.796e9, "56.9 years in the future"),
    ],
)
def test_stamps_of_another_clock_are_seen(age_s: float, said: str) -> None:
    timing = stamped(np.arange(100) / 100, 100.0, age_s)
    assert f"samples that are {said} on arrival" in judged(timing)


@pytest.mark.parametrize("stray_s", [0.0, 3600.0, -3600.0])
@pytest.mark.parametrize("at", [0, 500, 2999])
def test_a_stray_stamp_does_not_move_the_rate(stray_s: float, at: int) -> None:
    stamps_s = 5000 + np.arange(3000) / 1000
    stamps_s[at] = stray_s
    assert stamped(stamps_s, 1000.0).rate_hz == pytest.approx(1000, rel=0.01)


def test_only_arrivals_that_were_waited_for_tell_an_age() -> None:
    stamps_s = np.arange(4) / 10
    arrived_s = np.array([np.nan, 0.103, np.nan, np.nan])
    assert timing_of(stamps_s, arrived_s, 10.0, 0.4).age_ms == pytest.approx(3)
