"""The live decoder yields every hop once, and counts the hops that a slow reader lost."""

import gc
from collections import deque
from threading import Event

import numpy as np
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.errors import StreamError
from rt_ner.live.live_decoder import LiveDecoder
from rt_ner.live.ports.memory_results import MemoryResults
from rt_ner.live.ports.memory_spikes import MemoryClock, MemoryPlan, MemorySpikes
from rt_ner.live.ports.protocols import Ports
from rt_ner.live.settings import DecodeSettings
from rt_ner.live.states import Command, State
from tests.helpers.classes import classifying_bundle
from tests.helpers.memory_rig import MS, START_NS, MemoryRig


def decoder_of(bundle: Bundle, rig: MemoryRig) -> tuple[LiveDecoder, MemoryResults]:
    """Return a live decoder on a rig's plan; it ends with the plan."""
    clock, results = MemoryClock(START_NS - 10 * MS), MemoryResults()
    spikes = MemorySpikes(MemoryPlan(clock, lambda: live.command(Command.STOP)))
    spikes.follow([*rig.plan, (rig.now_ns, lambda: None)])
    # As in MemoryRig.
    gc.freeze()
    live = LiveDecoder(bundle, ports=Ports(spikes, results, clock, deque()))
    return live, results


def test_every_hop_is_given_once(small_bundle: Bundle) -> None:
    rig = MemoryRig(small_bundle.model).appear()
    rig.raster(rig.history_ms + 500)
    live, results = decoder_of(small_bundle, rig)
    with live:
        hops = list(live)
    assert [hop.end_ns for hop in hops] == [end_ns for end_ns, _ in results.latents]
    assert sum(hop.n_lost for hop in hops) == 0
    assert {hop.state for hop in hops} == {State.WARMING, State.RUNNING}
    newest = hops[-1]
    sent = next(sent for sent in results.outputs if sent.stamp_ns == newest.end_ns)
    np.testing.assert_array_equal(newest.values, sent.values)
    np.testing.assert_array_equal(newest.latent, results.latents[-1][1])
    assert live.state is State.STOPPED


def test_a_slow_reader_loses_hops_and_is_told(small_bundle: Bundle) -> None:
    rig = MemoryRig(small_bundle.model).appear()
    rig.raster(12_000, chunk_ms=10)
    live, results = decoder_of(small_bundle, rig)
    over = Event()
    with live:
        # The reader looks only when everything is over.
        while live.state is not State.STOPPED:
            over.wait(0.01)
        hops = list(live)
    assert len(hops) == 1000
    assert len(hops) + sum(hop.n_lost for hop in hops) == len(results.latents)
    assert hops[0].n_lost > 0
    assert hops[-1].end_ns == results.latents[-1][0]


def test_an_error_reaches_the_reader(small_bundle: Bundle) -> None:
    clock = MemoryClock()
    spikes = MemorySpikes(MemoryPlan(clock, lambda: None))
    settings = DecodeSettings.model_validate({"input": {"wait_s": 1.0}})
    ports = Ports(spikes, MemoryResults(), clock)
    with (
        LiveDecoder(small_bundle, settings=settings, ports=ports) as live,
        pytest.raises(StreamError, match="within 1 s"),
    ):
        list(live)


def test_its_repr_is_short(small_bundle: Bundle) -> None:
    assert repr(LiveDecoder(small_bundle, "amp/spikes")) == "<LiveDecoder amp/spikes: not started>"


def test_a_hop_has_its_probabilities(small_bundle: Bundle) -> None:
    bundle = classifying_bundle(small_bundle)
    rig = MemoryRig(bundle.model).appear()
    rig.raster(rig.history_ms + 50)
    live, results = decoder_of(bundle, rig)
    with live:
        hops = list(live)
    sent = {each.stamp_ns: each.values for each in results.classes}
    assert [tuple(hop.probabilities) for hop in hops] == [sent[hop.end_ns] for hop in hops]
    decided = [hop.state is State.RUNNING for hop in hops]
    assert [hop.probabilities.any() for hop in hops] == decided
    assert any(decided)
