"""Live = replay = offline, bit for bit: whatever the form, the speed and the hop."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from drivers.encodings import FORMS
from drivers.replay import Part, Replay
from drivers.simulated.voltage import VoltageMaker
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.clock import nearest_grid_line_ns, ns_from_s
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.contract.markers import SESSION_ZERO
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.detector import DetectorSettings
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.decoder import DecoderSpecification
from rt_ner.decoding.input.settings import InputKind, InputSettings
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.live.settings import DecodeSettings, live_binner
from rt_ner.offline.decoding import Decoding as Decoded
from rt_ner.offline.decoding import decode_chunks
from tests.helpers.rig import MS, Decoding, history_ms, inlet

# Events that come late, on a machine that is busy with other tests, would be counted, not used.
SETTINGS = {"input": {"grace_ms": 100.0}, "detector": {"learn_s": 0.5}}
END_MS = 120


def model_with_hop(bundle: Bundle, hop_ms: int) -> DecoderSpecification:
    """The encoder sees bins only: it can be run at any hop that divides them."""
    window = bundle.model.window.model_copy(update={"hop_ns": hop_ms * MS})
    return replace(bundle.model, window=window)


def offline(model: DecoderSpecification, session: Session, part: Part, form: str) -> Decoded:
    """Rasters and events are the same spikes; broadband is what the detector makes of it."""
    n_channels, hop_ns = len(model.channel_ids), model.window.hop_ns
    if form != "broadband":
        binner = raster_binner(n_channels, hop_ns, session.spikes.raster_period_ns)
        chunks = session.spikes.raster(part.begin_ns, part.end_ns)
        return decode_chunks(model, binner, chunks)
    settings = DecodeSettings(detector=DetectorSettings(learn_s=0.5), input=InputSettings())
    stream = SpikeStream(InputKind.BROADBAND, 30_000.0, "int16", model.channel_ids, ())
    voltage = VoltageMaker(session).chunks(part.begin_ns, part.end_ns)
    return decode_chunks(model, live_binner(stream, model, settings), voltage)


# In real time with the longer hop, faster with the shorter: every pair costs its seconds.
@pytest.mark.parametrize(("speed", "hop_ms"), [(1.0, 30), (10.0, 10)])
@pytest.mark.parametrize("form", FORMS)
def test_live_is_offline(
    small_bundle: Bundle,
    small_session: Session,
    source_id: str,
    form: str,
    speed: float,
    hop_ms: int,
) -> None:
    model = model_with_hop(small_bundle, hop_ms)
    # Real time costs real time: two trials of it, ten at speed 10.
    first = 14 if speed == 1.0 else 6
    part = Part(int(small_session.trials.start_ns[first]), small_session.end_ns, speed)
    sent = FORMS[form](small_session)
    replay = Replay(small_session, source_id, threading.Event(), sent)
    query = SETTINGS["input"] | {"source_id": source_id_of(source_id, sent.kind)}
    with Decoding(model, source_id, **(SETTINGS | {"input": query})) as decoding:
        velocity = inlet(decoding.name, Kind.VELOCITY)
        markers = inlet(source_id, Kind.MARKERS)
        replay.wait_for_listeners([Kind.SPIKES, Kind.MARKERS])
        playing = threading.Thread(target=replay.play, args=(part, lambda _: None))
        playing.start()
        rows: dict[int, bytes] = {}
        zero_ns = None
        while playing.is_alive():
            sample, stamp_s = markers.pull_sample(0.0)
            if sample == [SESSION_ZERO]:
                zero_ns = nearest_grid_line_ns(ns_from_s(stamp_s), hop_ms * MS)
            for values, stamp_s in zip(*velocity.pull_chunk(0.05, 64), strict=True):
                end_ns = nearest_grid_line_ns(ns_from_s(stamp_s), hop_ms * MS)
                rows[end_ns] = np.float32(values).tobytes()
        playing.join()
    assert zero_ns is not None
    decoded = offline(model, small_session, part, form)
    begin_ns = part.begin_ns + (history_ms(small_bundle) + 2 * hop_ms) * MS
    expected = {
        int(end_ns) + zero_ns: row.tobytes()
        for end_ns, row in zip(decoded.end_ns, decoded.velocity_cm_s, strict=True)
        if begin_ns <= end_ns <= part.end_ns - END_MS * MS
    }
    assert len(expected) > 1000 / hop_ms
    assert {end_ns: rows.get(end_ns) for end_ns in expected} == expected
    counts = decoding.loop.statistics.counts()
    assert counts["late"] == counts["missing"] == counts["passed_over"] == 0
    assert counts["used"] > 0
