"""What the doctor makes of stamps, channels and clocks, and its verdict; no network."""

from dataclasses import replace

import numpy as np
import pytest

from rt_ner.core.errors import StreamError
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.doctor.checks.channel_health import EventGauge, Gauge, gauge_for
from rt_ner.doctor.checks.timing import Timing, timing_of
from rt_ner.doctor.findings import (
    BundleCheck,
    Finding,
    Level,
    SpikeCheck,
    StreamCheck,
    judge_bundle,
    judge_clock,
    judge_health,
    judge_timing,
    verdict,
)
from rt_ner.doctor.report import sparkline
from rt_ner.live.settings import DecodeSettings

MS = 1_000_000
WAIT_S = 20.0
LISTEN_S = 0.5


# The timing of stamps.


def stamped(
    stamps_s: np.ndarray, rate_hz: float, age_s: float = 0.002, paused_s: float = 0.0
) -> Timing:
    """Timing of samples that came without a pause, but for one of so many seconds."""
    listened_s = (len(stamps_s) / rate_hz if rate_hz else 1.0) + paused_s
    return timing_of(stamps_s, stamps_s + age_s, rate_hz, listened_s)


def judged(timing: Timing, *, is_spikes: bool = False) -> str:
    """All that is wrong, in one string."""
    found = judge_timing("'s'", timing, 5.0, is_spikes)
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
    assert "900 samples bear a stamp that another one has" in judged(timing)


def test_a_gap_is_seen() -> None:
    stamps_s = np.delete(np.arange(3000) / 1000, slice(1000, 1008))
    timing = stamped(stamps_s, 1000.0)
    assert timing.max_ms == pytest.approx(9)
    assert timing.histogram[-1] == 1
    assert judged(timing).startswith("warning: 's' has a gap of 9 ms, a sample every 1 ms")
    assert judged(stamped(np.delete(np.arange(3000) / 1000, slice(1000, 1003)), 1000.0)) == ""


def test_stamps_that_run_back_are_seen() -> None:
    stamps_s = np.arange(1000) / 1000
    stamps_s[500] -= 0.0205
    timing = stamped(stamps_s, 1000.0)
    assert timing.n_backward == 1
    assert timing.back_ms == pytest.approx(19.5)
    assert "1 stamps run back, by up to 19.5 ms, rising stamps expected" in judged(timing)


