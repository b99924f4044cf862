"""Packets of an emulated Blackrock device: each spike comes once, at its time; loss is counted."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.blackrock.packets import HEADER
from drivers.blackrock.receiver import Receiver, Spike
from tests.helpers.blackrock_emulator import Emulator, Network, heartbeat, packet, spike

MS = 1_000_000
S = 1_000_000_000


def run(receiver: Receiver, arriving: list[tuple[int, bytes]]) -> list[Spike]:
    spikes = []
    for arrival_ns, raw in arriving:
        receiver.take(raw, arrival_ns)
        spikes += receiver.spikes(arrival_ns)
    return spikes + receiver.spikes(arriving[-1][0] + S)


def spikes_of(raws: list[bytes]) -> list[tuple[int, int, int]]:
    return [h[:3] for h in map(HEADER.unpack_from, raws) if h[1] <= 96]


@pytest.mark.parametrize("lose_monitors", [False, True])
def test_spikes_once_loss_counted_clock_true(lose_monitors: bool) -> None:
    emulator = Emulator()
    arriving, lost = emulator.deliver(9.0, Network(lose_monitors=lose_monitors))
    receiver = Receiver(96)
    spikes = run(receiver, arriving)
    unique = sorted(set(spikes_of([raw for _, raw in arriving])))
    assert len(spikes) == len(unique) == receiver.counts.spikes
    assert Counter((s.channel, s.unit) for s in spikes) == Counter(u[1:] for u in unique)
    assert receiver.counts.repeated == len(arriving) - len({raw for _, raw in arriving})
    true_ns = np.array([emulator.local_ns(time) for time, _, _ in unique])
    error_ns = np.abs(np.array([s.time_ns for s in sorted(spikes)]) - true_ns)
    assert error_ns[true_ns > emulator.local_ns(7 * S)].max() < MS
    assert receiver.counts.malformed == receiver.counts.clock_resets == 0
    if lose_monitors:
        # At each gap, packets that overtook a monitor are counted wrong by a few.
        assert 0.9 * len(lost) < receiver.counts.lost < 1.1 * len(lost)
        assert receiver.counts.unknown_stretches > 0
    else:
        # Those before the first monitor can't be counted.
        assert abs(receiver.counts.lost - len(lost)) <= 60


def test_without_jitter_loss_is_exact_and_order_kept() -> None:
    arriving, lost = Emulator().deliver(2.0, Network(jitter_ns=0, lose_monitors=False))
    receiver = Receiver(96)
    times = [s.time_ns for s in run(receiver, arriving)]
    assert times == sorted(times)
    assert receiver.counts.late == 0
    # The first monitor only begins the count.
    n_counted = sum(HEADER.unpack_from(raw)[0] > 10 * MS for raw in lost)
    assert receiver.counts.lost == n_counted


def test_a_clock_set_back_is_counted_and_learned_anew() -> None:
    first, _ = Emulator().deliver(3.0, Network(loss=0))
    after = Emulator(offset_ns=Emulator().offset_ns + 4 * S)
    second, _ = after.deliver(1.5, Network(loss=0, duplication=0))
    receiver = Receiver(96)
    spikes = run(receiver, first + second)
    assert receiver.counts.clock_resets == 1
    sent = {raw for _, raw in first}, {raw for _, raw in second}
    assert len(spikes) == sum(len(spikes_of(list(raws))) for raws in sent)
    assert abs(max(spikes).time_ns - after.local_ns(1_500 * MS)) < 10 * MS


def test_voltage_and_ticks_of_30_khz() -> None:
    receiver = Receiver(3, 30_000, broadband=True)
    for k in range(100):
        receiver.take(heartbeat(300 * k), 5 * S + 10 * MS * k)
    receiver.take(packet(30_000, 0, 6, np.array([400, -8, 5, 0], "<i2").tobytes()), 6 * S)
    receiver.take(packet(30_000, 0, 6, bytes(4)), 6 * S)
    receiver.take(spike(30_000, 4, 1), 6 * S)
    times_ns, voltage_uv = receiver.samples()
    assert times_ns == [6 * S]
    assert voltage_uv.tolist() == [[100, -2, 1]]
    assert (receiver.counts.malformed, receiver.counts.elsewhere) == (1, 1)


@given(st.lists(st.tuples(st.binary(max_size=80), st.integers(0, 2**40)), max_size=8))
def test_no_bytes_crash_it(datagrams: list[tuple[bytes, int]]) -> None:
    receiver = Receiver(96, broadband=True)
    for raw, arrival_ns in datagrams:
        receiver.take(raw, arrival_ns)
        receiver.spikes(arrival_ns)
        receiver.samples()


SHORT, _ = Emulator(n_channels=8).deliver(0.6, Network())


@given(st.lists(st.integers(0, 400), max_size=30))
@settings(deadline=None, max_examples=20)
def test_any_chunking_gives_the_same_spikes(cuts: list[int]) -> None:
    raws = [raw for _, raw in SHORT]
    whole, cut = Receiver(8), Receiver(8)
    whole.take(b"".join(raws), S)
    edges = sorted({0, len(raws), *(c for c in cuts if c < len(raws))})
    for begin, end in zip(edges, edges[1:], strict=False):
        cut.take(b"".join(raws[begin:end]), S)
    for receiver in (whole, cut):
        for k in range(60):
            receiver.take(heartbeat((600 + 10 * k) * MS), S + 10 * k * MS)
    spikes = whole.spikes(3 * S)
    assert spikes
    assert spikes == cut.spikes(3 * S)
    assert whole.counts == cut.counts


def test_without_heartbeats_spikes_are_dropped_and_counted() -> None:
    receiver = Receiver(96)
    receiver.take(spike(1, 1, 1), S)
    assert receiver.spikes(9 * S) == []
    assert receiver.n_untimed() == 1
    receiver.give_up()
    assert receiver.counts.untimed == 1
