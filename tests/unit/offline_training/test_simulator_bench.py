"""The bench of the simulated subject: orderings, a recorded loop, and changes from day to day."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from drivers.simulated.subject.neurons import made_up
from offline_training.bench.simulator import blocks
from offline_training.bench.simulator.blocks import BlocksPlan, Row, measure_blocks
from offline_training.bench.simulator.days import measure_days
from offline_training.bench.simulator.orderings import orderings_of
from offline_training.bench.simulator.recorded.fitted_subject import shared_noise
from offline_training.closed_loop.in_process.simulation import (
    LoopTiming,
    Reference,
    SimulatedBlock,
    simulate_block,
)
from offline_training.settings import TrainSettings
from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.errors import SessionError
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.task.settings import TaskSettings

TASK = TaskSettings(trials=3, seed=2)
FEW = made_up(np.random.default_rng(0), n_electrodes=6)


def test_an_added_delay_makes_the_same_subject_slower() -> None:
    prompt, late = (
        simulate_block(
            FEW, Reference.IDEAL, TASK, 1, timing=LoopTiming(added_delay_ns=delay_ms * NS_PER_MS)
        )
        for delay_ms in (0, 200)
    )
    assert late.score.acquire_s_median > prompt.score.acquire_s_median
    first = [int(np.argmax(each.block.cursor_cm.any(axis=1))) for each in (prompt, late)]
    assert first[1] - first[0] == 20


def test_hops_of_any_length_hold_the_same_spikes() -> None:
    usual = simulate_block(FEW, Reference.HAND, TASK, 1)
    other = simulate_block(FEW, Reference.HAND, TASK, 1, timing=LoopTiming(45 * NS_PER_MS))
    n = len(other.block.counts) // 2 * 2
    joined = usual.block.counts[: n // 2 * 9].reshape(n // 2, 9, -1).sum(axis=1)
    np.testing.assert_array_equal(other.block.counts[:n].reshape(n // 2, 2, -1).sum(axis=1), joined)
    assert other.block.hop_ns == 45 * NS_PER_MS


def test_every_block_has_a_row_with_its_decoder_and_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is learned here: decoders are names, which the blocks receive."""
    heard = simulate_block(FEW, Reference.HAND, TASK, 1, timing=LoopTiming(5 * NS_PER_MS))
    calls: list[tuple[object, int]] = []

    def simulated(
        _neurons: object, mover: object, _task: object, _seed: int, *, timing: LoopTiming
    ) -> SimulatedBlock:
        calls.append((mover, timing.added_delay_ns // NS_PER_MS))
        return heard

    def trained(model: str) -> SimpleNamespace:
        return SimpleNamespace(
            bundle=SimpleNamespace(model=model), held_out=SimpleNamespace(r2=lambda: 0.5)
        )

    monkeypatch.setattr(blocks, "DELAYS_MS", (0, 300))
    monkeypatch.setattr(blocks, "BINS_MS", (50, 100))
    monkeypatch.setattr(blocks, "simulate_block", simulated)
    monkeypatch.setattr(blocks, "train_kalman", lambda _, bin_ms: trained(f"filter {bin_ms}"))
    monkeypatch.setattr(
        blocks, "refit_kalman", lambda _block, _first: SimpleNamespace(trained=trained("refitted"))
    )
    monkeypatch.setattr(blocks, "trained_on_hand", lambda *_: trained("ner").bundle)
    plan = BlocksPlan(lambda _: FEW, TrainSettings(), torch.device("cpu"), 12, 12)
    parts: list[float] = []
    rows = measure_blocks(plan, [0], lambda _stage, part: parts.append(part))
    filters = [("filter 50", 0), ("refitted", 0), ("filter 100", 0)]
    movers = [(mover, delay_ms) for mover in ("ner", Reference.IDEAL) for delay_ms in (0, 300)]
    assert calls == [(Reference.HAND, 0), *filters, *filters, *movers]
    assert [(row.decoder, row.delay_ms) for row in rows[2:5]] == [
        ("Kalman", 0),
        ("Kalman on the later hand", 0),
        ("Kalman on the later hand after ReFIT", 0),
    ]
    assert [row.delay_ms for row in rows if row.decoder == "NER"] == [0, 300]
    assert parts == sorted(parts)


def published(throughput_bps: dict[str, float]) -> list[Row]:
    """Rows of one seed that have everything in the published order."""
    base = Row(0, "", 0, 0.0, 1.0, 0.5, 0.0)
    rows = [
        replace(
            base,
            decoder=decoder,
            delay_ms=delay_ms,
            throughput_bps=throughput_bps[decoder] - delay_ms / 1e3,
            acquire_s=0.5 + (2 if decoder == "NER" else 1) * delay_ms / 1e3,
        )
        for decoder in ("NER", "ideal")
        for delay_ms in blocks.DELAYS_MS
    ]
    for decoder in ("Kalman", "Kalman on the later hand"):
        rows += [
            replace(
                base,
                decoder=decoder,
                bin_ms=bin_ms,
                throughput_bps=throughput_bps[decoder] - bin_ms / 1e3,
                acquire_s=1.0,
                dial_in_s=0.2,
                offline_r2=0.5 + bin_ms / 1e3,
            )
            for bin_ms in blocks.BINS_MS
        ]
    for refit in ("Kalman after ReFIT", "Kalman on the later hand after ReFIT"):
        bps = throughput_bps.get(refit, 2.0)
        rows.append(replace(base, decoder=refit, bin_ms=50, throughput_bps=bps))
    return rows


def test_an_ordering_holds_only_if_the_means_are_in_order() -> None:
    bps = {
        "ideal": 4.0,
        "NER": 3.0,
        "Kalman after ReFIT": 2.5,
        "Kalman": 2.0,
        "Kalman on the later hand": 2.4,
    }
    found = orderings_of(published(bps))
    assert all(one.holds for one in found)
    assert found[0].measured["acquisition time, of that before"].mean == 0.5
    slopes = [mean.mean for mean in found[4].measured.values()]
    assert slopes == pytest.approx([2.0, 1.0])
    bad = orderings_of(published(bps | {"NER": 2.2}))
    assert [one.holds for one in bad] == [True, False, *5 * [True]]


def test_the_noise_that_channels_share_is_found_again(rng: np.random.Generator) -> None:
    n, hop_s, lasts_s = 30_000, 0.045, 0.1
    fine = 9
    keep = np.exp(-hop_s / fine / lasts_s)
    gain, level = np.zeros(n * fine), 0.0
    for step, fresh in enumerate(rng.normal(0.0, 0.15 * np.sqrt(1 - keep**2), n * fine)):
        gain[step] = level = keep * level + fresh
    rates = np.exp(gain).reshape(n, fine).mean(axis=1)
    block = ClosedLoopBlock(
        channel_ids=tuple("abcdefgh"),
        hop_ns=round(hop_s * 1e9),
        counts=rng.poisson(20.0 * rates[:, None], (n, 8)),
        is_heard=np.ones(n, dtype=np.bool_),
        hand_cm_s=np.full((n, 2), np.nan),
        decoded_cm_s=np.zeros((n, 2)),
        cursor_cm=np.zeros((n, 2)),
        target=np.ones((n, 3)),
        reach=np.zeros(n, dtype=np.int64),
    )
    found = shared_noise(block, rng.normal(size=(n, 2)))
    assert found.sd == pytest.approx(0.15, rel=0.15)
    assert found.lasts_s == pytest.approx(lasts_s, rel=0.25)
    steady = replace(block, counts=rng.poisson(20.0, (n, 8)))
    assert shared_noise(steady, rng.normal(size=(n, 2))).sd < 0.03
    late = replace(block, reach=np.arange(n) // 10)
    assert late.only(np.array([3, 5])).n_reaches == 2


def day(seed: int, channel_ids: tuple[str, ...], turned: float = 0.0) -> Session:
    """A session of one array; its channels' preferred directions have turned by this angle."""
    rng = np.random.default_rng(seed)
    n, n_channels = 6000, len(channel_ids)
    velocity = rng.normal(scale=10.0, size=(n, 2))
    angle = np.arange(n_channels) + turned
    ahead = np.roll(velocity, -2, axis=0)
    rate_hz = 30.0 + ahead @ np.stack([np.cos(angle), np.sin(angle)])
    counts = rng.poisson(rate_hz.clip(0) * 0.05).astype(np.uint8)
    end_ns = (np.arange(n) + 1) * 50_000_000
    spikes = SpikeCounts(counts, 50_000_000)
    return Session("day", "M1", channel_ids, spikes, Behaviour(end_ns, velocity))


def test_channels_are_compared_from_day_to_day_beside_a_control() -> None:
    names = tuple(f"elec{k:03d}" for k in range(24))
    turns = np.random.default_rng(0).normal(0.0, 0.5, 24)
    sessions = [
        (Path("wrist_20120718.npz"), day(1, names)),
        (Path("wrist_2012-07-19.npz"), day(2, names, turns)),
    ]
    within, near, control = measure_days(sessions, range(2))
    assert near.days == "1 to 3 days apart"
    assert near.recorded["turn_deg"].mean == pytest.approx(np.rad2deg(0.5), rel=0.4)
    assert within.recorded["turn_deg"].mean < 15 < control.recorded["turn_deg"].mean
    assert near.simulated
    assert 0 < near.simulated["rate"].mean < 0.5


def test_days_of_other_channels_or_without_a_date_are_refused() -> None:
    names = ("a", "b", "c", "d", "e", "f")
    one = (Path("x_20120718.npz"), day(1, names))
    with pytest.raises(SessionError, match="sorted units can't be followed"):
        measure_days([one, (Path("x_20120719.npz"), day(2, names[:5]))], [0])
    with pytest.raises(SessionError, match="expected a date"):
        measure_days([one, (Path("x.npz"), day(2, names))], [0])
