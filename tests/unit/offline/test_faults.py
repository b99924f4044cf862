"""Faults of the input: corrupt counts, and the R² that a bundle keeps under each."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.entries.corruption_entry import CorruptionTable, FaultScore, fault_rows
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.arrays import AnyArray
from rt_ner.core.contract.faults.fault import Fault
from rt_ner.data.session.session import Session
from rt_ner.offline.decoding import decode
from rt_ner.offline.faults import measurement
from rt_ner.offline.faults.corruption import banks, corrupted, severities
from rt_ner.offline.faults.measurement import corruption_table
from rt_ner.offline.scores import Comparison, compare, only_trials

HOP_NS = 10_000_000
MEASURED = [fault for fault in Fault if fault is not Fault.HOT_CHANNELS]


def drawn(n_hops: int = 2000, n_channels: int = 96, rate: float = 0.5) -> AnyArray:
    return np.random.default_rng(1).poisson(rate, (n_hops, n_channels)).astype(np.uint16)


def faulty(fault: Fault, severity: float, counts: AnyArray, seed: int = 0) -> AnyArray:
    return corrupted(counts, fault, severity, HOP_NS, np.random.default_rng(seed))


@given(st.sampled_from(MEASURED), st.integers(1, 130), st.integers(0, 5))
def test_a_fault_is_repeatable_and_leaves_its_input_alone(
    fault: Fault, n_channels: int, seed: int
) -> None:
    counts = drawn(30, n_channels)
    before = counts.copy()
    for severity in severities(fault, n_channels):
        one, other = (faulty(fault, severity, counts, seed) for _ in range(2))
        np.testing.assert_array_equal(one, other)
        assert one.dtype == counts.dtype
        assert one.shape == counts.shape
        assert fault.in_words(severity)
    np.testing.assert_array_equal(counts, before)


@given(st.integers(1, 300))
def test_banks_are_alike_and_do_not_overlap(n_channels: int) -> None:
    found = banks(n_channels)
    sizes = {bank.stop - bank.start for bank in found}
    assert sizes == {32 if n_channels >= 64 else max(1, n_channels // 3)}
    assert all(one.stop == other.start for one, other in zip(found, found[1:], strict=False))
    assert found[-1].stop <= n_channels


def test_dead_channels_are_silent_and_the_others_as_they_were() -> None:
    counts = drawn() + 1
    for fault, severity, n_dead in (
        (Fault.DEAD_CHANNELS, 0.2, 19),
        (Fault.DEAD_BANK, 1, 32),
        (Fault.DEAD_BANK, 2, 64),
    ):
        result = faulty(fault, severity, counts)
        dead = ~result.any(axis=0)
        assert dead.sum() == n_dead
        np.testing.assert_array_equal(result[:, ~dead], counts[:, ~dead])
    (first, *_, last) = np.flatnonzero(~faulty(Fault.DEAD_BANK, 1, counts).any(axis=0))
    assert last - first == 31


def test_swapped_channels_hold_one_anothers_counts() -> None:
    counts = np.tile(np.arange(96, dtype=np.uint16), (3, 1))
    moved = faulty(Fault.SWAPPED_CHANNELS, 0.2, counts)[0]
    assert (moved != counts[0]).sum() == 20
    np.testing.assert_array_equal(moved[moved], counts[0])
    moved = faulty(Fault.SWAPPED_BANKS, 3, counts)[0]
    assert (moved != counts[0]).all()
    assert sorted(moved) == list(range(96))


@pytest.mark.parametrize("factor", [0.5, 0.7, 1.4, 2.0])
def test_gain_scales_the_rate(factor: float) -> None:
    counts = drawn()
    result = faulty(Fault.GAIN, factor, counts)
    assert result.mean() / counts.mean() == pytest.approx(factor, rel=0.02)
    assert not result[counts == 0].any()


def test_common_noise_is_on_all_channels_at_once() -> None:
    counts = drawn()
    added = faulty(Fault.COMMON_NOISE, 10, counts) - counts
    assert (added == added[:, :1]).all()
    assert int(added[:, 0].sum()) == pytest.approx(200, rel=0.3)


def test_mains_hum_is_periodic() -> None:
    counts = np.zeros((100, 4), np.uint16)
    hum = faulty(Fault.MAINS, 1.0, counts)
    assert hum.sum(axis=0).tolist() == [60] * 4
    np.testing.assert_array_equal(hum[:5], hum[5:10])
    assert faulty(Fault.MAINS, 0.3, drawn() * 0).mean() == pytest.approx(0.18, rel=0.1)


def test_lost_packets_are_stretches_of_nothing() -> None:
    counts = drawn(20_000, 2) + 1
    lost = ~faulty(Fault.LOST_PACKETS, 0.1, counts).any(axis=1)
    assert lost.mean() == pytest.approx(0.1, abs=0.03)
    assert (lost.reshape(-1, 10).mean(axis=1) % 1 == 0).all()


def test_small_arrays_skip_what_they_can_not_have() -> None:
    assert severities(Fault.DEAD_BANK, 96) == (1, 2)
    assert severities(Fault.DEAD_BANK, 64) == (1,)
    for fault in (Fault.DEAD_BANK, Fault.DEAD_CHANNELS, Fault.SWAPPED_BANKS):
        assert not severities(fault, 1)
    assert severities(Fault.GAIN, 1)


def held_out(bundle: Bundle, session: Session) -> Comparison:
    model = bundle.model
    whole = compare(decode(bundle, session), session, model.window.hop_ns)
    first = bundle.manifest.training.n_train_trials
    return only_trials(whole, first, len(session.trials), model.window.history_ns)


def test_without_a_fault_the_score_is_that_of_the_decoder(
    small_bundle: Bundle, small_session: Session
) -> None:
    table = small_bundle.manifest.corruption
    assert table is not None
    assert table.r2 == pytest.approx(small_bundle.scores.r2, abs=1e-3)
    assert {score.fault for score in table.faults} == set(MEASURED)
    again = corruption_table(
        small_bundle.model, small_session, held_out(small_bundle, small_session).labels, seed=0
    )
    assert again == table


def test_a_readout_with_a_memory_decodes_hops_in_order(
    small_bundle: Bundle, small_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from rt_ner.decoding.readouts.readout import Readout

    readout = small_bundle.model.readout
    kalman = Readout(0.1 * readout.matrix, 0.1 * readout.bias, readout.outputs, 0.9 * np.eye(2))
    model = replace(small_bundle.model, readout=kalman)
    labels = held_out(small_bundle, small_session).labels
    monkeypatch.setattr(measurement, "severities", lambda fault, _: (0.5,) * (fault is Fault.GAIN))
    monkeypatch.setattr(measurement, "_MOST_DECODED", 200)
    table = corruption_table(model, small_session, labels, seed=0)
    assert table is not None
    in_order = measurement._probe(model, small_session, labels)
    np.testing.assert_array_equal(np.diff(in_order.rows), 1)
    n_hops = len(in_order.rows)
    assert n_hops <= 200
    assert table.n_hops == in_order.is_scored.sum() < n_hops, "between trials nothing is labelled"
    linear = measurement._probe(small_bundle.model, small_session, labels)
    assert linear.rows[-1] > 2 * in_order.rows[-1]
    assert linear.is_scored.all()


def test_the_nearest_severity_is_looked_up() -> None:
    scores = [(Fault.GAIN, 0.7, 0.8), (Fault.GAIN, 1.4, 0.7), (Fault.DEAD_BANK, 1, 0.6)]
    table = CorruptionTable(
        r2=0.9,
        n_hops=10,
        faults=tuple(FaultScore(fault=f, severity=s, r2=r2) for f, s, r2 in scores),
    )
    assert table.r2_with(Fault.GAIN, 0.75) == 0.8
    assert table.r2_with(Fault.GAIN, 9) == 0.7
    assert table.r2_with(Fault.DEAD_BANK, 2) == 0.6
    assert table.r2_with(Fault.MAINS, 1) is None
    assert fault_rows(table) == {
        "R² without a fault": "0.90 on 10 held-out hops",
        "R² with gain": "× 0.7: 0.80, × 1.4: 0.70",
        "R² with dead bank": "1 bank: 0.60",
    }


def test_older_bundles_have_none_and_say_so() -> None:
    old = load_bundle(Path(__file__).parents[2] / "helpers" / "bundle_0_1")
    assert old.manifest.corruption is None
    assert "corruption" not in old.manifest.model_dump()
    assert fault_rows(None) == {"R² under faults": "not measured"}
