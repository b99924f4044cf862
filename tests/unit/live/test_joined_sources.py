"""Two sources are decoded as one, exactly, also if one is killed, silent, late or out of phase."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.chunks import RasterChunk, VoltageChunk
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.operator.status_line import snapshot
from rt_ner.live.ports.memory_spikes import Pause
from rt_ner.live.states import State
from rt_ner.offline.decoding import decode_chunks
from tests.helpers.joined_rig import (
    HOP_MS,
    JoinedRig,
    cut,
    events_of,
    labels_of,
    part,
    spikes_of,
    two_areas,
)
from tests.helpers.memory_rig import MS, START_NS, raster_stream

CONNECTING, WARMING, RUNNING, HOLD, STALE, FAULT, STOPPED = State
BOTH = (0, 1)


@pytest.fixture
def model(small_bundle: Bundle) -> DecoderSpecification:
    return two_areas(small_bundle)


def both_appear(model: DecoderSpecification, missing_source: str = "stop") -> JoinedRig:
    rig = JoinedRig(model, missing_source)
    for source in BOTH:
        rig.appears(0, source)
    return rig


def offline(model: DecoderSpecification, rig: JoinedRig, end_ms: int) -> dict[int, bytes]:
    """Return the outputs of one joint source, by their stamps, from a file."""
    stamps_ns = START_NS + (np.arange(end_ms, dtype=np.int64) + 1) * MS
    binner = raster_binner(len(model.channel_ids), HOP_MS * MS, float(MS))
    decoded = decode_chunks(model, binner, [RasterChunk(stamps_ns, rig.counts[:end_ms])])
    ends = decoded.end_ns.tolist()
    return {end: row.tobytes() for end, row in zip(ends, decoded.values, strict=True)}


def sent(rig: JoinedRig) -> dict[int, bytes]:
    return {each.stamp_ns: np.float32(each.values).tobytes() for each in rig.results.outputs}


@settings(max_examples=5)
@given(st.lists(st.integers(1, 90), min_size=1, max_size=4), st.integers(1, 60), st.integers(0, 80))
def test_two_sources_give_what_one_joint_source_gives_offline(
    small_bundle: Bundle, sizes: list[int], size: int, late_ms: int
) -> None:
    """However both are cut into chunks, and however late one is."""
    model = two_areas(small_bundle)
    rig = both_appear(model)
    end_ms = rig.history_ms + 400
    rig.sends(0, 0, end_ms, sizes)
    rig.sends(1, 0, end_ms, [size], late_ms)
    rig.run()
    expected = offline(model, rig, end_ms)
    got = sent(rig)
    assert {end: got.get(end) for end in expected} == expected
    assert len(expected) >= 40
    for source in BOTH:
        counts = rig.of_source(source)
        assert counts["used"] == HOP_MS * len(rig.results.latents)
        assert counts["pulled"] == rig.n_sent[source] == end_ms
        assert counts["missing"] == counts["late"] == 0


def test_counts_and_single_spikes_are_joined(model: DecoderSpecification) -> None:
    rig = JoinedRig(model)
    end_ms = rig.history_ms + 300
    rig.appears(0, 0)
    rig.appears(0, 1, events_of(1))
    rig.sends(0, 0, end_ms)
    for first, last in cut(0, end_ms, [7, 20]):
        rig.at(last, 1, spikes_of(rig, 1, first, last))
    rig.run(150)
    expected = offline(model, rig, end_ms)
    got = sent(rig)
    assert {end: got.get(end) for end in expected} == expected
    counted = sum(int(counts[part(1)].sum()) for _, counts in rig.results.counts)
    assert rig.of_source(1)["used"] == counted
    assert rig.of_source(1)["late"] == 0


def test_sources_out_of_phase_keep_their_own_time(model: DecoderSpecification) -> None:
    """Each sample counts where its own centre lies, as it does for a source alone."""
    rig = both_appear(model)
    end_ms, shift_ns = rig.history_ms + 100, 700_000
    rig.sends(0, 0, end_ms)
    for first, last in cut(0, end_ms, [1]):
        chunk = rig.chunk(1, first, last)
        rig.at(last + 1, 1, chunk._replace(stamp_ns=chunk.stamp_ns + shift_ns))
    rig.run()
    n = len(model.channel_ids) - len(labels_of(0))
    alone = raster_binner(n, HOP_MS * MS, float(MS))
    whole = rig.chunk(1, 0, end_ms)
    shifted = RasterChunk(whole.stamp_ns + shift_ns, whole.counts)
    expected = {(end - START_NS) // MS: alone.counts.copy() for end in alone.push(shifted)}
    hops = rig.hops()
    assert len(hops) > rig.history_ms // HOP_MS
    for end_ms, counts in hops.items():
        np.testing.assert_array_equal(counts[part(1)], expected[end_ms])
        np.testing.assert_array_equal(counts[part(0)], rig.measured(end_ms)[part(0)])
    assert rig.check_outputs() > 0


def test_the_cursor_stands_still_without_a_source_that_was_killed(
    model: DecoderSpecification,
) -> None:
    rig = both_appear(model)
    killed_ms = rig.history_ms + 203
    back_ms, end_ms = killed_ms + 1000, killed_ms + 2497 + rig.history_ms
    rig.sends(0, 0, end_ms)
    rig.sends(1, 0, killed_ms)
    rig.vanishes(killed_ms, 1)
    rig.appears(back_ms, 1)
    rig.sends(1, back_ms + 300, end_ms)
    rig.run()
    again = [CONNECTING, WARMING, RUNNING, STOPPED]
    assert rig.states[:3] + rig.states[-4:] == [CONNECTING, WARMING, RUNNING, *again]
    assert "connection lost: 'nsp2/spikes' (PMd): the source has gone" in rig.results.notices
    assert rig.check_outputs() > 100
    for end, counts in rig.hops().items():
        np.testing.assert_array_equal(counts, rig.measured(end))
    for source in BOTH:
        counts = rig.of_source(source)
        assert counts["used"] == HOP_MS * len(rig.results.latents)
        assert counts["missing"] == counts["late"] == counts["invalid"] == 0
    assert rig.of_source(1)["pulled"] == rig.n_sent[1]
    assert rig.counted()["connections"] == 2
    assert rig.counted()["used"] == sum(rig.of_source(source)["used"] for source in BOTH)


@pytest.mark.parametrize("killed", BOTH)
def test_decoding_goes_on_without_a_source_that_was_killed(
    model: DecoderSpecification, killed: int
) -> None:
    """Its channels are neutral from its last hop on, until it has sent a full history again."""
    rig = both_appear(model, "without")
    other = 1 - killed
    killed_ms = rig.history_ms + 203
    back_ms = killed_ms + 2400
    joins_ms = back_ms // HOP_MS * HOP_MS + 2 * HOP_MS + rig.history_ms
    end_ms = joins_ms + rig.history_ms
    rig.sends(other, 0, end_ms)
    rig.sends(killed, 0, killed_ms)
    rig.vanishes(killed_ms, killed)
    rig.appears(killed_ms + 1000, killed)
    rig.sends(killed, back_ms, end_ms)
    rig.run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, STOPPED]
    assert model.neutral_counts is not None
    hops = rig.hops()
    for end, counts in hops.items():
        np.testing.assert_array_equal(counts[part(other)], rig.measured(end)[part(other)])
        is_away = killed_ms // HOP_MS * HOP_MS < end < joins_ms
        expected = model.neutral_counts if is_away else rig.measured(end)
        np.testing.assert_array_equal(counts[part(killed)], expected[part(killed)])
    assert list(hops) == list(range(min(hops), end_ms + 1, HOP_MS))
    assert rig.check_outputs() == len(hops) - rig.history_ms // HOP_MS + 1
    assert rig.of_source(other)["pulled"] == rig.n_sent[other]
    assert rig.of_source(other)["used"] == HOP_MS * len(hops)
    counts = rig.of_source(killed)
    assert counts["pulled"] == rig.n_sent[killed]
    n_with = sum(not killed_ms // HOP_MS * HOP_MS < end < joins_ms for end in hops)
    assert counts["used"] == HOP_MS * n_with
    name = f"'nsp{killed + 1}/spikes' ({('M1', 'PMd')[killed]})"
    assert [notice for notice in rig.results.notices if name in notice][1:] == [
        f"connection lost: {name}: the source has gone",
        f"decoding goes on without {name}: its channels are set to the counts that are usual for "
        "them",
        f"{name} is back and is decoded again",
    ]


def test_a_source_that_falls_silent_stops_the_cursor_and_then_is_left_out(
    model: DecoderSpecification,
) -> None:
    """Its connection stays open. It comes back under a new identity."""
    rig = both_appear(model, "without")
    silent_ms = rig.history_ms + 200
    end_ms = silent_ms + 2600 + 2 * rig.history_ms
    rig.sends(0, 0, end_ms)
    rig.sends(1, 0, silent_ms)
    rig.vanishes(silent_ms, 1, connection_ends=False)
    rig.appears(silent_ms + 1000, 1)
    rig.sends(1, silent_ms + 2400, end_ms)
    rig.run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, STALE, RUNNING, STOPPED]
    stale_ns, runs_ns = (rig.results.states[k][0] for k in (3, 4))
    assert 200 * MS <= stale_ns - START_NS - silent_ms * MS <= 230 * MS
    assert 400 * MS <= runs_ns - START_NS - silent_ms * MS <= 430 * MS
    assert rig.counted()["passed_over"] > 30
    assert any("'nsp2/spikes' (PMd) sends nothing" in notice for notice in rig.results.notices)
    assert "'nsp2/spikes' (PMd) is back and is decoded again" in rig.results.notices
    np.testing.assert_array_equal(rig.hops()[end_ms], rig.measured(end_ms))
    rig.check_standing_still()
    assert rig.of_source(1)["pulled"] == rig.n_sent[1]


def test_a_gap_in_one_source_starts_the_history_over(model: DecoderSpecification) -> None:
    rig = both_appear(model)
    gap_ms = rig.history_ms + 100
    end_ms = gap_ms + 50 + rig.history_ms + 100
    rig.sends(0, 0, end_ms)
    rig.sends(1, 0, gap_ms)
    rig.sends(1, gap_ms + 50, end_ms)
    rig.run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, WARMING, RUNNING, STOPPED]
    assert rig.check_outputs() > 0
    counts = rig.of_source(0)
    assert counts["undecodable"] == end_ms - HOP_MS * len(rig.results.latents)
    assert counts["pulled"] == end_ms
    assert rig.of_source(1)["missing"] == 50


def test_a_source_may_appear_late_and_the_operator_is_told_which(
    model: DecoderSpecification,
) -> None:
    for missing_source in ("stop", "without"):
        rig = JoinedRig(model, missing_source)
        end_ms = 2000 + rig.history_ms + 100
        rig.appears(0, 0)
        rig.sends(0, 0, end_ms)
        rig.appears(1500, 1)
        rig.sends(1, 0, end_ms)
        rig.run()
        assert rig.states == [CONNECTING, WARMING, RUNNING, STOPPED]
        assert min(rig.hops()) > 1500
        assert rig.check_outputs() > 0


def test_all_sources_may_go_and_one_come_back(model: DecoderSpecification) -> None:
    rig = both_appear(model, "without")
    killed_ms = rig.history_ms + 100
    end_ms = killed_ms + 2000 + rig.history_ms
    for source in BOTH:
        rig.sends(source, 0, killed_ms)
        rig.vanishes(killed_ms + 2, source)
    rig.appears(killed_ms + 1000, 1)
    rig.sends(1, killed_ms + 1500, end_ms)
    rig.run()
    assert rig.states[-4:] == [CONNECTING, WARMING, RUNNING, STOPPED]
    assert model.neutral_counts is not None
    expected = rig.measured(end_ms)
    expected[part(0)] = model.neutral_counts[part(0)]
    np.testing.assert_array_equal(rig.hops()[end_ms], expected)
    assert rig.check_outputs() > 0


def test_a_source_that_comes_back_changed_stays_left_out(model: DecoderSpecification) -> None:
    rig = both_appear(model, "without")
    killed_ms = rig.history_ms + 100
    rig.sends(0, 0, killed_ms + 1500)
    rig.sends(1, 0, killed_ms)
    rig.vanishes(killed_ms, 1)
    rig.appears(killed_ms + 100, 1, raster_stream(labels_of(1)[:20]))
    rig.run()
    notice = next(notice for notice in rig.results.notices if "came back changed" in notice)
    assert notice.startswith(
        "'nsp2/spikes' (PMd): came back changed: channels: expected 36, found 20"
    )
    assert rig.states == [CONNECTING, WARMING, RUNNING, STOPPED]


def test_a_source_of_another_area_is_refused(model: DecoderSpecification) -> None:
    rig = JoinedRig(model)
    for source in BOTH:
        rig.appears(0, source, raster_stream([f"M1/elec{k + 1:03}" for k in range(60)]))
    with pytest.raises(StreamError, match="'nsp2/spikes', which must be PMd: .*not in the stream"):
        rig.run()


def test_a_source_whose_clock_is_behind_is_named(model: DecoderSpecification) -> None:
    rig = both_appear(model)
    end_ms = rig.history_ms + 1500
    rig.sends(0, 0, end_ms)
    rig.sends(1, 0, end_ms - 1000, late_ms=1000)
    rig.run()
    assert any(
        notice.startswith("'nsp2/spikes' (PMd) is 1.0 s behind the other sources")
        for notice in rig.results.notices
    )
    assert rig.check_outputs() > 0


def test_the_counts_of_each_source_are_logged(model: DecoderSpecification) -> None:
    rig = both_appear(model)
    for source, end_ms in ((0, 100), (1, 50)):
        rig.sends(source, 0, end_ms)
    rig.run()
    by_source = rig.loop.statistics.counts_by_source()
    assert [(name, counts["used"]) for name, counts in by_source.items()] == [
        ("nsp1/spikes", 100),
        ("nsp2/spikes", 50),
    ]
    assert snapshot(rig.loop)["sources"] == by_source


def test_a_pause_of_the_process_costs_no_source(model: DecoderSpecification) -> None:
    """Both have data waiting when it ends, so none of them is left out."""
    rig = both_appear(model, "without")
    pause_ms = rig.history_ms + 100
    end_ms = pause_ms + 1500 + rig.history_ms
    for source in BOTH:
        rig.sends(source, 0, end_ms, [5])
    rig.at(pause_ms, 0, Pause(1200 * MS))
    rig.run()
    assert not any("goes on without" in notice for notice in rig.results.notices)
    assert rig.states[:4] == [CONNECTING, WARMING, RUNNING, STALE]
    assert rig.states[-2:] == [RUNNING, STOPPED]
    rig.check_standing_still()
    for source in BOTH:
        assert rig.of_source(source)["pulled"] == end_ms


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_silent_connection_is_given_up(model: DecoderSpecification, comes_back: bool) -> None:
    """As soon as the source is seen under a new identity, or after 5 s."""
    rig = both_appear(model)
    silent_ms = rig.history_ms + 100
    back_ms = silent_ms + (1000 if comes_back else 7000)
    end_ms = back_ms + 1500 + rig.history_ms
    rig.sends(0, 0, end_ms)
    rig.sends(1, 0, silent_ms)
    rig.vanishes(silent_ms, 1, connection_ends=False)
    rig.appears(back_ms, 1)
    rig.sends(1, back_ms + 1000, end_ms)
    rig.run()
    again = [CONNECTING, WARMING, RUNNING, STOPPED]
    assert rig.states == [CONNECTING, WARMING, RUNNING, STALE, *again]
    notices = [notice for notice in rig.results.notices if "'nsp2/spikes' (PMd)" in notice]
    assert "'nsp2/spikes' (PMd) sends nothing: the cursor stands still until it does" in notices
    why = "the source is back" if comes_back else "no data for 5 s, searching again"
    assert any(f"connection lost: 'nsp2/spikes' (PMd): {why}" in notice for notice in notices)
    assert rig.check_outputs() > 0
    assert rig.of_source(1)["pulled"] == rig.n_sent[1]


def test_voltage_and_counts_are_joined(model: DecoderSpecification) -> None:
    """While the detector learns its thresholds, the other source's hops wait in vain."""
    rig = JoinedRig(model)
    learned_ms = 2000
    end_ms = learned_ms + rig.history_ms + 200
    n = len(labels_of(1))
    rig.appears(0, 0)
    rig.appears(0, 1, raster_stream(labels_of(1), 30_000.0, InputKind.BROADBAND))
    rig.sends(0, 0, end_ms)
    noise = np.random.default_rng(0).normal(0, 10, (30, n)).astype(np.int16)
    for ms in range(end_ms):
        stamps_ns = START_NS + ms * MS + np.rint((np.arange(30) + 1) * MS / 30).astype(np.int64)
        rig.at(ms + 1, 1, VoltageChunk(stamps_ns, np.roll(noise, ms, axis=1)))
    rig.run()
    assert rig.states == [CONNECTING, WARMING, RUNNING, STOPPED]
    hops = rig.hops()
    assert learned_ms <= min(hops) <= learned_ms + 50
    for end, counts in hops.items():
        np.testing.assert_array_equal(counts[part(0)], rig.measured(end)[part(0)])
    assert rig.check_outputs() > 0
    assert rig.of_source(1)["pulled"] == 30 * end_ms
    counts = rig.of_source(0)
    assert counts["used"] == HOP_MS * len(hops)
    assert counts["pulled"] == end_ms
