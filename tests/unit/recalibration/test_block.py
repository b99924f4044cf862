"""Blocks in the loop: intended velocity, sessions of reaches, gaps, speed of a refit."""

from dataclasses import replace

import numpy as np
import pytest

from rt_ner.core.contract.kinds import Kind
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.recalibration.block import ClosedLoopBlock, block_of
from rt_ner.recalibration.intention.labels import refit_labels
from rt_ner.recalibration.readouts.refit import as_fast

HOP_NS = 10_000_000


def block(rng: np.random.Generator, n: int = 400) -> ClosedLoopBlock:
    """Reaches of 0.8 s to two targets, with a pause after each."""
    target = np.full((n, 3), np.nan)
    for start in range(0, n, 100):
        target[start : start + 80] = (6.0, 0.0, 1.5) if start % 200 else (0.0, -6.0, 1.5)
    known = np.isfinite(target[:, 0])
    begins = known & np.append(True, ~known[:-1])
    return ClosedLoopBlock(
        channel_ids=("a", "b"),
        hop_ns=HOP_NS,
        is_heard=np.ones(n, dtype=np.bool_),
        counts=rng.poisson(0.3, size=(n, 2)),
        hand_cm_s=rng.normal(size=(n, 2)),
        decoded_cm_s=rng.normal(size=(n, 2)),
        cursor_cm=rng.normal(size=(n, 2)),
        target=target,
        reach=np.where(known, np.cumsum(begins) - 1, -1),
    )


def test_intended_velocity_points_to_the_target_as_fast_as_decoded(
    rng: np.random.Generator,
) -> None:
    played = block(rng)
    played.cursor_cm[10] = played.target[10, :2] + [0.5, 0.0]
    labels, known = refit_labels(played)
    assert known.tolist() == np.isfinite(played.target[:, 0]).tolist()
    assert labels[10].tolist() == [0.0, 0.0]
    for hop in (0, 50, 130):
        way = played.target[hop, :2] - played.cursor_cm[hop]
        assert way[0] * labels[hop][1] == pytest.approx(way[1] * labels[hop][0])
        assert way @ labels[hop] > 0
        assert np.hypot(*labels[hop]) == pytest.approx(np.hypot(*played.decoded_cm_s[hop]))


def test_a_block_becomes_a_session_of_its_reaches(rng: np.random.Generator) -> None:
    played = block(rng)
    labels, known = refit_labels(played)
    session = played.session("test", labels, known)
    assert len(session.trials) == 4
    assert (session.trials.start_ns // HOP_NS).tolist() == [0, 100, 200, 300]
    assert (session.trials.end_ns // HOP_NS).tolist() == [80, 180, 280, 380]
    velocity, at = session.behaviour.at(np.array([50, 90]) * HOP_NS)
    assert at.tolist() == [True, False], "nothing was meant between trials"
    np.testing.assert_array_equal(velocity[0], labels[49])


def test_a_refitted_readout_is_as_fast_as_the_one_in_use(rng: np.random.Generator) -> None:
    latents = rng.normal(size=(500, 3)).astype(np.float32)
    in_use = (latents @ rng.normal(size=(3, 2)) * 7).astype(np.float32)
    slow = Readout(rng.normal(size=(3, 2)), np.zeros(2))
    scaled = as_fast(slow, latents, in_use)
    speeds = [np.square(v).sum() for v in (latents @ scaled.matrix + scaled.bias, in_use)]
    assert speeds[0] == pytest.approx(speeds[1], rel=1e-5)
    np.testing.assert_allclose(scaled.matrix / slow.matrix, scaled.matrix[0, 0] / slow.matrix[0, 0])


def test_no_label_is_used_for_a_while_after_counts_that_were_not_recorded(
    rng: np.random.Generator,
) -> None:
    played = block(rng)
    is_heard = played.is_heard.copy()
    is_heard[150] = False
    whole, broken = (
        replace(played, is_heard=heard).session("test", *refit_labels(played))
        for heard in (played.is_heard, is_heard)
    )
    at = (np.array([149, 150, 200, 250, 252]) + 1) * HOP_NS
    assert whole.behaviour.at(at)[1].tolist() == [True, True, True, True, True]
    assert broken.behaviour.at(at)[1].tolist() == [True, False, False, False, True]


def test_hops_that_were_decoded_without_a_source_count_as_not_recorded() -> None:
    """A decoder of several sources sends counts that are not whole for one that is away."""
    ends_ns = (np.arange(6, dtype=np.int64) + 1) * HOP_NS
    counts = np.array([[0, 2], [1, 0], [1, 0.25], [2, 0.25], [0, 0], [3, 1]])
    aimed = np.tile([6.0, 0.0, 1.5, 1.0], (6, 1))
    heard = {
        Kind.COUNTS: (ends_ns, counts),
        Kind.VELOCITY: (ends_ns, np.zeros((6, 2))),
        Kind.CURSOR: (ends_ns, np.zeros((6, 2))),
        Kind.TARGET: (ends_ns, aimed),
    }
    played = block_of(heard, ("a", "b"), HOP_NS)
    assert played.is_heard.tolist() == [True, True, False, False, True, True]


def test_a_block_can_be_ended_earlier(rng: np.random.Generator) -> None:
    played = block(rng)
    assert repr(played) == "<ClosedLoopBlock: 2 channels, 4 reaches, 4 s>"
    early = played.until(2_000_000_000)
    assert repr(early) == "<ClosedLoopBlock: 2 channels, 2 reaches, 2 s>"
    assert len(early.counts) == len(early.reach) == 200
    assert (played.n_reaches, early.n_reaches) == (4, 2)
