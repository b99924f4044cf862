"""Live equals offline, bit for bit, whatever the form of spikes, the hop and the chunks."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.simulated.voltage import VoltageMaker
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.errors import StreamError
from rt_ner.data.formats.common.voltage import VoltageCounter
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.decoding.chunks import Chunk, EventChunk, VoltageChunk
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.ports.memory_spikes import Appear
from rt_ner.live.settings import DecodeSettings, live_binner
from rt_ner.live.states import State
from rt_ner.offline.decoding import decode_chunks, decode_session
from tests.helpers.memory_rig import MS, START_NS, MemoryRig, event_stream, raster_stream

DETECTOR: dict[str, object] = {"learn_s": 0.5}
# Nothing is late, however the chunks are cut.
SECTIONS: dict[str, dict[str, object]] = {"input": {"grace_ms": 100.0}, "detector": DETECTOR}
SECONDS = 3
BROADBAND_HZ = 30_000.0


def model_with_hop(bundle: Bundle, hop_ms: int) -> DecoderSpecification:
    """Return the model at another hop, which need only divide the bins that the encoder sees."""
    window = bundle.model.window.model_copy(update={"hop_ns": hop_ms * MS})
    return replace(bundle.model, window=window)


def stream_of(form: str, channel_ids: tuple[str, ...]) -> SpikeStream:
    if form == "events":
        return event_stream(channel_ids)
    if form == "broadband":
        return raster_stream(channel_ids, BROADBAND_HZ, InputKind.BROADBAND)
    return raster_stream(channel_ids)


def chunks_of(form: str, session: Session) -> Iterator[Chunk]:
    """Return some seconds of a session as chunks, on the rig's clock."""
    end_ns = SECONDS * 1000 * MS
    source = {
        "raster": session.spikes.raster,
        "events": session.spikes.events,
        "broadband": VoltageMaker(session).chunks,
    }[form]
    for chunk in source(0, end_ns):
        yield type(chunk)(chunk[0] + START_NS, *chunk[1:])


def cut(chunks: list[Chunk], sizes: list[int]) -> Iterator[Chunk]:
    """Return the same samples in chunks of these sizes, over and over."""
    kind = type(chunks[0])
    n_arrays = 3 if kind is EventChunk else 2
    whole = [np.concatenate([chunk[k] for chunk in chunks]) for k in range(n_arrays)]
    first = turn = 0
    while first < len(whole[0]):
        last = first + sizes[turn % len(sizes)]
        yield kind(*(array[first:last] for array in whole))
        first, turn = last, turn + 1


def live(model: DecoderSpecification, form: str, chunks: Iterator[Chunk]) -> MemoryRig:
    rig = MemoryRig(model, **SECTIONS)
    rig.then(Appear(stream_of(form, model.channel_ids)))
    for chunk in chunks:
        rig.now_ns = max(rig.now_ns, int(chunk[0][-1]))
        rig.then(chunk)
    # Events close their hops by the clock.
    rig.wait(190)
    return rig.run()


@pytest.mark.parametrize("hop_ms", [10, 30])
@pytest.mark.parametrize("form", ["raster", "events", "broadband"])
def test_live_is_offline(
    small_bundle: Bundle, small_session: Session, form: str, hop_ms: int
) -> None:
    model = model_with_hop(small_bundle, hop_ms)
    chunks = list(chunks_of(form, small_session))
    sizes = {"raster": [7, 1, 30], "events": [40, 1, 3], "broadband": [600, 37, 2000]}[form]
    rig = live(model, form, cut(chunks, sizes))
    # Rasters and events are the same spikes; broadband is what the detector makes of it.
    offline_form = "raster" if form == "events" else form
    binner = live_binner(
        stream_of(offline_form, model.channel_ids),
        model,
        DecodeSettings.model_validate(SECTIONS),
    )
    decoded = decode_chunks(model, binner, chunks_of(offline_form, small_session))
    sent = {
        velocity.stamp_ns: np.float32(velocity.values).tobytes() for velocity in rig.results.outputs
    }
    expected = {
        int(end_ns): row.tobytes()
        for end_ns, row in zip(decoded.end_ns, decoded.values, strict=True)
    }
    assert len(expected) > (SECONDS - 1.3) * 1000 / hop_ms
    assert {end_ns: sent.get(end_ns) for end_ns in expected} == expected
    counts = rig.counted()
    assert counts["late"] == counts["missing"] == counts["passed_over"] == 0
    assert State.RUNNING in rig.states


