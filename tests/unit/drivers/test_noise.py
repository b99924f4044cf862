"""Random spikes with faults on demand: the counts are those of what is sent."""

import numpy as np
import pytest

from drivers.noise.faults import FAULTS, FaultyPattern
from drivers.noise.patterns import BroadbandPattern, pattern_of
from rt_ner.core.contract.kinds import SpikeForm
from rt_ner.core.errors import ConfigError

CHANNELS = tuple(f"elec{k}" for k in range(8))
N_TICKS = 300


def sent_by(
    form: SpikeForm, *orders: dict[str, object]
) -> tuple[FaultyPattern, np.ndarray, np.ndarray]:
    """A pattern after 300 ticks from 10 s on, one order at each of the first, and what it sent."""
    faulty = FaultyPattern(pattern_of(form, CHANNELS, 50.0))
    sent = []
    for tick in range(N_TICKS):
        if tick < len(orders):
            faulty.order(orders[tick])
        sent += faulty.rows(tick, 10.0 + tick * 1e-3)
    stamps_s, values = (np.concatenate(part) for part in zip(*sent, strict=True))
    return faulty, stamps_s, values


def order(name: str, *values: float) -> dict[str, object]:
    return {"order": name} | dict(zip(FAULTS[name], values, strict=True))


@pytest.mark.parametrize("form", SpikeForm)
def test_without_faults_everything_is_sent_in_order(form: SpikeForm) -> None:
    faulty, stamps_s, values = sent_by(form)
    counts = faulty.summary()
    assert counts.pop("rows") == len(values)
    assert set(counts.values()) == {0}
    assert (np.diff(stamps_s) > 0).all()
    if form is SpikeForm.RASTER:
        assert len(values) == N_TICKS
        np.testing.assert_allclose(np.diff(stamps_s), 1e-3, atol=1e-8)


def test_a_repeat_sends_the_same_again() -> None:
    faulty, stamps_s, values = sent_by(SpikeForm.RASTER, order("repeat", 5))
    assert faulty.sent.repeated == 5
    assert faulty.sent.rows == len(values) == N_TICKS + 5
    assert (np.rint(np.diff(stamps_s) * 1e3) == -4).sum() == 1, "from the first of five on"


def test_a_reverse_sends_the_last_first() -> None:
    faulty, stamps_s, values = sent_by(SpikeForm.RASTER, order("reverse", 5))
    assert faulty.sent.reordered == 4
    assert len(values) == N_TICKS
    assert (np.rint(np.diff(stamps_s[:5]) * 1e3) == -1).all()
    assert (np.diff(stamps_s[5:]) > 0).all()


def test_a_stall_and_a_step() -> None:
    faulty, stamps_s, values = sent_by(
        SpikeForm.RASTER, order("bad", 0), order("stall", 0.02), order("step", 2)
    )
    assert faulty.sent.withheld == 20
    assert faulty.sent.rows == len(values) == N_TICKS - 20
    assert np.rint(np.diff(stamps_s) * 1e3).max() == 2000 + 20 + 1, "set ahead while it stalled"


def test_bad_values_and_withheld_rows() -> None:
    faulty, _, values = sent_by(SpikeForm.RASTER, order("withhold", 0.5, 0.1), order("bad", 4))
    assert faulty.sent.withheld > 20
    odd = ~np.isfinite(values[:, 0]) | (values[:, 0] < 0)
    assert odd.sum() == faulty.sent.bad


@pytest.mark.parametrize("form", [SpikeForm.RASTER, SpikeForm.EVENTS])
def test_a_burst_is_a_multiple_of_the_rate(form: SpikeForm) -> None:
    _, _, calm = sent_by(form)
    _, _, burst = sent_by(form, order("burst", 3, 0.3))
    calm_spikes, burst_spikes = (
        len(values) if form is SpikeForm.EVENTS else values.sum() for values in (calm, burst)
    )
    assert burst_spikes == 3 * calm_spikes


@pytest.mark.parametrize(
    "unknown",
    [
        {},
        {"order": "nonsense"},
        {"order": "stall"},
        {"order": "stall", "seconds": "x"},
        {"order": "stall", "ticks": 1},
        {"order": "stall", "seconds": 1, "ticks": 1},
        {"order": "withhold", "probability": 0.1},
        {"order": ["stall"], "seconds": 1},
    ],
)
def test_an_unknown_fault_names_the_known_ones(unknown: dict[str, object]) -> None:
    faulty = FaultyPattern(pattern_of(SpikeForm.RASTER, CHANNELS, 50.0))
    with pytest.raises(ConfigError, match=r"is not a fault: expected one of stall \(seconds\)"):
        faulty.order(unknown)


def test_whole_numbers_are_never_bad() -> None:
    faulty = FaultyPattern(BroadbandPattern(("a",), 10.0))
    with pytest.raises(ConfigError, match="whole numbers"):
        faulty.order(order("bad", 3))


@pytest.mark.parametrize("times", [1, 3])
def test_broadband_noise_fires_at_the_rate_that_was_asked_for(times: int) -> None:
    pattern = BroadbandPattern(("a", "b", "c"), 40.0)
    ticks = [pattern.rows(tick, times) for tick in range(499)]
    voltage_uv = np.concatenate([values for _, values in ticks])
    assert voltage_uv.shape == (499 * 30, 3)
    crossings = np.diff((voltage_uv < -80).astype(int), axis=0) > 0
    # Half a second of three channels: 60 spikes, or three times as many.
    assert crossings.sum() == pytest.approx(60 * times, rel=0.3)
