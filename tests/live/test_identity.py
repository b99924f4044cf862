"""LSL carries what is decoded offline, bit for bit.

That live is offline, whatever the form and the hop, is tested in memory (tests/unit/live). A
computer that is busy for a moment may shed hops, and must: those that it sent are compared.
"""

import threading
from dataclasses import replace

import numpy as np
import pytest

from drivers.replay.packets import Packets, SplitPackets, packets_of
from drivers.replay.replay import Part, Replay
from drivers.source import opened
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.clock import nearest_grid_line_ns, ns_from_s
from rt_ner.core.contract.kinds import Kind, SpikeForm, source_id_of
from rt_ner.core.contract.markers import SESSION_ZERO
from rt_ner.data.session.joined.areas import join_areas
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeTimes
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.decoding import decode_session
from tests.helpers.rig import MS, PATIENT, Decoding, inlet
from tests.helpers.waiting import LONGEST_S

HOP_NS = 10 * MS
N_HOPS = 50
AHEAD_NS = 8000 * MS


@pytest.mark.parametrize("form", [SpikeForm.RASTER, SpikeForm.EVENTS])
def test_what_lsl_carries_is_what_is_decoded_offline(
    small_bundle: Bundle, small_session: Session, source_id: str, form: SpikeForm
) -> None:
    wanted = {"source_id": source_id_of(source_id, form.kind)}
    replay_and_compare(
        small_bundle.model, small_session, packets_of(small_session, form), source_id, wanted
    )


@pytest.mark.parametrize("form", [SpikeForm.RASTER, SpikeForm.EVENTS])
def test_so_it_is_if_each_area_has_a_source_of_its_own(
    small_bundle: Bundle, small_session: Session, source_id: str, form: SpikeForm
) -> None:
    areas = [area_of(small_session, "M1", 0, 60), area_of(small_session, "PMd", 60, 96)]
    joined = join_areas(areas)
    model = replace(
        small_bundle.model, channel_ids=joined.channel_ids, areas=tuple(joined.area.split(","))
    )
    sources = [source_id_of(f"{source_id}-{area.area}", form.kind) for area in areas]
    wanted = {"source_id": "", "sources": sources}
    replay_and_compare(model, joined, SplitPackets(joined, areas, form), source_id, wanted)


def area_of(session: Session, area: str, first: int, last: int) -> Session:
    """Return some channels of a session as those of an area."""
    spikes = session.spikes
    assert isinstance(spikes, SpikeTimes)
    units = [unit for unit, k in enumerate(spikes.unit_channel.tolist()) if first <= k < last]
    own = np.isin(spikes.unit, units)
    kept = SpikeTimes(
        spikes.time_ns[own],
        np.searchsorted(units, spikes.unit[own]).astype(np.int32),
        tuple(spikes.unit_ids[unit] for unit in units),
        spikes.unit_channel[units] - first,
        last - first,
    )
    labels = session.channel_ids[first:last]
    return replace(session, area=area, channel_ids=labels, spikes=kept)


def replay_and_compare(
    model: DecoderSpecification,
    session: Session,
    packets: Packets,
    name: str,
    wanted: dict[str, object],
) -> None:
    stop = threading.Event()
    # The stamps run seconds ahead of the clock, so no event is late, however slow the computer is.
    part = Part(0, session.end_ns, speed=20.0)
    whole_ns = AHEAD_NS + model.window.history_ns
    replay, kind = Replay(session, packets, name, part), packets.encoding.kind
    query = wanted | {"grace_ms": 100.0}
    with opened(replay), Decoding(model, name, input=query, safety=PATIENT) as decoding:
        velocity, markers = inlet(decoding.name, Kind.VELOCITY), inlet(name, Kind.MARKERS)
        replay.wait_for_listeners([kind, Kind.MARKERS], stop)
        playing = threading.Thread(target=replay.run, args=(stop,))
        playing.start()
        sample, zero_s = markers.pull_sample(LONGEST_S)
        assert sample == [SESSION_ZERO]
        zero_ns = nearest_grid_line_ns(ns_from_s(zero_s), HOP_NS)
        rows: dict[int, bytes] = {}
        while len(rows) < N_HOPS:
            values, stamp_s = velocity.pull_sample(LONGEST_S)
            assert values is not None, "no velocity came"
            end_ns = nearest_grid_line_ns(ns_from_s(stamp_s), HOP_NS) - zero_ns
            # Zero is sent while the history fills, and after a hop that was shed. Before events
            # begin there is silence, which is history too, but not that of the session.
            if any(values) and end_ns > whole_ns:
                rows[end_ns] = np.float32(values).tobytes()
        stop.set()
        playing.join()
    decoded = decode_session(model, session)
    expected = {
        int(end_ns): row.tobytes()
        for end_ns, row in zip(decoded.end_ns, decoded.values, strict=True)
    }
    assert rows.items() <= expected.items()
