"""The firing that a bundle says to expect is that of the training trials."""

import numpy as np

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.entries.channels.expectation_entry import expectation_entry
from rt_ner.core.contract.faults.fault import Fault
from rt_ner.offline.expectation.measured import measured_expectation
from tests.helpers.firing import HOP_NS, HOPS_PER_S, firing, rates_hz


def test_rates_silences_and_most_are_measured_without_gaps() -> None:
    counts = firing(rates_hz(), 60)
    counts[200:300, 5] = 0
    counts[199, 5] = counts[300, 5] = 1
    counts[400:600, 7] = 100
    is_counted = np.ones(len(counts), dtype=np.bool_)
    # In the gap, nothing is known: neither silence nor spikes.
    counts[700:900] = 0
    is_counted[700:900] = False
    found = measured_expectation(counts, is_counted, HOP_NS)
    assert found is not None
    np.testing.assert_allclose(found.rate_hz, counts[is_counted].mean(axis=0) * HOPS_PER_S)
    assert found.silence_s[5] == 5.0
    assert found.silence_s.max() == 5.0
    assert found.most_hz[7] == 2000.0
    assert np.delete(found.most_hz, 7).max() < 100


def test_nothing_is_expected_of_a_session_that_is_too_short() -> None:
    counts = firing(rates_hz(), 5)
    is_counted = np.ones(len(counts), dtype=np.bool_)
    assert measured_expectation(counts, is_counted, HOP_NS) is None
    assert measured_expectation(counts, ~is_counted, HOP_NS) is None


def test_a_bundle_holds_what_to_expect(small_bundle: Bundle) -> None:
    entry, found = small_bundle.manifest.expectation, small_bundle.model.expectation
    assert entry is not None
    assert found is not None
    assert found.rate_hz.shape == (96,)
    assert found.rate_hz.sum() > 0
    table = small_bundle.manifest.corruption
    assert table is not None
    assert found.r2_with is not None
    assert found.r2 == table.r2
    assert found.r2_with(Fault.DEAD_BANK, 1) == table.r2_with(Fault.DEAD_BANK, 1)
    assert found.r2_with("hot channels", 0.1) is None
    assert expectation_entry(found) == entry
