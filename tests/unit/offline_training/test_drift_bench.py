"""The bench of drift plays a session in order, drifts as it says, and scores the last round."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from offline_training.bench.drift.channels import ChannelDrift, random_drift, rounds_of
from offline_training.bench.drift.measurement import (
    DriftPlan,
    DriftRow,
    measure_drift,
    summary_of,
)
from offline_training.dataset.split import split_session
from offline_training.settings import EnsembleSettings
from offline_training.training import fit_decoder
from rt_ner.core.clock import NS_PER_MS, NS_PER_S
from rt_ner.core.quantities.interval import Mean
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.scores import compare, only_trials
from tests.helpers.sessions import quick_settings

HOP_NS = 30 * NS_PER_MS
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def session(small_session: Session) -> Session:
    """The small session with its spikes in bins of 30 ms, which are quickly decoded."""
    n_bins = small_session.end_ns // HOP_NS
    raster = np.concatenate([c.counts for c in small_session.spikes.raster(0, n_bins * HOP_NS)])
    counts = raster.reshape(n_bins, 30, -1).sum(axis=1).astype(np.uint8)
    return replace(small_session, spikes=SpikeCounts(counts, HOP_NS))


def test_rounds_follow_one_another_without_a_pause(session: Session) -> None:
    rounds = rounds_of(session, HOP_NS, 3 * session.end_ns)
    chunks = list(rounds.chunks())
    stamps_ns = np.concatenate([chunk.stamp_ns for chunk in chunks])
    assert rounds.number == 3
    assert (np.diff(stamps_ns) == HOP_NS).all()
    assert stamps_ns[-1] == 3 * rounds.length_ns
    counts = np.concatenate([chunk.counts for chunk in chunks]).reshape(3, -1, 96)
    np.testing.assert_array_equal(counts[0], counts[2])
    assert rounds_of(session, HOP_NS, NS_PER_S).number == 1


def test_channels_drift_from_what_they_were_to_gain_and_offset(session: Session) -> None:
    n_channels = 96
    counts = np.full((len(session.spikes.counts), n_channels), 4, dtype=np.uint8)
    even = replace(session, spikes=SpikeCounts(counts, HOP_NS))
    gain = np.repeat([0.7, 1.0, 1.4], n_channels // 3)
    added = np.repeat([0.0, 0.8, 0.4], n_channels // 3)
    rounds = rounds_of(even, HOP_NS, 20 * even.end_ns)
    drift = ChannelDrift(gain, added)
    drifted = np.concatenate([chunk.counts for chunk in rounds.drifting(drift, 0)])
    again = np.concatenate([chunk.counts for chunk in rounds.drifting(drift, 0)])
    np.testing.assert_array_equal(drifted, again)
    for part in (0.02, 0.5, 0.98):
        near = slice(*(int(len(drifted) * (part + step)) for step in (-0.02, 0.02)))
        mean = drifted[near].reshape(-1, 3, n_channels // 3).mean(axis=(0, 2))
        expected = 4 * np.array([0.7, 1.0, 1.4]) ** part + part * np.array([0.0, 0.8, 0.4])
        np.testing.assert_allclose(mean, expected, rtol=0.02)


def test_at_the_end_all_of_the_drift_is_there_and_the_rest_as_before(session: Session) -> None:
    rounds = rounds_of(session, HOP_NS, 5 * session.end_ns)
    none = ChannelDrift(np.ones(96), np.zeros(96))
    (same,) = rounds.at_the_end(none, 0).chunks()
    (before,) = session.spikes.raster(0, session.end_ns)
    np.testing.assert_array_equal(same.counts, before.counts)
    np.testing.assert_array_equal(same.stamp_ns, before.stamp_ns)
    (more,) = rounds.at_the_end(ChannelDrift(np.ones(96), np.full(96, 2.0)), 0).chunks()
    assert (more.counts.mean() - before.counts.mean()) == pytest.approx(2, rel=0.02)


def test_a_random_drift_is_within_its_bounds(session: Session) -> None:
    drift = random_drift(session, np.random.default_rng(0))
    mean = session.spikes.counts.mean(axis=0)
    assert 0.7 <= drift.gain.min() < 0.8
    assert 1.3 < drift.gain.max() <= 1.4
    assert ((drift.added >= 0) & (drift.added <= 0.2 * mean)).all()


def test_a_round_without_drift_scores_as_a_training_does(session: Session) -> None:
    settings, device = quick_settings(steps=10, ensemble=EnsembleSettings(members=1)), CPU
    parts: list[float] = []
    plan = DriftPlan([session], settings, device, 1, session.end_ns / NS_PER_S / 3600)
    (row,) = measure_drift(plan, lambda _, part, __=None: parts.append(part), lambda _: None)
    split = split_session(session, settings)
    model, _ = fit_decoder(session, split, settings, device, lambda *_: None)
    whole = compare(decode_session(model, session), session, HOP_NS)
    n_trials = len(session.trials)
    held_out = only_trials(whole, split.n_train, n_trials, split.shape.history_ns)
    assert row.still_off_r2 == held_out.r2()
    assert row.rounds == 1
    assert parts == sorted(parts)
    assert parts[-1] == 1
    assert len({row.still_off_r2, row.still_on_r2, row.drifting_off_r2, row.drifting_on_r2}) == 4


def test_the_gain_has_an_interval_over_rows() -> None:
    rows = [DriftRow("a", seed, 9, 0.9, 0.9, 0.5, 0.7 + 0.1 * seed, 0.9) for seed in range(3)]
    summary = summary_of(rows)
    assert summary["still_gain"] == Mean(0, (0, 0))
    assert summary["drifting_gain"].mean == pytest.approx(0.3)
    assert summary["drifting_gain"].interval95 == pytest.approx((0.2, 0.4))
    assert f"{summary['drifting_gain']:.3f}" == "0.300 (0.200 to 0.400)"
    assert summary_of(rows[:1])["drifting_gain"].interval95 is None
