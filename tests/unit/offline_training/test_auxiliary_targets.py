"""Auxiliary targets: the same as a loop over trials finds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from offline_training.ner.auxiliary_targets import auxiliary_targets
from rt_ner.offline.labels import Labels

HOP_NS = 10_000_000
STEP_NS = 3 * HOP_NS


def labels_of(hops: list[int], rng: np.random.Generator) -> Labels:
    trial = np.repeat(np.arange(len(hops)), hops)
    gaps = rng.integers(1, 3, size=trial.size)
    return Labels(
        end_ns=np.cumsum(gaps) * HOP_NS,
        values=rng.normal(size=(trial.size, 2)),
        direction_deg=rng.uniform(0, 360, size=len(hops))[trial],
        trial=trial,
    )


def literal(labels: Labels) -> np.ndarray:
    rows = []
    for hop in range(len(labels)):
        mine = np.flatnonzero(labels.trial == labels.trial[hop])
        row: list[float] = []
        for steps in (-8, -4, 4, 8):
            wanted_ns = labels.end_ns[hop] + steps * STEP_NS
            reached = [other for other in mine if labels.end_ns[other] >= wanted_ns]
            row += list(labels.values[reached[0] if reached else mine[-1]])
        position = np.zeros(2)
        for before, after in zip(mine, mine[1:], strict=False):
            if after <= hop:
                mean = (labels.values[before] + labels.values[after]) / 2
                position += mean * (labels.end_ns[after] - labels.end_ns[before]) / 1e9
        angle = np.deg2rad(labels.direction_deg[hop])
        rows.append([*row, *position, np.cos(angle), np.sin(angle)])
    return np.array(rows)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=5), st.integers(0, 2**32 - 1))
def test_it_is_what_a_loop_over_trials_finds(hops: list[int], seed: int) -> None:
    labels = labels_of(hops, np.random.default_rng(seed))
    expected = literal(labels)
    expected -= expected.mean(axis=0)
    spread = expected.std(axis=0)
    expected /= np.where(spread > 1e-9, spread, 1.0)
    got = auxiliary_targets(labels, STEP_NS)
    varies = spread > 1e-9
    np.testing.assert_allclose(got[:, varies], expected[:, varies], atol=1e-6)
    assert np.isfinite(got).all()


def test_what_never_changes_asks_for_nothing() -> None:
    labels = labels_of([5, 5], np.random.default_rng(0))
    still = Labels(
        labels.end_ns, np.ones_like(labels.values), 0 * labels.direction_deg, labels.trial
    )
    got = auxiliary_targets(still, STEP_NS)
    np.testing.assert_allclose(got[:, :8], 0, atol=1e-12)
    np.testing.assert_allclose(got[:, 10:], 0, atol=1e-12)
