"""Random spikes with faults on demand: what is counted as sent is what was sent."""

from threading import Event

import numpy as np
import pytest

from drivers.noise import NOISE_FORMS, NoiseSource
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import ConfigError
from tests.helpers.rig import inlet

CHANNELS = tuple(f"elec{k}" for k in range(8))
N_TICKS = 300
KINDS = {"raster": Kind.SPIKES, "events": Kind.EVENTS, "broadband": Kind.BROADBAND}


def sent_by(source_id: str, form: str, *faults: str) -> tuple[NoiseSource, np.ndarray, np.ndarray]:
    """A source that has sent 300 ticks, and what a listener got of it."""
    source = NoiseSource(NOISE_FORMS[form](CHANNELS, 50.0), source_id, Event())
    spikes = inlet(source_id, KINDS[form])
    source.wait_for_listener()
    orders = list(faults)
    source.run(N_TICKS, lambda: [orders.pop(0)] if orders else [])
    values, stamps_s = spikes.pull_chunk(1.0, 10_000, min_samples=source.sent.rows)
    return source, np.array(values), np.array(stamps_s)


@pytest.mark.parametrize("form", NOISE_FORMS)
def test_without_faults_everything_is_sent_in_order(source_id: str, form: str) -> None:
    source, values, stamps_s = sent_by(source_id, form)
    assert source.sent.rows == len(values)
    assert (np.diff(stamps_s) > 0).all()
    assert source.summary() | {"rows": 0} == dict.fromkeys(source.summary(), 0)
    if form == "raster":
        assert len(values) == N_TICKS
        np.testing.assert_allclose(np.diff(stamps_s), 1e-3, atol=1e-8)


def test_a_repeat_sends_the_same_again(source_id: str) -> None:
    source, values, stamps_s = sent_by(source_id, "raster", "repeat 5")
    assert source.sent.repeated == 5
    assert source.sent.rows == len(values) == N_TICKS + 5
    assert (np.rint(np.diff(stamps_s) * 1e3) == -4).sum() == 1, "from the first of five on"


def test_a_stall_and_a_step(source_id: str) -> None:
    source, values, stamps_s = sent_by(source_id, "raster", "bad 0", "stall 0.02", "step 2")
    assert source.sent.withheld == 20
    assert source.sent.rows == len(values) == N_TICKS - 20
    assert np.rint(np.diff(stamps_s) * 1e3).max() == 2000 + 20 + 1, "set ahead while it stalled"


def test_bad_values_and_withheld_rows(source_id: str) -> None:
    source, values, _ = sent_by(source_id, "raster", "withhold 0.5 0.1", "bad 4")
    assert source.sent.withheld > 20
    odd = ~np.isfinite(values[:, 0]) | (values[:, 0] < 0)
    assert odd.sum() == source.sent.bad


@pytest.mark.parametrize("fault", ["nonsense", "stall", "stall x", "withhold 0.1", ""])
def test_an_unknown_fault_says_which_there_are(source_id: str, fault: str) -> None:
    source = NoiseSource(NOISE_FORMS["raster"](CHANNELS, 50.0), source_id, Event())
    with pytest.raises(ConfigError, match="is no fault: expected stall S"):
        source.order(fault)
