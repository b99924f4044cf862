"""Streams of plain pylsl, stamped as real amplifiers stamp them, are decoded or refused at once.

What LSL carries is decoded as the same samples are in memory, bit for bit. That those velocities
are the right ones is tested without LSL, in ``tests/unit/decoding/test_timing.py``.
"""

import uuid

import numpy as np
import pylsl
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.clock import nearest_grid_line_ns, next_grid_line_ns, ns_from_s, s_from_ns
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.data.session.session import Session
from rt_ner.live.states import State
from rt_ner.lsl.streams import local_now_ns
from tests.helpers.rig import PATIENT, Decoding, inlet
from tests.helpers.stamps import MS, PERIOD_NS, UNEVEN, UNEVEN_30_KHZ, Stamped, decode
from tests.helpers.waiting import LONGEST_S

N = 3000


def even(true_ns: np.ndarray, _: np.random.Generator) -> np.ndarray:
    return true_ns


def with_wild_ones(true_ns: np.ndarray, _: np.random.Generator) -> np.ndarray:
    stamp_ns = true_ns.copy()
    stamp_ns[[1000, 2000]] += np.array([3600, -3600]) * 1000 * MS
    return stamp_ns


def of_unix_time(true_ns: np.ndarray, _: np.random.Generator) -> np.ndarray:
    return true_ns + 1_795_000_000_000 * MS // PERIOD_NS * PERIOD_NS


CASES: dict[str, Stamped] = {
    "even": even, "wild ones": with_wild_ones, "seconds since 1970": of_unix_time, **UNEVEN,
}  # fmt: skip
# Samples per millisecond, and the way in which they are stamped.
TABLE = {
    **{f"{case} at 1 kHz": (1, stamped) for case, stamped in CASES.items()},
    **{
        f"{case} at 30 kHz": (30, UNEVEN_30_KHZ[case])
        for case in ("bursts of 300", "jitter both ways")
    },
}


class PlainSource:
    """A raster source written with pylsl alone."""

    def __init__(self, name: str, channel_ids: tuple[str, ...], rate_hz: float = 1000.0) -> None:
        info = pylsl.StreamInfo(
            "amplifier", "Spikes", len(channel_ids), rate_hz, pylsl.cf_int16,
            source_id_of(name, Kind.SPIKES),
        )  # fmt: skip
        info.set_channel_labels(list(channel_ids))
        self._outlet = pylsl.StreamOutlet(info)

    def push(self, counts: np.ndarray, stamp_ns: np.ndarray) -> None:
        assert self._outlet.wait_for_consumers(LONGEST_S)
        stamps_s = [s_from_ns(stamp) for stamp in stamp_ns.tolist()]
        for first in range(0, len(stamps_s), 100):
            piece = slice(first, first + 100)
            self._outlet.push_chunk(counts[piece], stamps_s[piece])


@pytest.fixture
def name() -> str:
    return f"wild-{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def counts(small_session: Session) -> np.ndarray:
    chunks = small_session.spikes.raster(0, N * MS)
    return np.concatenate([chunk.counts for chunk in chunks]).astype(np.int16)


@pytest.mark.parametrize("case", TABLE)
def test_it_decodes(small_bundle: Bundle, counts: np.ndarray, name: str, case: str) -> None:
    per_ms, stamped = TABLE[case]
    samples = np.zeros((N * per_ms, counts.shape[1]), dtype=np.int16)
    samples[per_ms // 2 :: per_ms] = counts
    begin_ns = next_grid_line_ns(local_now_ns(), 30 * MS)
    true_ns = begin_ns + np.rint(np.arange(1, N * per_ms + 1) * MS / per_ms).astype(np.int64)
    stamp_ns = stamped(true_ns, np.random.default_rng(1))
    # As LSL carries them: float seconds.
    stamp_ns = np.array([ns_from_s(s_from_ns(stamp)) for stamp in stamp_ns.tolist()])
    expected, _ = decode(small_bundle, stamp_ns, samples, rate_hz=1000.0 * per_ms)
    wanted = dict(zip(expected.end_ns.tolist(), expected.values.tolist(), strict=True))
    assert len(wanted) > 0.3 * N // 10
    got: dict[int, list[float]] = {}
    source = PlainSource(name, small_bundle.model.channel_ids, 1000.0 * per_ms)
    with Decoding(small_bundle.model, name, safety=PATIENT) as decoding:
        decoding.expect(State.CONNECTING, State.WARMING)
        velocity = inlet(decoding.name, Kind.VELOCITY)
        source.push(samples, stamp_ns)
        while max(wanted) not in got:
            (sample, stamp_s) = velocity.pull_sample(LONGEST_S)
            assert stamp_s, f"{len(got)} hops have come, {len(wanted)} were expected"
            got[nearest_grid_line_ns(ns_from_s(stamp_s), 10 * MS)] = sample
        decoding.expect(State.RUNNING)
    assert {end_ns: got.get(end_ns) for end_ns in wanted} == wanted


def test_ticks_are_refused_with_the_reason(
    small_bundle: Bundle, counts: np.ndarray, name: str
) -> None:
    stamp_ns = np.arange(1, N + 1) * 30_000 * MS
    source = PlainSource(name, small_bundle.model.channel_ids)
    with Decoding(small_bundle.model, name, safety=PATIENT) as decoding:
        decoding.expect(State.CONNECTING, State.WARMING)
        source.push(counts, stamp_ns)
        said = ""
        while "refused" not in said:
            said = decoding.notices.get(timeout=LONGEST_S)
        assert "the time stamps advance 30,000 s in each second" in said
