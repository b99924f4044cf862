"""Spikes are found at the right samples of a voltage, whatever the chunks, and few others."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.detector import Detector, DetectorSettings

RATE_HZ = 30_000
SETTLE = 1500  # 50 ms
LEARNED = 3000  # 0.1 s
QUICK = DetectorSettings(learn_s=0.1)


def run(
    detector: Detector, voltage: np.ndarray, cuts: Sequence[int] = ()
) -> tuple[np.ndarray, int]:
    """Return the crossings of a voltage given in pieces, and the number of invalid samples."""
    # Whatever was in the buffer before must be written over.
    crossings = np.full(voltage.shape, 7, dtype=np.int8)
    edges = [0, *sorted(cuts), len(voltage)]
    n_invalid = sum(
        detector.read(voltage[a:b], crossings[a:b]) for a, b in zip(edges, edges[1:], strict=False)
    )
    return crossings, n_invalid


def band_passed(voltage: np.ndarray, low_hz: float = 300, high_hz: float = 6000) -> np.ndarray:
    """Return the voltage filtered by SciPy, as if the first sample had lasted for ever."""
    sections = [
        scipy.signal.butter(2, low_hz, "high", fs=RATE_HZ, output="sos"),
        scipy.signal.butter(2, high_hz, "low", fs=RATE_HZ, output="sos"),
    ]
    return scipy.signal.sosfilt(np.vstack(sections), voltage - voltage[0], axis=0)


def noise_and_spikes(seed: int, n_samples: int, n_channels: int) -> np.ndarray:
    """Return noise of RMS 20 on an offset, with a trough of 300 about every 7 ms, as integers."""
    rng = np.random.default_rng(seed)
    voltage = rng.normal(500.0, 20.0, (n_samples, n_channels))
    for channel in range(n_channels):
        for start in rng.integers(0, n_samples - 4, n_samples // 200):
            voltage[start : start + 4, channel] -= (150, 300, 200, 80)
    return np.rint(voltage)


def literal_crossings(filtered: np.ndarray, rms: list[float], start: int) -> np.ndarray:
    """Return crossings by the definition at 4.5 RMS and 1 ms, per channel, from ``start``."""
    crossings = np.zeros(filtered.shape, dtype=np.int8)
    for channel in range(filtered.shape[1]):
        trace, threshold = filtered[:, channel].tolist(), -4.5 * rms[channel]
        last = -math.inf
        for sample in range(start, len(trace)):
            falls = trace[sample] < threshold and not trace[sample - 1] < threshold
            if falls and sample - last >= 30:
                crossings[sample, channel] = 1
                last = sample
    return crossings


@pytest.mark.parametrize(("low_hz", "high_hz"), [(300, 6000), (250, 5000), (500, 14_900)])
def test_the_filter_is_the_butterworth_cascade_and_the_rms_its_median(
    low_hz: float, high_hz: float
) -> None:
    """The median of an odd number of samples is one of them, so 1e-9 tests the filter too."""
    voltage = noise_and_spikes(1, 3001, 64) / 300
    detector = Detector(
        64, RATE_HZ, DetectorSettings(low_hz=low_hz, high_hz=high_hz, learn_s=0.10004)
    )
    run(detector, voltage[:3000])
    assert not detector.learned
    assert np.isnan(detector.rms).all()
    run(detector, voltage[3000:])
    assert detector.learned
    filtered = band_passed(voltage, low_hz, high_hz)[SETTLE:]
    literal = np.sort(np.abs(filtered), axis=0)[750] / 0.6745
    np.testing.assert_allclose(detector.rms, literal, rtol=0, atol=1e-9)


def test_a_long_stretch_is_learned_from_evenly_spaced_samples() -> None:
    voltage = noise_and_spikes(2, 30_000, 4)
    detector = Detector(4, RATE_HZ, DetectorSettings(learn_s=1.0))
    crossings, _ = run(detector, voltage)
    # 28500 samples in steps of 7: the smallest step that leaves no more than 4096.
    filtered = band_passed(voltage)[SETTLE::7]
    literal = np.median(np.abs(filtered), axis=0) / 0.6745
    np.testing.assert_allclose(detector.rms, literal, rtol=1e-9)
    assert detector.learned
    assert not crossings[:-7].any()


def test_crossings_equal_a_literal_search() -> None:
    voltage = noise_and_spikes(3, 60_000, 5)
    detector = Detector(5, RATE_HZ, QUICK)
    crossings, n_invalid = run(detector, voltage)
    filtered = band_passed(voltage)
    rms = [float(np.median(np.abs(filtered[SETTLE:LEARNED, k]))) / 0.6745 for k in range(5)]
    np.testing.assert_allclose(detector.rms, rms, rtol=1e-9)
    np.testing.assert_array_equal(crossings, literal_crossings(filtered, rms, LEARNED))
    assert n_invalid == 0
    assert crossings.sum() > 1000


@given(data=st.data())
def test_chunking_does_not_matter(data: st.DataObject) -> None:
    """Any split, before, in and after learning, gives the same crossings and RMS, to the bit."""
    learn_s = data.draw(st.sampled_from([0.1, 0.2]))
    voltage = noise_and_spikes(data.draw(st.integers(0, 99)), 8000, 3)
    for sample in data.draw(st.lists(st.integers(0, 7999), max_size=5)):
        voltage[sample, sample % 3] = np.nan
    cuts = data.draw(st.lists(st.integers(0, 8000), max_size=30))
    ones = data.draw(st.integers(0, 7900))
    cuts += range(ones, ones + 100)
    once, split = (Detector(3, RATE_HZ, DetectorSettings(learn_s=learn_s)) for _ in range(2))
    whole, n_whole = run(once, voltage)
    pieces, n_pieces = run(split, voltage, cuts)
    assert pieces.tobytes() == whole.tobytes()
    assert split.rms.tobytes() == once.rms.tobytes()
    assert n_pieces == n_whole
    assert whole.any()


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.float32])
def test_the_type_of_the_numbers_does_not_matter(kind: type) -> None:
    voltage = noise_and_spikes(4, 9000, 3)
    expected, _ = run(Detector(3, RATE_HZ, QUICK), voltage)
    crossings, _ = run(Detector(3, RATE_HZ, QUICK), voltage.astype(kind))
    np.testing.assert_array_equal(crossings, expected)
    assert expected.any()


def test_columns_of_a_wider_array_will_do() -> None:
    voltage = noise_and_spikes(4, 9000, 6)
    expected, _ = run(Detector(3, RATE_HZ, QUICK), voltage[:, ::2].copy())
    crossings, _ = run(Detector(3, RATE_HZ, QUICK), voltage[:, ::2])
    np.testing.assert_array_equal(crossings, expected)


@pytest.mark.parametrize(("refractory_ms", "expected"), [(0, 6), (1, 6), (1.1, 3), (2.5, 2)])
def test_a_channel_is_refractory_after_a_crossing(refractory_ms: float, expected: int) -> None:
    """Six troughs, 1 ms apart."""
    voltage = np.random.default_rng(5).normal(0.0, 1.0, (6000, 1))
    for start in range(4000, 4180, 30):
        voltage[start : start + 5] -= 40
    detector = Detector(1, RATE_HZ, DetectorSettings(learn_s=0.1, refractory_ms=refractory_ms))
    assert run(detector, voltage)[0].sum() == expected


@pytest.mark.parametrize("offset", [0.0, -3e4, 0.1, 1e-7])
def test_a_channel_that_is_flat_while_learning_never_crosses(offset: float) -> None:
    voltage = noise_and_spikes(6, 9000, 3)
    expected, _ = run(Detector(3, RATE_HZ, QUICK), voltage)
    voltage[:LEARNED, 1] = offset
    detector = Detector(3, RATE_HZ, QUICK)
    crossings, _ = run(detector, voltage)
    assert detector.rms[1] == 0
    assert not crossings[:, 1].any()
    np.testing.assert_array_equal(crossings[:, [0, 2]], expected[:, [0, 2]])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("at", [0, 2000, 5000])
def test_what_is_no_voltage_is_taken_as_the_one_before_and_counted(value: float, at: int) -> None:
    voltage = noise_and_spikes(7, 9000, 3)
    held = voltage.copy()
    held[at, 1] = held[at - 1, 1] if at else 0
    held[at + 1, 1:] = held[at, 1:]
    expected, _ = run(Detector(3, RATE_HZ, QUICK), held)
    voltage[at, 1] = voltage[at + 1, 1:] = value
    crossings, n_invalid = run(Detector(3, RATE_HZ, QUICK), voltage)
    np.testing.assert_array_equal(crossings, expected)
    assert n_invalid == 2
    assert crossings[6000:].any(axis=0).all()


def test_what_is_no_voltage_invents_no_spike_beside_an_offset() -> None:
    voltage = np.random.default_rng(0).standard_normal((9000, 1)) - 1000
    clean, _ = run(Detector(1, RATE_HZ, QUICK), voltage)
    voltage[[4000, 6000, 6001]] = np.nan
    crossings, _ = run(Detector(1, RATE_HZ, QUICK), voltage)
    assert crossings.sum() <= clean.sum()


def test_an_interruption_keeps_the_thresholds_and_lets_the_filter_settle() -> None:
    voltage = noise_and_spikes(8, 9000, 3)
    detector = Detector(3, RATE_HZ, QUICK)
    run(detector, voltage)
    rms = detector.rms.copy()
    detector.interrupt()
    after = noise_and_spikes(9, 9000, 3) * 2 + 7000
    crossings, _ = run(detector, after)
    assert detector.learned
    np.testing.assert_array_equal(detector.rms, rms)
    literal = literal_crossings(band_passed(after), rms.tolist(), SETTLE)
    np.testing.assert_array_equal(crossings, literal)
    assert literal[:LEARNED].any()


def test_an_interruption_while_learning_begins_it_again() -> None:
    voltage = noise_and_spikes(10, 9000, 3)
    fresh, interrupted = (Detector(3, RATE_HZ, QUICK) for _ in range(2))
    run(interrupted, noise_and_spikes(11, LEARNED - 1, 3) * 9)
    interrupted.interrupt()
    expected, _ = run(fresh, voltage)
    crossings, _ = run(interrupted, voltage)
    np.testing.assert_array_equal(crossings, expected)
    np.testing.assert_array_equal(interrupted.rms, fresh.rms)


def test_the_detector_says_for_how_long_it_is_blind() -> None:
    voltage = noise_and_spikes(12, 9000, 3)
    detector = Detector(3, RATE_HZ, QUICK)
    assert (detector.n_channels, detector.n_blind) == (3, LEARNED)
    run(detector, voltage[:100])
    assert detector.n_blind == LEARNED - 100
    detector.interrupt()
    assert not run(detector, voltage[: detector.n_blind])[0].any()
    assert (detector.learned, detector.n_blind) == (True, 0)
    detector.interrupt()
    assert detector.n_blind == SETTLE


def test_warming_up_leaves_no_trace() -> None:
    voltage = noise_and_spikes(13, 9000, 3)
    expected, _ = run(Detector(3, RATE_HZ, QUICK), voltage)
    detector = Detector(3, RATE_HZ, QUICK)
    detector.warm_up(voltage[:5000])
    assert not detector.learned
    np.testing.assert_array_equal(run(detector, voltage)[0], expected)


def test_settings_that_cannot_be() -> None:
    with pytest.raises(ValidationError, match="low_hz = 6000 is not below high_hz = 300"):
        DetectorSettings(low_hz=6000, high_hz=300)
    for wrong in ({"learn_s": 0.05}, {"threshold_rms": 0}, {"low_hz": math.nan}, {"order": 2}):
        with pytest.raises(ValidationError):
            DetectorSettings.model_validate(wrong)
    with pytest.raises(StreamError, match="high_hz = 6000 .* 10000 Hz: lower high_hz"):
        Detector(3, 10_000, DetectorSettings())


def test_spikes_are_found_where_they_are_and_hardly_any_elsewhere() -> None:
    """White noise of RMS 1 and biphasic spikes, 20 per second: 8 channels, 18 s after learning.

    A spike's trough is 8 deep and 0.17 ms wide at half its depth; a slow peak of 2.8 follows it.
    Measured: all of 2880 are hit, 0.04 ms before the trough on average (0.1 to 0); 0.09 false
    positives per channel and second, against 0.12 in the same noise without spikes, which raise the
    threshold by 2 %.
    """
    rng = np.random.default_rng(12)
    n_channels, n_samples, learned = 8, 20 * RATE_HZ, 2 * RATE_HZ
    ms = np.arange(-30, 60) / 30
    spike = -8 * np.exp(-((ms / 0.09) ** 2)) + 2.8 * np.exp(-(((ms - 0.35) / 0.18) ** 2))
    voltage = rng.normal(0.0, 1.0, (n_samples, n_channels))
    troughs = np.arange(100, n_samples - 400, 1500)[:, None] + rng.integers(0, 300, n_channels)
    for channel in range(n_channels):
        for trough in troughs[:, channel]:
            voltage[trough - 30 : trough + 60, channel] += spike
    crossings, _ = run(Detector(n_channels, RATE_HZ, DetectorSettings()), voltage)

    n_spikes, n_false, delays_ms = 0, 0, []
    for channel in range(n_channels):
        found = np.flatnonzero(crossings[:, channel])
        true = troughs[troughs[:, channel] > learned + 30, channel]
        delay = found[:, None] - true
        hits = np.abs(delay) <= 9  # 0.3 ms
        n_spikes += true.size
        n_false += found.size - int(hits.any(axis=0).sum())
        delays_ms += [
            float(delay[hits[:, k], k][0]) / 30 for k in range(true.size) if any(hits[:, k])
        ]
    seconds = n_channels * (n_samples - learned) / RATE_HZ
    assert len(delays_ms) / n_spikes >= 0.99
    assert n_false / seconds <= 0.5
    assert abs(np.mean(delays_ms)) <= 0.1