@pytest.mark.parametrize("factor", [1.02, 0.98])
def test_a_wrong_rate_is_seen(factor: float) -> None:
    timing = stamped(np.arange(3000) / (1000 * factor), 1000.0)
    assert f"runs at {1000 * factor:.5g} Hz by its own stamps, 1000 Hz are announced" in judged(
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


def test_irregular_streams_may_repeat_stamps_pause_and_run_back_a_little() -> None:
    timing = stamped(np.array([1.0, 1.0, 1.5, 1.496, 3.0]), 0.0)
    assert timing.rate_hz == pytest.approx(2)
    assert judged(timing) == ""
    assert "run back, by up to 6 ms, 5 ms at most" in judged(stamped(np.array([1.0, 0.994]), 0.0))


def test_silence_matters_where_samples_are_due() -> None:
    silence = np.zeros(0)
    assert judged(stamped(silence, 1000.0, paused_s=3.0)).startswith("warning: 's' sent nothing")
    assert judged(stamped(silence, 0.0)) == ""
    assert judged(stamped(silence, 0.0), is_spikes=True).startswith("NO-GO: 's' sent nothing")
    assert np.isnan([stamped(silence, 0.0).p50_ms, stamped(silence, 0.0).age_ms]).all()


def test_a_stream_that_paused_is_told_from_one_that_sends_chunks() -> None:
    stamps_s = np.arange(1000) / 1000
    assert judged(stamped(stamps_s, 1000.0, paused_s=0.4)) == ""
    paused = stamped(stamps_s, 1000.0, paused_s=0.6)
    assert judged(paused).startswith("warning: 's' sent 1000 samples, 1600 were expected")
    assert judged(paused, is_spikes=True).startswith("NO-GO")
    assert judged(stamped(stamps_s, 0.0, paused_s=9.0)) == ""
    assert judged(stamped(np.arange(10.0), 1.0, paused_s=4.0)) == ""


def test_samples_without_a_time_are_counted() -> None:
    stamps_s = np.arange(100) / 100
    stamps_s[[3, 50]] = np.nan
    timing = stamped(stamps_s, 100.0)
    assert (timing.n_samples, timing.n_untimed, timing.n_backward) == (100, 2, 0)
    assert judged(timing).startswith("warning: 's': 2 samples have no time")


@pytest.mark.parametrize("age_s", [-0.5, 3.0])
def test_stamps_of_another_clock_are_seen(age_s: float) -> None:
    timing = stamped(np.arange(100) / 100, 100.0, age_s)
    assert f"samples are {1000 * age_s:.4g} ms old by their stamps" in judged(timing)


def test_only_arrivals_that_were_waited_for_tell_an_age() -> None:
    stamps_s = np.arange(4) / 10
    arrived_s = np.array([np.nan, 0.103, np.nan, np.nan])
    assert timing_of(stamps_s, arrived_s, 10.0, 0.4).age_ms == pytest.approx(3)


# Verdicts.


def test_a_warning_is_no_obstacle() -> None:
    warning, no_go = Finding(Level.WARNING, "w"), Finding(Level.NO_GO, "n")
    assert verdict([])
    assert verdict([warning])
    assert not verdict([warning, no_go])


def stream_check(offset_ms: float, is_spikes: bool = False) -> StreamCheck:
    return StreamCheck(
        "s", "Spikes", 1, 1000.0, "int16", "rig2", "id", is_spikes, offset_ms, timing=None
    )


@pytest.mark.parametrize(
    ("same_host", "before_ms", "after_ms", "expected"),
    [
        (True, 0.01, 0.02, ""),
        (True, np.nan, np.nan, ""),
        (True, 500.0, 500.0, "is 500 ms off, though it is sent from this very computer"),
        (False, 9e7, 9e7 + 0.3, ""),
        (False, 9e7, 9e7 + 4, "the clock of host rig2 moved by 4 ms"),
        (False, np.nan, 9e7, "rig2 does not answer with its time"),
    ],
)
def test_the_offset_of_clocks(
    same_host: bool, before_ms: float, after_ms: float, expected: str
) -> None:
    found = judge_clock(stream_check(after_ms), same_host, before_ms)
    if not expected:
        assert found == []
        return
    (finding,) = found
    assert finding.level is Level.WARNING
    assert expected in finding.text


def test_spikes_of_a_host_without_a_clock_can_not_be_decoded() -> None:
    (finding,) = judge_clock(stream_check(np.nan, is_spikes=True), False, np.nan)
    assert finding.level is Level.NO_GO


@pytest.mark.parametrize(("p99_us", "expected"), [(4999.0, []), (5001.0, [Level.NO_GO])])
def test_a_step_may_take_half_a_hop(p99_us: float, expected: list[Level]) -> None:
    check = BundleCheck("b", 96, 10.0, True, 0.1, 50.0, p99_us)
    assert [finding.level for finding in judge_bundle(check)] == expected


# The channels.

LABELS = tuple(f"elec{number}" for number in range(1, 11))


def spike_stream(kind: InputKind, rate_hz: float, columns: tuple[str, ...]) -> SpikeStream:
    electrodes = LABELS if kind is InputKind.EVENTS else ()
    return SpikeStream(kind, rate_hz, "int16", columns, electrodes)


def gauge(stream: SpikeStream, seconds: float = 1.0) -> Gauge:
    return gauge_for(stream, "uV", np.dtype(np.float64), DecodeSettings(), seconds)


def findings_of(stream: SpikeStream, gauge: Gauge, seconds: float) -> dict[str, Level]:
    check = SpikeCheck("s", stream.kind, gauge.health(seconds))
    return {finding.text: finding.level for finding in judge_health(check, seconds)}


@pytest.mark.parametrize(("n_dead", "level"), [(5, Level.WARNING), (6, Level.NO_GO)])
def test_dead_channels_of_a_raster_are_named(n_dead: int, level: Level) -> None:
    stream = spike_stream(InputKind.RASTER, 1000.0, LABELS)
    watching = gauge(stream)
    counts = np.zeros((1000, 10), np.int16)
    counts[::100, n_dead:] = 1
    watching.take(counts[:400])
    watching.take(counts[400:])
    ((text, found),) = findings_of(stream, watching, 1.0).items()
    assert found is level
    assert text.startswith(f"{n_dead} of 10 channels (elec1, elec2, elec3, elec4, elec5")
    health = watching.health(1.0)
    assert health.level == pytest.approx([0.0] * n_dead + [10.0] * (10 - n_dead))


def test_a_hot_channel_fires_far_more_than_the_others_and_fast() -> None:
    stream = spike_stream(InputKind.RASTER, 1000.0, LABELS)
    for every, hot in ((100, ("elec3",)), (500, ())):
        watching = gauge(stream)
        counts = np.zeros((2000, 10))
        counts[::every] = 1
        counts[::every, 2] = 12 if hot else 40
        watching.take(counts)
        assert watching.health(2.0).high == hot


def test_values_that_are_no_counts_are_told() -> None:
    stream = spike_stream(InputKind.RASTER, 1000.0, LABELS)
    watching = gauge(stream)
    counts = np.ones((100, 10))
    counts[3, 2], counts[4, 9] = np.nan, -1
    watching.take(counts)
    assert watching.health(1.0).n_invalid == 2
    assert any("2 samples hold values that can't be counts" in text
               for text in findings_of(stream, watching, 1.0))  # fmt: skip


def test_channels_of_events_are_counted_from_the_base() -> None:
    stream = spike_stream(InputKind.EVENTS, 0.0, ("channel", "unit"))
    watching = gauge(stream)
    events = np.array([[1, 0], [1, 2], [10, 0], [11, 0], [0, 0], [2.5, 0]])
    watching.take(events)
    health = watching.health(2.0)
    assert health.level == pytest.approx([1.0, *[0.0] * 8, 0.5])
    assert health.n_invalid == 3
    assert "set base" in " ".join(findings_of(stream, watching, 2.0))


def test_events_without_a_list_of_electrodes_tell_only_of_those_that_fire() -> None:
    stream = replace(spike_stream(InputKind.EVENTS, 0.0, ("channel",)), electrodes=())
    watching = EventGauge(stream, 0, base=1)
    watching.take(np.array([[7], [7], [3]], np.int32))
    health = watching.health(1.0)
    assert (health.labels, health.dead, health.n_invalid) == (("3", "7"), (), 0)


def test_events_without_a_channel_are_refused() -> None:
    with pytest.raises(StreamError, match="'x', 'y' have none for the channel"):
        gauge(spike_stream(InputKind.EVENTS, 0.0, ("x", "y")))


def test_noise_of_voltage(rng: np.random.Generator) -> None:
    stream = spike_stream(InputKind.BROADBAND, 30_000.0, LABELS)
    watching = gauge(stream, 0.5)
    voltage = rng.normal(0, 10, (15_000, 10))
    voltage[:, 1] = 7.0
    voltage[:, 2] *= 8
    voltage[:, 3] /= 8
    for part in np.array_split(voltage, 11):
        watching.take(part)
    health = watching.health(0.5)
    assert (health.dead, health.high, health.low) == (("elec2",), ("elec3",), ("elec4",))
    # The band holds 5.7 of 15 kHz, the rolled-off edges apart.
    assert 4 < health.median_level < 10
    texts = " | ".join(findings_of(stream, watching, 0.5))
    assert "1 of 10 channels (elec2) is flat" in texts
    assert f"far above the usual noise of {health.median_level:.3g} uV" in texts


# The report.


def test_a_sparkline_shows_even_the_rarest() -> None:
    assert sparkline((0, 1, 1000, 500), "·▁▂▃▄▅▆▇█") == "·▁█▄"
    assert sparkline((0, 0), "·█") == "··"
