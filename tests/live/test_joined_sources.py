"""Two sources on real LSL, joined; one is killed and started again."""

import numpy as np

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.input_counts import FATES, InputCounts
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.live.states import State
from tests.helpers.joined_rig import HOP_MS, decoded_hops, labels_of, part, two_areas
from tests.helpers.memory_rig import START_NS
from tests.helpers.rig import MS, PATIENT, Decoding, Source, history_ms, inlet, pulled
from tests.helpers.waiting import LONGEST_S


def begin(decoding: Decoding, sources: list[Source], sent_ms: int) -> None:
    """Send from both sources, from one moment on, until the cursor moves."""
    for source in sources:
        source.wait_for_listener()
        source.now_ns = max(each.now_ns for each in sources)
    decoding.expect(State.CONNECTING, State.WARMING)
    for source in sources:
        source.push(sent_ms)
    decoding.expect(State.RUNNING)


def heard(decoding: Decoding, text: str) -> None:
    while text not in decoding.notices.get(timeout=LONGEST_S):
        pass


def started(source_id: str) -> list[Source]:
    return [Source(f"{source_id}-{number}", labels_of(number)) for number in (0, 1)]


def joined(source_id: str, missing_source: str) -> dict[str, object]:
    ids = [source_id_of(f"{source_id}-{number}", Kind.SPIKES) for number in (0, 1)]
    return {"source_id": "", "sources": ids, "missing_source": missing_source}


def pulled_of(decoding: Decoding) -> int:
    counts = decoding.loop.statistics.input_counts
    return int(sum(counts[fate] for fate in FATES))


def test_the_cursor_stands_still_until_a_killed_source_is_back(
    small_bundle: Bundle, source_id: str
) -> None:
    model, filled_ms = two_areas(small_bundle), history_ms(small_bundle)
    wanted = joined(source_id, "stop")
    with Decoding(model, source_id, input=wanted, safety=PATIENT) as decoding:
        velocity = inlet(decoding.name, Kind.VELOCITY)
        sources = started(source_id)
        begin(decoding, sources, filled_ms + 100)
        moved, _ = pulled(velocity, (filled_ms + 100) // HOP_MS)
        sources.pop()
        heard(decoding, f"connection lost: '{wanted['sources'][1]}' (PMd): the source has gone")
        assert decoding.loop.statistics.n_connections == 1
        sources.append(Source(f"{source_id}-1", labels_of(1)))
        begin(decoding, sources, filled_ms)
        again, _ = pulled(velocity, 1 + filled_ms // HOP_MS)
    assert moved[filled_ms // HOP_MS - 1 :].any(axis=1).all()
    assert not again[:-1].any(), "neither at the loss nor while the history fills"
    assert again[-1].any()
    counts = decoding.loop.statistics.input_counts
    assert counts[InputCounts.USED] == pulled_of(decoding) == 2 * (2 * filled_ms + 100)


def test_decoding_goes_on_without_a_killed_source(small_bundle: Bundle, source_id: str) -> None:
    model, filled_ms = two_areas(small_bundle), history_ms(small_bundle)
    wanted = joined(source_id, "without")
    with Decoding(model, source_id, input=wanted, safety=PATIENT) as decoding:
        velocity = inlet(decoding.name, Kind.VELOCITY)
        sources = started(source_id)
        begin(decoding, sources, filled_ms)
        hops = inlet(decoding.name, Kind.COUNTS)
        sources.pop()
        heard(decoding, "(PMd): the source has gone")
        sources[0].push(200)
        heard(decoding, "decoding goes on without")
        sources.append(Source(f"{source_id}-1", labels_of(1)))
        sources[1].wait_for_listener()
        sources[1].now_ns = sources[0].now_ns
        for source in sources:
            source.push(filled_ms + 100)
        heard(decoding, "(PMd) is back and is decoded again")
        # Those hops may all have been closed before the first of them came from both.
        for source in sources:
            source.push(100)
        n = (filled_ms + 400) // HOP_MS
        counts, ends_ns = pulled(hops, n)
        values, _ = pulled(velocity, filled_ms // HOP_MS + n)
    check_neutral(model.neutral_counts, counts)
    assert pulled_of(decoding) == (2 * filled_ms + 400) + (2 * filled_ms + 200)
    # The counts that were published give the very velocities that were published, from the first
    # full history of theirs on.
    given = {round((end - START_NS) / MS): row for end, row in zip(ends_ns, counts, strict=True)}
    decoded = [row for _, row in decoded_hops(model, given)][filled_ms // HOP_MS - 1 :]
    np.testing.assert_array_equal(values[-len(decoded) :], np.array(decoded))
    assert values[filled_ms // HOP_MS - 1 :].any(axis=1).all(), "the cursor never stops"


def check_neutral(neutral: np.ndarray | None, counts: np.ndarray) -> None:
    """Check that the killed source's channels are neutral until it is back, and then are counts."""
    assert neutral is not None
    is_neutral = (counts[:, part(1)] == neutral[part(1)]).all(axis=1)
    n_neutral = int(is_neutral.sum())
    assert n_neutral >= 20
    assert is_neutral[:n_neutral].all()
    measured = counts[n_neutral:]
    np.testing.assert_array_equal(measured, np.rint(measured))
    assert len(measured) > 0