@pytest.fixture(scope="module")
def in_chunks_of_30(small_bundle: Bundle, small_session: Session) -> MemoryRig:
    chunks = chunks_of("raster", small_session)
    return live(small_bundle.model, "raster", cut(list(chunks), [30]))


@settings(max_examples=6)
@given(st.lists(st.integers(3, 199), min_size=1, max_size=8))
def test_chunks_do_not_matter(
    small_bundle: Bundle, small_session: Session, in_chunks_of_30: MemoryRig, sizes: list[int]
) -> None:
    model = small_bundle.model
    chunks = list(chunks_of("raster", small_session))
    hops, others = (
        {sent.stamp_ns: sent for sent in rig.results.outputs[:-3]}
        for rig in (in_chunks_of_30, live(model, "raster", cut(chunks, sizes)))
    )
    assert others.items() <= hops.items() or hops.items() <= others.items()
    assert len(others) > 200


@pytest.mark.parametrize(
    "voltage",
    [
        VoltageSettings(value="spike-band-power"),
        VoltageSettings(value="spike-band-power", reference="average"),
        VoltageSettings(reference="regression"),
        VoltageSettings(reference="median", bank=16),
    ],
    ids=str,
)
def test_live_is_a_recording_of_the_same_voltage(
    small_bundle: Bundle, small_session: Session, voltage: VoltageSettings
) -> None:
    """The values that a recording is loaded with, and decoded offline from, are the live ones."""
    readout = small_bundle.model.readout
    # So slow that no velocity is limited, whatever an encoder of spikes makes of power.
    slow = Readout(readout.matrix * 1e-3, readout.bias * 1e-3)
    model = replace(small_bundle.model, voltage=voltage, readout=slow)
    stream = stream_of("broadband", model.channel_ids)
    maker = VoltageMaker(small_session)
    counter, chunks = VoltageCounter(stream, voltage), list(maker.chunks(0, 3 * 10**9))
    for chunk in chunks:
        counter.push(chunk.stamp_ns, chunk.voltage)
    offline = decode_session(
        model, replace(small_session, spikes=counter.spikes(), voltage=voltage)
    )
    sent = [VoltageChunk(chunk.stamp_ns + START_NS, chunk.voltage) for chunk in chunks]
    rig = MemoryRig(model)
    rig.then(Appear(stream))
    for piece in cut(sent, [600, 37, 2000]):
        rig.now_ns = max(rig.now_ns, int(piece[0][-1]))
        rig.then(piece)
    velocities = {
        one.stamp_ns - START_NS: np.float32(one.values).tobytes()
        for one in rig.run().results.outputs
    }
    learned_ns = int(counter.gaps_ns()[0, 1])
    expected = {
        int(end_ns): row.tobytes()
        for end_ns, row in zip(offline.end_ns, offline.values, strict=True)
        if learned_ns + model.window.history_ns < end_ns <= 3 * 10**9
    }
    assert len(expected) > 30
    assert len(set(expected.values())) > 30
    assert {end_ns: velocities.get(end_ns) for end_ns in expected} == expected


def test_values_that_the_bundle_was_not_trained_on_are_refused(small_bundle: Bundle) -> None:
    power = VoltageSettings(value="spike-band-power", reference="median", bank=16)
    model = replace(small_bundle.model, voltage=power)
    ephys = stream_of("broadband", model.channel_ids)
    for own in ({}, {"value": "spike-band-power"}, {"reference": "median", "bank": 16}):
        assert live_binner(ephys, model, DecodeSettings.model_validate({"input": own}))
    for other in ({"value": "crossings"}, {"reference": "none"}, {"bank": 32}):
        with pytest.raises(StreamError, match="the bundle was trained on spike-band-power with"):
            live_binner(ephys, model, DecodeSettings.model_validate({"input": other}))
    asked = DecodeSettings.model_validate({"input": {"reference": "average"}})
    with pytest.raises(StreamError, match="trained on crossings without a reference"):
        live_binner(ephys, small_bundle.model, asked)
    for form in ("raster", "events"):
        with pytest.raises(StreamError, match=f"spike-band-power .* the stream is {form}"):
            live_binner(stream_of(form, model.channel_ids), model, DecodeSettings())
