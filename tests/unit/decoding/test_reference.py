"""The part that a bank has in common is subtracted, causally, in any chunks; dead channels stay."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.core.contract.kinds import ChannelValue, ReferenceKind
from rt_ner.decoding.binning.detector import Detector, DetectorSettings
from rt_ner.decoding.binning.voltage.band import BandReader
from rt_ner.decoding.binning.voltage.kernels.reference import (
    Reference,
    learn_reference,
    subtract_references,
)
from rt_ner.decoding.binning.voltage.power import PowerReader
from rt_ner.decoding.binning.voltage.settings import VoltageSettings

RATE_HZ, LEARN_S = 30_000, 0.1
SETTLE, LEARNED = 1500, 3000
NONE, AVERAGE, MEDIAN, REGRESSION = ReferenceKind


def reader(voltage: VoltageSettings, n_channels: int) -> BandReader:
    if voltage.is_power:
        return PowerReader(n_channels, RATE_HZ, 1.0, LEARN_S, voltage)
    return Detector(n_channels, RATE_HZ, DetectorSettings(learn_s=LEARN_S), voltage)


def noise(n_samples: int, n_channels: int, seed: int = 0) -> np.ndarray:
    """Return noise of RMS 10 with offsets, of which banks share a part of RMS 30 by any gain."""
    rng = np.random.default_rng(seed)
    own = rng.normal(0, 10, (n_samples, n_channels)) + rng.normal(0, 3000, n_channels)
    shared = rng.normal(0, 30, (n_samples, 1))
    return np.rint(own + shared * rng.uniform(0.5, 1.5, n_channels))


def read(of: BandReader, voltage: np.ndarray, cuts: list[int] | None = None) -> np.ndarray:
    values = np.full(voltage.shape, 7, dtype=of.dtype)
    edges = [0, *sorted(cuts or []), len(voltage)]
    for a, b in zip(edges, edges[1:], strict=False):
        of.read(voltage[a:b], values[a:b])
    return values


def literal(kind: ReferenceKind, learned: np.ndarray, samples: np.ndarray, bank: int) -> np.ndarray:
    """Return samples less their reference by definition, bank by bank; without dead channels."""
    out = samples.copy()
    for first in range(0, samples.shape[1], bank):
        of_bank = range(first, min(first + bank, samples.shape[1]))
        used = [k for k in of_bank if learned[:, k].any()]
        if len(used) < 2:
            continue
        for channel in used:
            others = [k for k in used if k != channel]
            if kind is REGRESSION:
                weights = np.linalg.lstsq(learned[:, others], learned[:, channel], rcond=None)[0]
                out[:, channel] -= samples[:, others] @ weights
            else:
                level = {AVERAGE: np.mean, MEDIAN: np.median}[kind](samples[:, used], axis=1)
                out[:, channel] -= level
    return out


@pytest.mark.parametrize("kind", [AVERAGE, MEDIAN, REGRESSION])
@pytest.mark.parametrize("bank", [2, 4, 5, 11])
def test_the_reference_is_the_literal_one(kind: ReferenceKind, bank: int) -> None:
    """With a dead channel in one bank, and a last bank that is smaller or has one channel."""
    samples = noise(900, 11)
    samples -= samples.mean(axis=0)
    samples[:, 2] = 0
    learned, later = samples[:600].copy(), samples[600:].copy()
    expected = literal(kind, learned, later, bank)
    reference = Reference(
        list(ReferenceKind).index(kind), bank, np.zeros(11, np.bool_), np.zeros((11, bank)),
        np.zeros(bank),
    )  # fmt: skip
    learn_reference(learned, reference)
    assert reference.used.tolist() == [k != 2 for k in range(11)]
    subtract_references(later, reference)
    np.testing.assert_allclose(later, expected, rtol=1e-4, atol=1e-3)
    assert not later[:, 2].any()


@given(data=st.data())
def test_chunking_does_not_matter(data: st.DataObject) -> None:
    """Any split, before, in and after learning, gives the same values, to the bit."""
    voltage_settings = VoltageSettings(
        value=data.draw(st.sampled_from(ChannelValue)),
        reference=data.draw(st.sampled_from(ReferenceKind)),
        bank=data.draw(st.integers(2, 6)),
    )
    voltage = noise(4500, 5, data.draw(st.integers(0, 99)))
    voltage[1000:, data.draw(st.integers(0, 4))] *= data.draw(st.sampled_from([0, 1]))
    for sample in data.draw(st.lists(st.integers(0, 4499), max_size=5)):
        voltage[sample, sample % 5] = np.nan
    cuts = data.draw(st.lists(st.integers(0, 4500), max_size=20))
    ones = data.draw(st.integers(0, 4400))
    cuts += range(ones, ones + 100)
    whole = read(reader(voltage_settings, 5), voltage)
    pieces = read(reader(voltage_settings, 5), voltage, cuts)
    assert pieces.tobytes() == whole.tobytes()
    if voltage_settings.is_power:
        assert whole[LEARNED:].any()


@pytest.mark.parametrize(("kind", "largest"), [(AVERAGE, 0.6), (MEDIAN, 0.6), (REGRESSION, 0.5)])
def test_shared_noise_goes_and_a_channels_own_stays(kind: ReferenceKind, largest: float) -> None:
    """Offsets a hundred times as large, which differ between channels, decide nothing."""
    voltage, voltage_settings = noise(9000, 16), VoltageSettings(value="spike-band-power")
    before = read(reader(voltage_settings, 16), voltage)[LEARNED:].mean()
    referenced = VoltageSettings(value="spike-band-power", reference=kind)
    after = read(reader(referenced, 16), voltage)[LEARNED:].mean()
    own = read(reader(voltage_settings, 16), np.random.default_rng(0).normal(0, 10, (9000, 16)))
    assert 0.9 * own[LEARNED:].mean() < after < largest * before


@pytest.mark.parametrize("kind", [AVERAGE, MEDIAN, REGRESSION])
def test_a_dead_channel_changes_nothing_for_the_others(kind: ReferenceKind) -> None:
    """Flat, or never a number: the same as if the bank lacked it; and it never fires."""
    alive = noise(6000, 3)
    alive[4000:5900:100] -= 400 * np.eye(3)[np.arange(19) % 3]
    expected = read(reader(VoltageSettings(reference=kind, bank=3), 3), alive)
    for value in (0.0, -512.0, np.nan):
        voltage = np.insert(alive, 1, value, axis=1)
        crossings = read(reader(VoltageSettings(reference=kind, bank=4), 4), voltage)
        np.testing.assert_array_equal(np.delete(crossings, 1, axis=1), expected)
        assert not crossings[:, 1].any()
    assert expected.any()


def test_a_channel_that_drops_out_invents_no_spikes_on_the_others() -> None:
    voltage = np.random.default_rng(0).normal(0, 10, (9000, 8)) + 3000
    voltage_settings = VoltageSettings(reference=AVERAGE, bank=8)
    clean = read(reader(voltage_settings, 8), voltage)
    voltage[5000:5003, 0] = np.nan
    after = read(reader(voltage_settings, 8), voltage)
    assert after.sum() <= clean.sum() + 1


def test_thresholds_are_those_of_the_referenced_voltage() -> None:
    """A shared noise of 30 would hide troughs of 100; without it they are found."""
    voltage = noise(9000, 8)
    at = np.arange(4000, 8900, 300)
    for k in range(4):
        voltage[at + k, 3] -= (60, 100, 80, 40)[k]
    found = {
        kind: read(reader(VoltageSettings(reference=kind), 8), voltage)[:, 3].sum()
        for kind in (NONE, REGRESSION)
    }
    assert found[NONE] < len(at) / 2
    assert abs(found[REGRESSION] - len(at)) <= 2


def test_without_a_reference_the_bank_does_not_matter() -> None:
    assert VoltageSettings(bank=8) == VoltageSettings()
    assert VoltageSettings(reference=MEDIAN, bank=8) != VoltageSettings(reference=MEDIAN)


def test_warming_up_leaves_no_trace() -> None:
    voltage, of = noise(6000, 4), VoltageSettings(reference=REGRESSION)
    expected = read(reader(of, 4), voltage)
    warmed = reader(of, 4)
    warmed.warm_up(voltage[:2])
    np.testing.assert_array_equal(read(warmed, voltage), expected)
