"""What the operator can do to a running decoder, and what it does by itself when overloaded."""

from dataclasses import replace
from threading import Event

import numpy as np
import pylsl
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.clock import next_grid_line_ns
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import BundleError
from rt_ner.decoding.chunks import Decoded
from rt_ner.decoding.decoder import Decoder, DecoderSpecification
from rt_ner.decoding.readout import Readout
from rt_ner.live.operator.controls import listen_to_markers
from rt_ner.live.settings import ControlSettings
from rt_ner.live.states import Command, State
from rt_ner.lsl.streams import local_now_ns
from tests.helpers.rig import MS, WAIT_S, Decoding, Source, history_ms, inlet, pulled, running


def test_hold_stops_the_cursor_and_resume_moves_it_at_once(
    small_bundle: Bundle, source_id: str
) -> None:
    source = Source(source_id, small_bundle.manifest.channel_ids)
    with Decoding(small_bundle.model, source_id) as decoding:
        velocity = inlet(decoding.name, Kind.VELOCITY)
        latent = inlet(decoding.name, Kind.LATENT)
        running(decoding, source, small_bundle)
        n_hops = history_ms(small_bundle) // 10
        assert pulled(velocity, n_hops)[0][-1].any()
        pulled(latent, n_hops)
        decoding.loop.commands.append(Command.HOLD)
        decoding.expect(State.HOLD)
        assert not pulled(velocity, 1)[0].any(), "zero at once, not with the next hop"
        source.push(50)
        assert not pulled(velocity, 5)[0].any()
        assert np.isfinite(pulled(latent, 5)[0]).all(), "the latent goes on"
        decoding.loop.commands.append(Command.RESUME)
        while decoding.loop.commands:
            decoding.stop.wait(0.005)
        source.push(10)
        decoding.expect(State.RUNNING)
        assert pulled(velocity, 1)[0].any()


def test_a_hold_outlasts_a_loss_of_the_source(small_bundle: Bundle, source_id: str) -> None:
    source = Source(source_id, small_bundle.manifest.channel_ids)
    with Decoding(small_bundle.model, source_id) as decoding:
        running(decoding, source, small_bundle)
        decoding.loop.commands.append(Command.HOLD)
        decoding.expect(State.HOLD, State.STALE)
        source.now_ns = next_grid_line_ns(local_now_ns(), 30 * MS)
        source.push(10)
        decoding.expect(State.WARMING)
        source.push(history_ms(small_bundle))
        decoding.expect(State.HOLD)


