"""The whole loop in memory, exactly: states, stamps, outages, operator and overload."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.arrays import Float32Array
from rt_ner.core.contract.kinds import TIMING_LABELS
from rt_ner.core.errors import BundleError, StreamError
from rt_ner.decoding.chunks import Decoded, RasterChunk, VoltageChunk
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.ports.memory_spikes import Pause, Vanish
from rt_ner.live.states import Command, State
from tests.helpers.classes import classifying
from tests.helpers.memory_rig import MS, MemoryRig, raster_stream
from tests.helpers.stamps import lossy

CONNECTING, WARMING, RUNNING, HOLD, STALE, FAULT, STOPPED = State


@pytest.fixture
def model(small_bundle: Bundle) -> DecoderSpecification:
    return small_bundle.model


@pytest.fixture
def rig(model: DecoderSpecification) -> MemoryRig:
    """Return a rig whose source is there from the beginning."""
    return MemoryRig(model).appear()


def test_velocity_is_zero_until_history_is_full_and_after_data_stop(rig: MemoryRig) -> None:
    n_warming = rig.history_ms // 10 - 1
    rig.raster(rig.history_ms + 20).wait(1000).raster(rig.history_ms).run()
    assert rig.states == [
        CONNECTING, WARMING, RUNNING, STALE, WARMING, RUNNING, STOPPED,
    ]  # fmt: skip
    moving = rig.moving()
    assert moving[:n_warming] == [False] * n_warming
    assert moving[n_warming : n_warming + 3] == [True] * 3
    assert moving[n_warming + 3 :] == [False] * (n_warming + 1) + [True, False]
    stamps_ns = [sent.stamp_ns for sent in rig.results.outputs]
    assert stamps_ns == sorted(set(stamps_ns)), "no two of one moment, none of the past"
    assert set(np.diff(stamps_ns[: n_warming + 3])) == {10 * MS}


def test_data_that_are_not_used_do_not_keep_the_cursor_moving(rig: MemoryRig) -> None:
    """A source that sends the same samples again and again counts as silent."""
    rig.raster(rig.history_ms, chunk_ms=1)
    newest = [what for _, what in rig.plan if isinstance(what, RasterChunk)][-5:]
    for _ in range(300):
        rig.wait(1)
        for chunk in newest:
            rig.then(chunk)
    rig.run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, STALE, STOPPED]
    assert rig.moving()[-3:] == [True, False, False]
    assert rig.counted()["duplicate"] == 5 * 300


@pytest.mark.parametrize("step_s", [3600, -3600])
def test_a_step_of_the_sources_clock_is_counted_and_followed(rig: MemoryRig, step_s: int) -> None:
    rig.raster(rig.history_ms).raster(rig.history_ms + 20, shift_ns=step_s * 1000 * MS).run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, WARMING, RUNNING, STOPPED]
    counts = rig.counted()
    assert (counts["clock_steps"], counts["missing"], counts["late"]) == (1, 0, 0)
    assert "clock step (number 1): time stamps jumped, starting over" in rig.results.notices


@pytest.mark.parametrize("connection_ends", [True, False])
def test_a_source_that_comes_back_is_decoded_again(rig: MemoryRig, connection_ends: bool) -> None:
    """The connection ends, or stays open while the source appears under a new identity."""
    rig.raster(rig.history_ms).wait(1).then(Vanish(connection_ends)).wait(1000).appear().wait(1000)
    rig.raster(rig.history_ms + 10).run()
    stale = [] if connection_ends else [STALE]
    again = [CONNECTING, WARMING, RUNNING, STOPPED]
    assert rig.states == [CONNECTING, WARMING, RUNNING, *stale, *again]
    assert rig.counted()["connections"] == 2
    rig.check_standing_still()


def test_a_source_that_comes_back_changed_is_refused_until_another_is_there(
    rig: MemoryRig, model: DecoderSpecification
) -> None:
    rig.raster(rig.history_ms).wait(1).then(Vanish()).wait(500)
    rig.appear(raster_stream(model.channel_ids[:70])).wait(500)
    rig.appear().wait(500).raster(rig.history_ms + 10).run()
    assert rig.states == [
        CONNECTING, WARMING, RUNNING, CONNECTING, FAULT, CONNECTING, WARMING, RUNNING, STOPPED,
    ]  # fmt: skip
    refused = next(notice for notice in rig.results.notices if notice.startswith("refused"))
    assert "the source came back changed: channels: expected 96, found 70. Start it" in refused
    assert refused.endswith("Start it as it was, because the bundle does not fit it")
    rig.check_standing_still()


def test_a_reset_looks_again_at_a_refused_source(
    rig: MemoryRig, model: DecoderSpecification
) -> None:
    rig.raster(rig.history_ms).wait(1).then(Vanish()).wait(500)
    rig.appear(raster_stream(model.channel_ids[:70])).wait(1000).command(Command.RESET).wait(1000)
    rig.run()
    assert rig.states.count(FAULT) == 2


@pytest.mark.parametrize(
    ("stream", "sections", "message"),
    [
        ({"channel_ids": [f"c{k}" for k in range(70)]}, {}, "it has 70"),
        ({"rate_hz": 1000 / 3}, {}, "don't fill"),
    ],
)
def test_a_first_source_that_does_not_fit_is_an_error(
    model: DecoderSpecification, stream: dict[str, object], sections: dict, message: str
) -> None:
    rig = MemoryRig(model, **sections)
    rig.appear(raster_stream(**({"channel_ids": model.channel_ids} | stream)))
    with pytest.raises(StreamError, match=message):
        rig.run()
    assert rig.states == [CONNECTING, STOPPED]


def test_a_source_that_does_not_appear_in_time_is_an_error(model: DecoderSpecification) -> None:
    rig = MemoryRig(model, input={"wait_s": 2.0}).wait(60_000)
    with pytest.raises(StreamError, match="within 2 s"):
        rig.run()


def test_every_stage_is_stamped_in_order(rig: MemoryRig) -> None:
    rig.raster(rig.history_ms).run()
    ends_ns, rows = zip(*rig.results.timing, strict=True)
    columns = dict(zip(TIMING_LABELS, np.array(rows).T, strict=True))
    stages = ["arrived", "bin_closed", "embedded", "decoded", "pushed"]
    assert (np.diff(np.stack([columns[stage] for stage in stages]), axis=0) >= 0).all()
    np.testing.assert_allclose(columns["newest_sample"] * 1e9, ends_ns, atol=1000)
    for count in ("late", "missing", "nonfinite"):
        assert not columns[count].any()
    np.testing.assert_array_equal(columns["state"][-2:], [1, 2])


def test_hold_stops_the_cursor_and_resume_moves_it_at_once(rig: MemoryRig) -> None:
    rig.raster(rig.history_ms).command(Command.HOLD).raster(50).command(Command.RESUME)
    rig.raster(10).run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, HOLD, RUNNING, STOPPED]
    n_hops = rig.history_ms // 10
    # Zero at once, not with the next hop.
    assert rig.moving()[n_hops - 1 :] == [True, False, *[False] * 5, True, False]
    assert all(np.isfinite(latent).all() for _, latent in rig.results.latents[n_hops - 1 :])


def test_a_hold_outlasts_an_outage(rig: MemoryRig) -> None:
    rig.raster(rig.history_ms).command(Command.HOLD).wait(500).raster(rig.history_ms + 10).run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, HOLD, STALE, WARMING, HOLD, STOPPED]


def test_reset_fills_the_history_anew(rig: MemoryRig) -> None:
    rig.raster(rig.history_ms).command(Command.RESET).raster(rig.history_ms).run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, WARMING, RUNNING, STOPPED]
    assert sum(rig.moving()) == 2


def test_stop_ends_at_once(rig: MemoryRig) -> None:
    rig.raster(rig.history_ms).command(Command.STOP).raster(500).run()
    assert rig.states[-1] is STOPPED
    assert len(rig.results.outputs) == rig.history_ms // 10 + 1
    assert not rig.moving()[-1]


def test_gain_is_told_and_taken(rig: MemoryRig, model: DecoderSpecification) -> None:
    rig.raster(rig.history_ms)
    for _ in range(2):
        rig.command(Command.FASTER)
    rig.raster(10).run()
    assert rig.results.notices == ["gain 1.10", "gain 1.21"]
    expected = decoded_velocity(model, rig.results.latents[-1][1]) * 1.1**2
    newest = rig.results.outputs[-2]
    np.testing.assert_allclose(newest.values, expected, rtol=1e-5)


def test_the_cursor_is_never_told_to_move_faster_than_allowed(model: DecoderSpecification) -> None:
    rig = MemoryRig(faster(model, 1e4), safety={"max_speed_cm_s": 30.0}).appear()
    rig.raster(rig.history_ms).run()
    sent = rig.results.outputs[-2]
    wanted = decoded_velocity(faster(model, 1e4), rig.results.latents[-1][1])
    assert np.hypot(*sent.values) == pytest.approx(30.0)
    np.testing.assert_allclose(np.array(sent.values) / 30.0, wanted / np.hypot(*wanted), rtol=1e-4)
    assert rig.counted()["clamped"] == 1


def test_a_model_is_swapped_while_decoding_and_the_swaps_undone(
    model: DecoderSpecification,
) -> None:
    nexts = iter([faster(model, 2.0), faster(model, 3.0)])

    def load() -> DecoderSpecification:
        try:
            return next(nexts)
        except StopIteration:
            raise BundleError("other channels") from None

    rig = MemoryRig(model, load).appear()
    rig.raster(rig.history_ms)
    orders = [Command.SWAP, Command.SWAP, Command.UNDO, Command.UNDO, Command.UNDO, Command.SWAP]
    can_undo: list[bool] = []
    for command in orders:
        rig.command(command).raster(10).then(lambda: can_undo.append(rig.loop.swap.can_undo))
    assert rig.loop.swap.in_use is None
    rig.run()
    assert can_undo == [True] * 3 + [False] * 3
    assert rig.loop.swap.in_use == model.fingerprint
    assert rig.results.notices == [
        "decoder swapped", "decoder swapped", *["swap undone"] * 2,
        "no swap to undo", "decoder not swapped: other channels",
    ]  # fmt: skip
    factors = [2.0, 3.0, 2.0, 1.0, 1.0, 1.0]
    # What decoded each hop stands in its row of the timing stream.
    numbers = [row[TIMING_LABELS.index("bundle")] for _, row in rig.results.timing[-6:]]
    assert numbers == [faster(model, factor).fingerprint for factor in factors]
    assert len(set(numbers)) == 3
    sent = rig.results.outputs[-7:-1]
    for factor, velocity, (_, latent) in zip(factors, sent, rig.results.latents[-6:], strict=True):
        expected = decoded_velocity(faster(model, factor), latent)
        np.testing.assert_allclose(velocity.values, expected, rtol=1e-4)


def test_an_alarm_is_sounded(rig: MemoryRig) -> None:
    rig.raster(10).then(lambda: rig.alarms.append("the recorder has ended")).raster(10).run()
    assert rig.results.notices == ["the recorder has ended"]
    assert "the recorder has ended" in rig.reported


def test_equal_alarms_are_said_once_and_counted(rig: MemoryRig) -> None:
    for _ in range(1300):
        rig.then(lambda: rig.alarms.append("another decoder has this name")).raster(10)
    rig.then(lambda: rig.alarms.append("the recorder has ended")).run()
    assert [notice for notice in rig.results.notices if "decoder" in notice] == [
        "another decoder has this name",
        "another decoder has this name (999 more times)",
        "another decoder has this name (300 more times)",
    ]
    assert rig.results.notices.count("the recorder has ended") == 1
    assert [text for text in rig.reported if "decoder" in text] == [
        notice for notice in rig.results.notices if "decoder" in notice
    ]


def test_many_steps_of_the_clock_are_one_notice_now_and_then(rig: MemoryRig) -> None:
    for step in range(300):
        rig.raster(10, shift_ns=step % 2 * 3600_000 * MS)
    rig.run()
    told = [notice for notice in rig.results.notices if notice.startswith("clock step")]
    assert len(told) == 2
    assert "number 1)" in told[0]
    assert told[1].endswith("more times)")


def test_each_command_is_answered(rig: MemoryRig) -> None:
    rig.raster(10)
    for command in (Command.FASTER, Command.SLOWER, Command.FASTER, Command.UNDO, Command.UNDO):
        rig.command(command).raster(10)
    rig.run()
    assert rig.results.notices == ["gain 1.10", "gain 1.00", "gain 1.10", *["no swap to undo"] * 2]


def test_a_process_that_was_paused_shows_nothing_of_the_past(rig: MemoryRig) -> None:
    rig.raster(rig.history_ms + 100)
    paused_at_ns = rig.now_ns
    rig.then(Pause(1000 * MS)).raster(1300).run()
    # The history has filled again by the time that there is something of now to show.
    assert rig.states == [CONNECTING, WARMING, RUNNING, STALE, RUNNING, STOPPED]
    shown_ns = np.array([ns for ns, _ in rig.results.latents])
    gap_ns = np.diff(shown_ns).max()
    assert gap_ns > 900 * MS, "a second of velocities is left out"
    assert rig.counted()["passed_over"] > 50
    assert rig.counted()["missing"] == 0
    assert shown_ns.max() > paused_at_ns + 1200 * MS
    rig.check_standing_still()


def test_a_pause_while_something_is_sent_is_no_different(rig: MemoryRig) -> None:
    send, n_sent = rig.results.push_output, 0

    def paused_once(values: Float32Array, stamp_ns: int) -> None:
        nonlocal n_sent
        send(values, stamp_ns)
        n_sent += 1
        if n_sent == rig.history_ms // 10 + 5:
            rig.clock.sleep(1.0)

    rig.results.push_output = paused_once  # type: ignore[method-assign]
    rig.raster(rig.history_ms + 1400).run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, STALE, RUNNING, STOPPED]
    shown_ns = np.array([ns for ns, _ in rig.results.latents])
    assert np.diff(shown_ns).max() > 900 * MS, "a second of velocities is left out"
    rig.check_standing_still()


def test_what_was_held_back_is_binned_but_not_shown(rig: MemoryRig) -> None:
    """When a network is cut and heals, half a second of data comes all at once."""
    rig.raster(rig.history_ms + 100).raster(500, chunk_ms=500)
    healed_ns = rig.now_ns
    rig.raster(100).run()
    assert STALE in rig.states
    ends_ns = np.array([ns for ns, _ in rig.results.latents])
    after = ends_ns[ends_ns > healed_ns - 500 * MS]
    assert after.min() > healed_ns - 30 * MS, "nothing of what was held back"
    assert rig.counted()["missing"] == 0
    assert rig.states[-2] is RUNNING


class SlowDecoder(Decoder):
    """A decoder that takes 15 ms of the rig's clock per hop."""

    clock = None

    def _decode(self, end_ns: int, closed_ns: int, ready: bool) -> Decoded:
        assert SlowDecoder.clock is not None
        SlowDecoder.clock.sleep(0.015)
        return super()._decode(end_ns, closed_ns, ready)


