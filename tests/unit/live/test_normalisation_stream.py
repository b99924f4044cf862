"""The stream of the running normalisation's state: there only with one, labelled by channel."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rt_ner.core.contract.kinds import Kind
from rt_ner.decoding.encoding.normalisation import Moments, Normalisation, Pace
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.windows import WindowShape
from rt_ner.live.ports.lsl import results
from rt_ner.live.settings import DecodeSettings
from tests.helpers.memory_rig import MS

MOMENTS = Moments(np.array([0.5, 0.25]), np.array([0.75, 1 / 3]))
PLAIN = DecoderSpecification(
    ("a", "b"),
    WindowShape(hop_ns=10 * MS, bin_ns=30 * MS, history_bins=2),
    b"",
    Readout(np.eye(3, 2), np.zeros(2)),
)
NORMALISED = replace(PLAIN, normalisation=Normalisation(Pace(1, 1, 1), MOMENTS, MOMENTS))


class FakeOutlet:
    def __init__(self, _source: str, kind: Kind, *announced: Any) -> None:
        self.kind, self.announced = kind, announced
        self.samples: list[tuple[list[float], float]] = []

    def push_sample(self, values: np.ndarray, stamp_s: float) -> None:
        self.samples.append((values.tolist(), stamp_s))


class FakeOutput:
    def __init__(self, *_: object) -> None:
        self.outlet = FakeOutlet("", Kind.VELOCITY)


@pytest.fixture(autouse=True)
def _without_lsl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "open_outlet", FakeOutlet)
    monkeypatch.setattr(results, "OutputOutlet", FakeOutput)


def opened_for(model: DecoderSpecification) -> tuple[results.LslResults, list[Any]]:
    opened: list[Any] = []
    return results.LslResults(DecodeSettings(), model, {}, opened.append, lambda _: None), opened


def states_of(opened: list[Any]) -> list[FakeOutlet]:
    return [outlet for outlet in opened if outlet.kind is Kind.NORMALISATION]


def test_it_is_open_from_the_start_and_holds_each_channels_moments() -> None:
    sender, opened = opened_for(NORMALISED)
    (stream,) = states_of(opened)
    labels, units, period_ns = stream.announced
    assert labels == ["root/a", "root/b", "count/a", "count/b"]
    assert units == ["sqrt(spikes)", "sqrt(spikes)", "spikes", "spikes"]
    assert period_ns is None
    sender.push_normalisation(20 * MS, MOMENTS)
    assert stream.samples == [([0.5, 0.25, 0.75, 1 / 3], 0.02)]


def test_a_bundle_without_normalisation_has_no_such_stream() -> None:
    _, opened = opened_for(PLAIN)
    assert opened
    assert states_of(opened) == []


def test_it_opens_once_a_bundle_with_normalisation_is_swapped_in() -> None:
    sender, opened = opened_for(PLAIN)
    for end_ns in (10 * MS, 20 * MS):
        sender.push_normalisation(end_ns, MOMENTS)
    (stream,) = states_of(opened)
    assert len(stream.samples) == 2