def test_reset_fills_the_history_anew(small_bundle: Bundle, source_id: str) -> None:
    source = Source(source_id, small_bundle.manifest.channel_ids)
    with Decoding(small_bundle.model, source_id) as decoding:
        velocity = inlet(decoding.name, Kind.VELOCITY)
        running(decoding, source, small_bundle)
        pulled(velocity, history_ms(small_bundle) // 10)
        decoding.loop.commands.append(Command.RESET)
        decoding.expect(State.WARMING)
        source.push(history_ms(small_bundle))
        decoding.expect(State.RUNNING)
        values, _ = pulled(velocity, history_ms(small_bundle) // 10 + 1)
        assert not values[:-1].any()
        assert values[-1].any()


def test_a_marker_stream_that_is_named_is_obeyed(small_bundle: Bundle, source_id: str) -> None:
    info = pylsl.StreamInfo("panel", "Markers", 1, 0.0, pylsl.cf_string, f"panel-{source_id}")
    panel = pylsl.StreamOutlet(info)
    source = Source(source_id, small_bundle.manifest.channel_ids)
    stop = Event()
    with Decoding(small_bundle.model, source_id) as decoding:
        control = ControlSettings(source_id=f"panel-{source_id}")
        listen_to_markers(control, decoding.loop.commands.append, stop)
        assert panel.wait_for_consumers(WAIT_S)
        running(decoding, source, small_bundle)
        panel.push_sample(["hold"])
        decoding.expect(State.HOLD)
        panel.push_sample(["stop"])
        decoding.expect(State.STOPPED)
    stop.set()


class SlowDecoder(Decoder):
    """Takes longer than a hop for each."""

    def _decode(self, end_ns: int, closed_ns: int, ready: bool) -> Decoded:
        Event().wait(0.015)
        return super()._decode(end_ns, closed_ns, ready)


def test_an_overloaded_decoder_goes_on_with_the_newest_data(
    small_bundle: Bundle, source_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps of 15 ms for hops of 10: it falls behind, says so, and passes over what it must."""
    monkeypatch.setattr("rt_ner.live.parts.connection.Decoder", SlowDecoder)
    source = Source(source_id, small_bundle.manifest.channel_ids)
    safety: dict[str, object] = {"overload_hops": 5, "stale_ms": 5000.0}
    with Decoding(small_bundle.model, source_id, safety=safety) as decoding:
        velocity = inlet(decoding.name, Kind.VELOCITY)
        source.wait_for_listener()
        decoding.expect(State.CONNECTING, State.WARMING)
        pause = Event()
        for _ in range(200):
            source.push(10)
            pause.wait(0.01)
        decoding.expect(State.RUNNING)
        assert "overload: 5 deadlines missed" in decoding.notices.get(timeout=WAIT_S)
        newest_s = 0.0
        while abs(newest_s * 1e9 - source.now_ns) > MS:
            values, newest_s = velocity.pull_sample(WAIT_S)
            assert values is not None, "the newest hop must be decoded"
    counts = decoding.loop.statistics.counts()
    assert counts["passed_over"] > 10
    assert counts["missing"] == counts["skipped"] == 0


def test_the_cursor_is_never_told_to_move_faster_than_allowed(
    small_bundle: Bundle, source_id: str
) -> None:
    readout = small_bundle.model.readout
    fast = replace(small_bundle.model, readout=Readout(readout.matrix * 1e4, readout.bias))
    source = Source(source_id, small_bundle.manifest.channel_ids)
    with Decoding(fast, source_id, safety={"max_speed_cm_s": 30.0}) as decoding:
        velocity, latent = inlet(decoding.name, Kind.VELOCITY), inlet(decoding.name, Kind.LATENT)
        running(decoding, source, small_bundle)
        n_hops = history_ms(small_bundle) // 10
        slow, true = pulled(velocity, n_hops)[0][-1], pulled(latent, n_hops)[0][-1]
    wanted = true @ readout.matrix * 1e4 + readout.bias
    assert np.hypot(*slow) == pytest.approx(30.0)
    np.testing.assert_allclose(slow / 30.0, wanted / np.hypot(*wanted), rtol=1e-4)
    assert decoding.loop.statistics.counts()["clamped"] == 1


def test_what_was_recorded_replays_to_the_same_velocities(
    small_bundle: Bundle, source_id: str
) -> None:
    """The bytes of one run, stamps and all, sent again later: the same velocities, bit for bit."""
    runs = []
    recorded: list[tuple[np.ndarray, float]] = []
    # All at once, on a machine that does other things too: late is not what is tested here.
    patient = {"overload_hops": 10_000}
    for name in (source_id, f"{source_id}-again"):
        source = Source(name, small_bundle.manifest.channel_ids)
        with Decoding(small_bundle.model, name, safety=patient) as decoding:
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


def test_a_model_is_swapped_while_decoding_and_the_swaps_undone(
    small_bundle: Bundle, source_id: str
) -> None:
    source = Source(source_id, small_bundle.manifest.channel_ids)
    model = small_bundle.model
    load = Loads([faster(model, 2.0), faster(model, 3.0)])
    decoding = Decoding(model, source_id, load)
    with decoding:
        velocity, latent = inlet(decoding.name, Kind.VELOCITY), inlet(decoding.name, Kind.LATENT)
        running(decoding, source, small_bundle)
        n_hops = history_ms(small_bundle) // 10
        pulled(velocity, n_hops)
        pulled(latent, n_hops)
        for command, factor, notice in (
            (Command.SWAP, 2.0, "decoder swapped"),
            (Command.SWAP, 3.0, "decoder swapped"),
            (Command.UNDO, 2.0, "decoder as it was before the swap"),
            (Command.UNDO, 1.0, "decoder as it was before the swap"),
            (Command.UNDO, 1.0, "no swap to undo"),
        ):
            decoding.loop.commands.append(command)
            assert decoding.notices.get(timeout=WAIT_S) == notice
            source.push(10)
            (got,), (z,) = pulled(velocity, 1)[0], pulled(latent, 1)[0]
            expected = z @ model.readout.matrix * factor + model.readout.bias
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
        load.error = BundleError("other channels")
        decoding.loop.commands.append(Command.SWAP)
        assert decoding.notices.get(timeout=WAIT_S) == "decoder not swapped: other channels"
    assert decoding.loop.statistics.counts()["passed_over"] == 0


def faster(model: DecoderSpecification, factor: float) -> DecoderSpecification:
    """A model whose velocity is so many times the other's."""
    readout = Readout(factor * model.readout.matrix, model.readout.bias)
    return replace(model, readout=readout)


class Loads:
    """Gives models, one after the other, or fails."""

    def __init__(self, models: list[DecoderSpecification]) -> None:
        self.models = models
        self.error: BundleError | None = None

    def __call__(self) -> DecoderSpecification:
        if self.error:
            raise self.error
        return self.models.pop(0)
