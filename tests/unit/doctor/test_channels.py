"""The doctor measures and judges the channels of a spike stream."""

from dataclasses import replace

import numpy as np
import pytest

from rt_ner.core.errors import StreamError
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.doctor.checks.channel_health import EventGauge, Gauge, gauge_for
from rt_ner.doctor.checkup import Level, SpikeCheck
from rt_ner.doctor.rules.channels import channel_findings
from rt_ner.live.settings import DecodeSettings

LABELS = tuple(f"elec{number}" for number in range(1, 11))


def spike_stream(kind: InputKind, rate_hz: float, columns: tuple[str, ...]) -> SpikeStream:
    electrodes = LABELS if kind is InputKind.EVENTS else ()
    return SpikeStream(kind, rate_hz, "double64", columns, electrodes)


def gauge(stream: SpikeStream, seconds: float = 1.0) -> Gauge:
    return gauge_for(stream, "uV", DecodeSettings(), seconds)


def findings_of(stream: SpikeStream, gauge: Gauge, seconds: float) -> dict[str, Level]:
    check = SpikeCheck("s", stream.kind, gauge.health(seconds))
    return {finding.text: finding.level for finding in channel_findings(check, seconds)}


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
    assert any("sent 2 samples with values that can't be counts" in text
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
    with pytest.raises(StreamError, match="'x', 'y' have no column for the channel"):
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
    assert f"far above the median noise of {health.median_level:.3g} uV" in texts
