"""Spike-band power is the mean absolute voltage of the band, in whole numbers that add up."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.broadband import BroadbandBinner
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.binning.voltage.kernels.power import MOST
from rt_ner.decoding.binning.voltage.power import PowerReader
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.decoding.chunks import VoltageChunk

MS = 1_000_000
RATE_HZ, SETTLE = 30_000, 1500
POWER = VoltageSettings(value="spike-band-power")
MEDIAN = VoltageSettings(value="spike-band-power", reference="median", bank=2)


def noise(n_samples: int, n_channels: int = 3, rate_hz: float = RATE_HZ) -> VoltageChunk:
    """Return noise of RMS 12 on an offset, as whole microvolts."""
    rng = np.random.default_rng(n_samples)
    voltage = np.rint(rng.normal(500.0, 12.0, (n_samples, n_channels)))
    stamp_ns = np.rint(np.arange(1, n_samples + 1) * 1e9 / rate_hz).astype(np.int64)
    return VoltageChunk(stamp_ns, voltage)


def sizes(of: PowerReader, voltage: np.ndarray) -> np.ndarray:
    out = np.zeros(voltage.shape, dtype=np.int16)
    of.read(voltage, out)
    return out


def binner(hop_ms: int = 10, voltage: VoltageSettings = POWER) -> BroadbandBinner:
    reader = PowerReader(3, RATE_HZ, 1.0, 0.1, voltage)
    return BroadbandBinner(reader, raster_binner(3, hop_ms * MS, 1e9 / RATE_HZ), 1e9 / RATE_HZ)


def hops_of(of: BroadbandBinner, *chunks: VoltageChunk) -> dict[int, list[float]]:
    return {end_ns // MS: of.counts.tolist() for one in chunks for end_ns in of.push(one)}


def test_a_size_is_the_rounded_absolute_value_of_the_band() -> None:
    voltage = noise(4000).voltage
    sections = [
        scipy.signal.butter(2, 250, "high", fs=RATE_HZ, output="sos"),
        scipy.signal.butter(2, 5000, "low", fs=RATE_HZ, output="sos"),
    ]
    band = scipy.signal.sosfilt(np.vstack(sections), voltage - voltage[0], axis=0)
    found = sizes(PowerReader(3, RATE_HZ, 1.0, 2.0, POWER), voltage)
    assert np.abs(found - np.abs(band)).max() <= 0.5 + 1e-6


def test_a_bins_mean_is_that_of_the_literal_definition() -> None:
    """Rounding to whole microvolts is lost in the average: 0.05 µV at most, of 7."""
    sent = noise(9000)
    sections = scipy.signal.butter(2, 250, "high", fs=RATE_HZ, output="sos")
    low = scipy.signal.butter(2, 5000, "low", fs=RATE_HZ, output="sos")
    voltage = sent.voltage - sent.voltage[0]
    band = scipy.signal.sosfilt(np.vstack([sections, low]), voltage, axis=0)
    hops = hops_of(binner(), sent)
    assert list(hops) == list(range(60, 301, 10)), "no hop while the filter settles"
    for end_ms, sums in hops.items():
        literal = np.abs(band[(end_ms - 10) * 30 : end_ms * 30]).mean(axis=0)
        np.testing.assert_allclose(np.array(sums) / 300, literal, atol=0.05)


def test_milliseconds_add_up_to_hops_of_any_length() -> None:
    sent = noise(9000)
    of_ms = hops_of(binner(1), sent)
    for hop_ms in (10, 30):
        for end_ms, sums in hops_of(binner(hop_ms), sent).items():
            parts = [of_ms[ms] for ms in range(end_ms - hop_ms + 1, end_ms + 1)]
            assert np.sum(parts, axis=0).tolist() == sums


@settings(max_examples=20)
@given(data=st.data())
def test_chunking_does_not_matter(data: st.DataObject) -> None:
    """With gaps and values that are no voltage: exactly the same hops and input counts."""
    whole = noise(7500)
    kept = np.ones(7500, dtype=np.bool_)
    for at in data.draw(st.lists(st.integers(0, 7000), max_size=2)):
        kept[at : at + data.draw(st.sampled_from([1, 29, 31, 400]))] = False
    for at in data.draw(st.lists(st.integers(0, 7499), max_size=3)):
        whole.voltage[at, at % 3] = data.draw(st.sampled_from([np.nan, 1e6]))
    sent = VoltageChunk(whole.stamp_ns[kept], whole.voltage[kept])
    n = int(kept.sum())
    edges = sorted({0, n, *data.draw(st.lists(st.integers(0, n), max_size=20))})
    pieces = [
        VoltageChunk(sent.stamp_ns[a:b], sent.voltage[a:b])
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    voltage = data.draw(st.sampled_from([POWER, MEDIAN]))
    once, split = binner(voltage=voltage), binner(voltage=voltage)
    assert hops_of(split, *pieces) == hops_of(once, sent)
    assert split.input_counts.tolist() == once.input_counts.tolist()


@pytest.mark.parametrize(("unit", "dtype"), [(1.0, np.int16), (0.25, np.int16), (1e6, np.float64)])
def test_the_streams_unit_does_not_matter(unit: float, dtype: type) -> None:
    voltage = noise(3000).voltage
    expected = sizes(PowerReader(3, RATE_HZ, 1.0, 2.0, POWER), voltage)
    found = sizes(PowerReader(3, RATE_HZ, unit, 2.0, POWER), (voltage / unit).astype(dtype))
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 1e-3
    assert expected[SETTLE:].mean() > 4


def test_the_streams_rate_hardly_matters() -> None:
    """A tone of 100 µV: 10 ms of it have the same sum at any rate."""
    sums = []
    for rate_hz in (20_000, 24_414.0625, 30_000, 40_000):
        tone = 100 * np.sin(2 * np.pi * 1000 * np.arange(round(rate_hz / 5)) / rate_hz)[:, None]
        found = sizes(PowerReader(1, rate_hz, 1.0, 2.0, POWER), tone)
        sums.append(found[round(rate_hz / 10) :].sum())
    assert np.ptp(sums) < 0.01 * max(sums)
    assert max(sums) == pytest.approx(3000 * 63.7, rel=0.03)


def test_what_is_too_large_is_limited_and_counted() -> None:
    sent = noise(9000)
    sent.voltage[6000, 1] = 60_000
    of = binner()
    hops = hops_of(of, sent)
    n = int(of.input_counts[InputCounts.SATURATED])
    assert 0 < n < 40
    assert n * MOST < hops[210][1] < 300 * MOST
    assert of.input_counts[InputCounts.INVALID] == 0
    assert of.input_counts[InputCounts.USED] + of.input_counts[InputCounts.UNDECODABLE] == 9000


def test_a_millisecond_of_the_largest_values_fits_in_16_bits() -> None:
    assert 30 * MOST < 2**16


def test_a_slow_stream_is_refused() -> None:
    with pytest.raises(StreamError, match=r"above 10000 Hz, the stream has 10000 Hz"):
        PowerReader(3, 10_000, 1.0, 2.0, POWER)