def test_an_overloaded_decoder_goes_on_with_the_newest_data(
    model: DecoderSpecification, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 15 ms per hop of 10 ms it falls behind, reports it, and passes over hops."""
    monkeypatch.setattr("rt_ner.live.parts.connection.Decoder", SlowDecoder)
    rig = MemoryRig(model, safety={"overload_hops": 5, "stale_ms": 5000.0})
    monkeypatch.setattr(SlowDecoder, "clock", rig.clock)
    # Warming up takes its time on this decoder.
    rig.appear().wait(10_000).raster(2000)
    last_ns = rig.now_ns
    rig.wait(100).run()
    assert any("overload: 5 deadlines missed" in notice for notice in rig.results.notices)
    counts = rig.counted()
    assert counts["passed_over"] > 10
    assert counts["missing"] == counts["skipped"] == 0
    assert counts["used"] == 2000, "all spikes are binned"
    assert rig.results.latents[-1][0] > last_ns - 30 * MS, "the newest are shown"


def test_data_that_make_no_hop_do_not_keep_the_cursor_moving(
    model: DecoderSpecification, rng: np.random.Generator
) -> None:
    """Gaps blind the detector again and again: samples are used, yet nothing is decoded."""
    channels = model.channel_ids
    rig = MemoryRig(model, detector={"learn_s": 0.1})
    rig.appear(raster_stream(channels, 30_000.0, InputKind.BROADBAND))
    voltage = rng.integers(-50, 50, (600, len(channels)), dtype=np.int16)

    def send(gap_ms: int) -> None:
        begin_ns = rig.now_ns + gap_ms * MS
        stamps_ns = begin_ns + (np.arange(600, dtype=np.int64) + 1) * 10**9 // 30_000
        rig.now_ns = begin_ns + 20 * MS
        rig.then(VoltageChunk(stamps_ns, voltage))

    for _ in range(60):
        send(0)
    for _ in range(20):
        send(5)
    rig.run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, STALE, STOPPED]


def test_chunks_longer_than_the_stale_time_are_told_with_the_value_to_set(rig: MemoryRig) -> None:
    for _ in range(8):
        rig.wait(250).raster(250, shift_ns=-250 * MS, chunk_ms=250)
        rig.now_ns -= 250 * MS
    rig.run()
    notice, *more = [text for text in rig.results.notices if "stale_ms" in text]
    assert all("more times" in text for text in more)
    assert "data every 250 ms, later than stale_ms = 200" in notice
    assert "set stale_ms = 400 in [safety]" in notice


def test_uneven_stamps_are_told_once(rig: MemoryRig) -> None:
    channels = rig.channel_ids
    counts = np.zeros((30, len(channels)), dtype=np.int16)
    for _ in range(100):
        rig.wait(30)
        stamps_ns = rig.now_ns + np.arange(30, dtype=np.int64) * 20_000
        rig.then(RasterChunk(stamps_ns, counts))
    rig.run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, STOPPED]
    assert len([text for text in rig.results.notices if "uneven time stamps" in text]) == 1
    assert rig.counted()["missing"] == 0


@pytest.mark.parametrize("lost", [0.2, 0.4])
def test_a_source_with_exact_stamps_that_loses_much_stays_running(
    rig: MemoryRig, lost: float, rng: np.random.Generator
) -> None:
    stamps_ns = rig.now_ns + lossy(lost, rng, 2000)
    counts = np.zeros((stamps_ns.size, len(rig.channel_ids)), dtype=np.int16)
    for first in range(0, stamps_ns.size, 8):
        part = slice(first, first + 8)
        rig.now_ns = max(rig.now_ns, int(stamps_ns[part].max()))
        rig.then(RasterChunk(stamps_ns[part], counts[part]))
    rig.run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, STOPPED]
    assert rig.counted()["smoothed"] == 0
    assert not any("uneven" in notice for notice in rig.results.notices)
    assert rig.counted()["missing"] > 0.9 * lost * 2000


def test_gaps_that_keep_the_history_from_filling_are_told(rig: MemoryRig) -> None:
    for _ in range(70):
        rig.raster(80).wait(10)
    rig.run()
    assert RUNNING not in rig.states
    (told, *_) = [notice for notice in rig.results.notices if "losses" in notice]
    assert "% of the newest input could not be used: missing" in told
    assert "after each the history fills anew; samples are missing: check the cable" in told


HAPPENINGS = st.sampled_from(
    ["raster", "burst", "wait", "long wait", "pause", "vanish", "freeze", "appear", "other",
     "step", "hold", "resume", "reset", "faster", "undo"]
)  # fmt: skip


@settings(max_examples=10)
@given(st.lists(st.tuples(HAPPENINGS, st.integers(1, 400)), max_size=15))
def test_whatever_happens_the_cursor_moves_in_running_alone(
    small_bundle: Bundle, plan: list[tuple[str, int]]
) -> None:
    # Its probabilities are sent too, and must not look like a decision.
    model = classifying(small_bundle.model)
    rig = MemoryRig(model).appear()
    shift_ns = 0
    for what, amount in plan:
        if what in ("raster", "burst"):
            rig.raster(2 * amount, shift_ns, chunk_ms=2 * amount if what == "burst" else 5)
        elif what in ("wait", "long wait"):
            rig.wait(amount if what == "wait" else 10 * amount)
        elif what == "pause":
            rig.then(Pause(amount * MS))
        elif what in ("vanish", "freeze"):
            rig.then(Vanish(what == "vanish"))
        elif what in ("appear", "other"):
            rig.appear(None if what == "appear" else raster_stream(model.channel_ids[:10]))
        elif what == "step":
            shift_ns += (amount - 200) * 1000 * MS
        else:
            rig.command(Command(what))
    with suppress(StreamError):
        # The first source that is there may be one that does not fit.
        rig.run()
    rig.check_standing_still()
    assert [sent.stamp_ns for sent in rig.results.classes] == [
        sent.stamp_ns for sent in rig.results.outputs
    ]
    stamps_ns = [ns for ns, _ in rig.results.states]
    assert stamps_ns == sorted(stamps_ns)
    assert rig.states[-1] is STOPPED
    assert not rig.moving()[-1:] or not rig.moving()[-1]


def test_probabilities_are_zero_where_nothing_is_decoded(model: DecoderSpecification) -> None:
    rig = MemoryRig(classifying(model)).appear().raster(model.window.history_ns // MS + 100)
    broken = np.zeros((10, len(rig.channel_ids)), dtype=np.int16)
    broken[3, 5] = -1
    stamps_ns = rig.now_ns + np.arange(1, 11, dtype=np.int64) * MS
    rig.wait(10).then(RasterChunk(stamps_ns, broken)).raster(200).command(Command.HOLD)
    rig.raster(50).run()
    assert rig.counted()["invalid"] == 1
    sums = {sent.stamp_ns: sum(sent.values) for sent in rig.results.classes}
    assert sums[int(stamps_ns[-1])] == 0.0, "running, but its counts are invalid"
    latents = dict(rig.results.latents)
    decided = [stamp_ns for stamp_ns, total in sums.items() if total > 0]
    assert [sums[stamp_ns] for stamp_ns in decided] == pytest.approx([1.0] * len(decided))
    assert len(decided) > 20
    assert all(np.isfinite(latents[stamp_ns]).all() for stamp_ns in decided)
    assert list(sums.values())[-6:] == [0.0] * 6, "on hold"


def test_without_a_classifier_no_probabilities_are_sent(rig: MemoryRig) -> None:
    assert not rig.raster(rig.history_ms + 20).run().results.classes


def decoded_velocity(model: DecoderSpecification, latent: np.ndarray) -> np.ndarray:
    return latent @ model.readout.matrix + model.readout.bias


def faster(model: DecoderSpecification, factor: float) -> DecoderSpecification:
    """Return a model whose velocity is a multiple of the other's."""
    readout = Readout(factor * model.readout.matrix, model.readout.bias)
    return replace(model, readout=readout)
