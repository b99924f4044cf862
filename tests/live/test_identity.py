"""LSL carries what is decoded offline, bit for bit.

That live is offline, whatever the form and the hop, is tested in memory (tests/unit/live). A
computer that is busy for a moment may shed hops, and must: those that it sent are compared.
"""

import threading

import numpy as np
import pytest

from drivers.replay.packets import packets_of
from drivers.replay.replay import Part, Replay
from drivers.source import opened
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.clock import nearest_grid_line_ns, ns_from_s
from rt_ner.core.contract.kinds import Kind, SpikeForm, source_id_of
from rt_ner.core.contract.markers import SESSION_ZERO
from rt_ner.data.session.session import Session
from rt_ner.offline.decoding import decode_session
from tests.helpers.rig import MS, WAIT_S, Decoding, history_ms, inlet

HOP_NS = 10 * MS
N_HOPS = 50
AHEAD_NS = 8000 * MS


@pytest.mark.parametrize("form", [SpikeForm.RASTER, SpikeForm.EVENTS])
def test_what_lsl_carries_is_what_is_decoded_offline(
    small_bundle: Bundle, small_session: Session, source_id: str, form: SpikeForm
) -> None:
    packets = packets_of(small_session, form)
    stop = threading.Event()
    # The stamps run seconds ahead of the clock, so no event is late, however slow the computer is.
    part = Part(0, small_session.end_ns, speed=20.0)
    whole_ns = AHEAD_NS + history_ms(small_bundle) * MS
    replay = Replay(small_session, packets, source_id, part)
    query = {"source_id": source_id_of(source_id, form.kind), "grace_ms": 100.0}
    with opened(replay), Decoding(small_bundle.model, source_id, input=query) as decoding:
        velocity, markers = inlet(decoding.name, Kind.VELOCITY), inlet(source_id, Kind.MARKERS)
        replay.wait_for_listeners([form.kind, Kind.MARKERS], stop)
        playing = threading.Thread(target=replay.run, args=(stop,))
        playing.start()
        sample, zero_s = markers.pull_sample(WAIT_S)
        assert sample == [SESSION_ZERO]
        zero_ns = nearest_grid_line_ns(ns_from_s(zero_s), HOP_NS)
        rows: dict[int, bytes] = {}
        while len(rows) < N_HOPS:
            values, stamp_s = velocity.pull_sample(WAIT_S)
            assert values is not None, "no velocity came"
            end_ns = nearest_grid_line_ns(ns_from_s(stamp_s), HOP_NS) - zero_ns
            # Zero is sent while the history fills, and after a hop that was shed. Before events
            # begin there is silence, which is history too, but not that of the session.
            if any(values) and end_ns > whole_ns:
                rows[end_ns] = np.float32(values).tobytes()
        stop.set()
        playing.join()
    decoded = decode_session(small_bundle.model, small_session)
    expected = {
        int(end_ns): row.tobytes()
        for end_ns, row in zip(decoded.end_ns, decoded.values, strict=True)
    }
    assert rows.items() <= expected.items()
