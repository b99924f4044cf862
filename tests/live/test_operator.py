"""The operator's orders to a running decoder, and what it does by itself when overloaded."""

from threading import Event

import numpy as np
import pylsl

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.kinds import Kind
from rt_ner.live.operator.marker_commands import listen_to_markers
from rt_ner.live.settings import ControlSettings
from rt_ner.live.states import State
from tests.helpers.rig import MS, PATIENT, Decoding, Source, history_ms, inlet, pulled, running
from tests.helpers.waiting import LONGEST_S


def test_a_marker_stream_that_is_named_is_obeyed(small_bundle: Bundle, source_id: str) -> None:
    info = pylsl.StreamInfo("panel", "Markers", 1, 0.0, pylsl.cf_string, f"panel-{source_id}")
    panel = pylsl.StreamOutlet(info)
    source = Source(source_id, small_bundle.manifest.channel_ids)
    stop = Event()
    with Decoding(small_bundle.model, source_id, safety=PATIENT) as decoding:
        control = ControlSettings(source_id=f"panel-{source_id}")
        listen_to_markers(control, decoding.loop.commands.append, stop, lambda _: None)
        assert panel.wait_for_consumers(LONGEST_S)
        running(decoding, source, small_bundle)
        panel.push_sample(["hold"])
        decoding.expect(State.HOLD)
        panel.push_sample(["stop"])
        decoding.expect(State.STOPPED)
    stop.set()


def test_what_was_recorded_replays_to_the_same_velocities(
    small_bundle: Bundle, source_id: str
) -> None:
    """The bytes of one run, stamps and all, sent again later: the same velocities, bit for bit."""
    runs = []
    recorded: list[tuple[np.ndarray, float]] = []
    for name in (source_id, f"{source_id}-again"):
        source = Source(name, small_bundle.manifest.channel_ids)
        with Decoding(small_bundle.model, name, safety=PATIENT) as decoding:
            spikes, velocity = inlet(name, Kind.SPIKES), inlet(decoding.name, Kind.VELOCITY)
            source.wait_for_listener()
            decoding.expect(State.CONNECTING, State.WARMING)
            if not recorded:
                source.push(history_ms(small_bundle) + 300)
                counts, stamps_ns = pulled(spikes, history_ms(small_bundle) + 300)
                recorded = list(zip(counts.astype(np.int16), stamps_ns, strict=True))
            else:
                shift_ns = source.now_ns - int(recorded[0][1]) + MS
                shift_ns = round(shift_ns / (30 * MS)) * 30 * MS
                stamps_s = [(stamp_ns + shift_ns) / 1e9 for _, stamp_ns in recorded]
                source.send(np.stack([sample for sample, _ in recorded]), stamps_s)
            values, _ = pulled(velocity, (history_ms(small_bundle) + 300) // 10)
            runs.append(values.astype(np.float32).tobytes())
    assert runs[0] == runs[1]
    assert any(runs[0])
