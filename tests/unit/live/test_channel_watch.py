"""The watch over the channels names faults once, within 10 s, and says nothing else."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.arrays import FloatArray
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.watch.expectation import Expectation
from rt_ner.live.states import Command
from rt_ner.live.watch.banks import banks_of
from rt_ner.live.watch.channel_watch import ChannelWatch, watch_of
from tests.helpers.firing import (
    HOPS_PER_S,
    N_CHANNELS,
    NAMES,
    SETTLED_S,
    expected,
    firing,
    rates_hz,
    told,
    watch_of_array,
)
from tests.helpers.memory_rig import MemoryRig

RATES = rates_hz()
EXPECTED = expected(RATES)
BUSY: list[int] = sorted(np.argsort(RATES)[-2:].tolist())


def without(channels: slice | list[int]) -> Callable[[FloatArray], FloatArray]:
    def spoil(counts: FloatArray) -> FloatArray:
        counts[:, channels] = 0
        return counts

    return spoil


def exchanged(counts: FloatArray) -> FloatArray:
    source = np.arange(N_CHANNELS)
    source[:32], source[64:] = np.arange(64, 96), np.arange(32)
    return counts[:, source]


def hot(counts: FloatArray) -> FloatArray:
    counts[:, 6] += 10
    return counts


@pytest.mark.parametrize(
    ("spoil", "begins", "ends"),
    [
        (
            without(slice(32, 64)),
            "elec033 … elec064 (bank B) silent for 4 s: check cable",
            "elec033 … elec064 (bank B) no longer silent",
        ),
        (
            without(BUSY),
            f"{NAMES[BUSY[0]]}, {NAMES[BUSY[1]]} silent for 7 s: check electrodes and thresholds",
            f"{NAMES[BUSY[0]]}, {NAMES[BUSY[1]]} no longer silent",
        ),
        (
            without(slice(None)),
            "elec001 … elec032 (bank A), elec033 … elec064 (bank B), elec065 … elec096 (bank C) "
            "silent for 4 s: check cable",
            "elec001 … elec032 (bank A), elec033 … elec064 (bank B), elec065 … elec096 (bank C) "
            "no longer silent",
        ),
        (
            exchanged,
            "elec001 … elec032 (bank A) and elec065 … elec096 (bank C) seem swapped: check which "
            "connector is plugged in where",
            "elec001 … elec032 (bank A) and elec065 … elec096 (bank C) in place again",
        ),
        (
            hot,
            "elec007 firing far more than in training, at 2",
            "elec007 no longer firing far more than in training",
        ),
        (lambda counts: 2 * counts, "most channels fire at ", "most channels fire as"),
        (
            lambda counts: firing(RATES / 2, len(counts) / HOPS_PER_S, seed=3),
            "most channels fire at 0.",
            "most channels fire as",
        ),
    ],
)
def test_a_fault_is_told_once_when_it_begins_and_once_when_it_ends(
    spoil: Callable[[FloatArray], FloatArray], begins: str, ends: str
) -> None:
    watch = watch_of_array(EXPECTED)
    assert told(watch, firing(RATES, SETTLED_S)) == []
    (begun,) = told(watch, spoil(firing(RATES, 30, seed=1)))
    assert begun[0] <= 10
    assert begun[1].startswith(begins)
    assert watch.faults
    (ended,) = told(watch, firing(RATES, 30, seed=2))
    assert ended[0] <= 10
    assert ended[1].startswith(ends)
    assert not watch.faults


@given(seed=st.integers(1, 1000), drift=st.floats(-0.3, 0.3), is_new_day=st.booleans())
@settings(max_examples=4)
def test_drift_and_another_days_neurons_are_no_fault(
    seed: int, drift: float, is_new_day: bool
) -> None:
    """Rates drift by up to a third in some minutes, each in its own direction, from day to day."""
    rng, seconds = np.random.default_rng(seed), 130
    today = RATES * rng.uniform(0.5, 2.0, N_CHANNELS) if is_new_day else RATES
    path = 1 + drift * np.linspace(0, 1, seconds * HOPS_PER_S)[:, None] * rng.choice((-1, 1), 96)
    assert told(watch_of_array(EXPECTED), firing(today * path, seconds, seed)) == []


def test_rest_as_in_training_is_no_fault() -> None:
    """The whole array fires less while the subject rests, as it did in training."""
    seen = replace(EXPECTED, fall=0.5)
    watch = watch_of_array(seen)
    assert told(watch, firing(RATES, SETTLED_S)) == []
    assert told(watch, firing(0.5 * RATES, 20, seed=1)) == []
    assert told(watch_of_array(EXPECTED), firing(0.5 * RATES, 20, seed=1)) == [], "not known yet"


def test_exchanged_banks_are_told_from_the_start_on() -> None:
    ((time_s, notice),) = told(watch_of_array(EXPECTED), exchanged(firing(RATES, 60)))
    assert time_s <= 10
    assert "(bank A) and elec065 … elec096 (bank C) seem swapped" in notice


def test_a_pause_is_not_judged_and_does_not_end_a_fault() -> None:
    watch = watch_of_array(EXPECTED)
    dead = without(slice(32, 64))
    assert told(watch, dead(firing(RATES, 3))) == []
    watch.pause()
    assert told(watch, dead(firing(RATES, 3.5))) == [], "silent for less than 4 s since the pause"
    assert len(told(watch, dead(firing(RATES, 1)))) == 1
    watch.pause()
    assert told(watch, dead(firing(RATES, 20))) == []
    assert len(told(watch, firing(RATES, 10))) == 1


def test_a_channel_that_dies_in_a_dead_bank_is_told_once_the_bank_is_back() -> None:
    watch = watch_of_array(EXPECTED)
    told(watch, firing(RATES, SETTLED_S))
    told(watch, without(slice(32, 64))(firing(RATES, 10)))
    notices = [notice for _, notice in told(watch, without([40])(firing(RATES, 20)))]
    assert any(notice.startswith("elec041 silent for") for notice in notices)
    assert any(notice.endswith("(bank B) no longer silent") for notice in notices)
    assert len(notices) == 2


def test_a_bundle_that_is_swapped_in_is_watched_by_its_own_training() -> None:
    watch = watch_of_array(EXPECTED)
    fewer = replace(EXPECTED, rate_hz=EXPECTED.rate_hz / 4, most_hz=EXPECTED.most_hz / 4)
    told(watch, firing(RATES, SETTLED_S))
    assert told(watch, firing(RATES / 4, 20, seed=1)) != []
    watch.expect(None)
    assert watch.faults, "as before"
    watch.expect(fewer)
    assert not watch.faults
    assert told(watch, firing(RATES / 4, 60, seed=2)) == []
    state = watch.faults
    watch.expect(replace(fewer, r2=0.9))
    assert watch.faults is state, "the same training"


def test_notices_say_what_the_fault_costs_where_that_was_measured() -> None:
    asked: list[tuple[str, float]] = []

    def r2_with(kind: str, severity: float) -> float | None:
        asked.append((kind, severity))
        return 0.61 if kind == "dead bank" else None

    known = replace(EXPECTED, r2=0.92, r2_with=r2_with)
    ((_, notice),) = told(watch_of_array(known), without(slice(32, 64))(firing(RATES, 10)))
    assert notice.endswith("check cable; held-out R² was 0.61 with a dead bank, 0.92 without")
    ((_, notice),) = told(watch_of_array(known), exchanged(firing(RATES, 20)))
    assert notice.endswith("plugged in where")
    assert asked == [("dead bank", 1), ("swapped banks", 2)]


def test_banks_are_told_by_the_channels_numbers() -> None:
    def banks(*names: str) -> dict[str, list[int]]:
        return {bank.name: bank.channels.tolist() for bank in banks_of(names)}

    assert list(banks(*NAMES)) == ["bank A", "bank B", "bank C"]
    some = [f"elec{number:03d}" for number in (1, 2, 5, 6, 7, 8, 9, 32, *range(40, 48), 70)]
    assert banks(*some) == {"bank A": [*range(8)], "bank B": [*range(8, 16)]}
    sorted_units = [f"elec{number:03d}/{unit}" for number in range(30, 38) for unit in (1, 2, 3)]
    assert banks(*sorted_units) == {"bank A": [*range(9)], "bank B": [*range(9, 24)]}
    areas = [f"{area}/elec{number:03d}" for area in ("M1", "PMd") for number in range(1, 9)]
    assert banks(*areas) == {"M1 bank A": [*range(8)], "PMd bank A": [*range(8, 16)]}
    assert banks(*(chr(ord("a") + k) * 2 for k in range(20))) == {"bank A": [*range(20)]}


def test_a_bundle_that_does_not_say_how_channels_fire_is_not_watched(small_bundle: Bundle) -> None:
    model, said = small_bundle.model, list[str]()
    assert isinstance(watch_of(model, said.append), ChannelWatch)
    assert not said
    assert watch_of(replace(model, expectation=None), said.append) is None
    (notice,) = said
    assert "the bundle does not say how they fire; train it again" in notice


@pytest.fixture(scope="module")
def model(small_bundle: Bundle) -> DecoderSpecification:
    """Return the model of a small bundle that expects the firing of the rig in memory."""
    n_channels = len(small_bundle.manifest.channel_ids)
    usual = Expectation(np.full(n_channels, 20.0), np.full(n_channels, 40.0), np.ones(96), 0.9, 1.1)
    return replace(small_bundle.model, expectation=usual)


def run_with_a_dead_bank(model: DecoderSpecification, is_watched: bool) -> MemoryRig:
    rig = MemoryRig(model, safety={"watch": is_watched})
    rig._counts[:, 32:64] = 0
    return rig.appear().raster(6000, chunk_ms=10).run()


def test_the_loop_tells_and_its_outputs_are_the_same_bits(model: DecoderSpecification) -> None:
    watched, plain = (run_with_a_dead_bank(model, is_watched) for is_watched in (True, False))
    (notice,) = set(watched.results.notices) - set(plain.results.notices)
    assert notice == "elec033 … elec064 (bank B) silent for 4 s: check cable"
    assert notice in watched.reported
    for name in ("outputs", "latents", "states"):
        mine, other = (repr(getattr(rig.results, name)) for rig in (watched, plain))
        assert mine == other


def test_the_loop_says_once_that_nothing_is_watched(model: DecoderSpecification) -> None:
    rig = MemoryRig(replace(model, expectation=None)).appear()
    rig.raster(rig.history_ms + 50).run()
    assert len([notice for notice in rig.results.notices if "not watched" in notice]) == 1


def test_after_a_swap_the_loop_expects_what_the_other_bundle_does(
    model: DecoderSpecification,
) -> None:
    assert model.expectation is not None
    busier = replace(model.expectation, rate_hz=np.full(96, 21.0))
    other = replace(model, expectation=busier)
    rig = MemoryRig(model, lambda: other)
    rig._counts[:, 32:64] = 0
    rig.appear().raster(5000, chunk_ms=10).command(Command.SWAP).raster(6000, chunk_ms=10).run()
    notices = [notice for notice in rig.results.notices if "silent" in notice]
    assert notices == 2 * ["elec033 … elec064 (bank B) silent for 4 s: check cable"]
