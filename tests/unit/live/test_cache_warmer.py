"""Caches are warmed shortly before a hop is due, and not for ever."""

from rt_ner.live.parts.cache_warmer import CacheWarmer
from rt_ner.live.settings import WakeUp

MS = 1_000_000
HOP_NS = 10 * MS


def test_nothing_is_warmed_before_a_first_hop() -> None:
    assert CacheWarmer(HOP_NS).due_ns > 10**18


def test_rehearsal_begins_shortly_before_the_next_hop() -> None:
    rehearsal = CacheWarmer(HOP_NS)
    rehearsal.hop_arrived(100 * MS)
    assert 109 * MS < rehearsal.due_ns < 110 * MS


def test_one_late_hop_hardly_moves_the_expectation_but_an_early_one_does() -> None:
    rehearsal = CacheWarmer(HOP_NS)
    rehearsal.hop_arrived(100 * MS)
    on_time = rehearsal.due_ns + HOP_NS
    rehearsal.hop_arrived(112 * MS)
    assert 0 < rehearsal.due_ns - on_time < MS // 4
    rehearsal.hop_arrived(118 * MS)
    assert rehearsal.due_ns == on_time - 2 * MS + HOP_NS


def test_a_lasting_shift_is_followed() -> None:
    rehearsal = CacheWarmer(HOP_NS)
    for hop in range(200):
        rehearsal.hop_arrived(hop * HOP_NS + (0 if hop < 50 else 3 * MS))
    assert abs(rehearsal.due_ns - (200 * HOP_NS + 3 * MS - 600_000)) < MS // 10


def test_a_hop_that_does_not_come_is_not_waited_for_awake() -> None:
    rehearsal = CacheWarmer(HOP_NS)
    rehearsal.hop_arrived(100 * MS)
    rehearsal.warmed(rehearsal.due_ns + MS)
    assert rehearsal.due_ns < 10**18
    rehearsal.warmed(rehearsal.due_ns + 2 * MS)
    assert rehearsal.due_ns > 10**18


def test_who_blocks_never_rehearses_and_who_spins_never_sleeps() -> None:
    blocking = CacheWarmer(HOP_NS, WakeUp.BLOCK)
    blocking.hop_arrived(100 * MS)
    assert blocking.due_ns > 10**18
    assert CacheWarmer(HOP_NS, WakeUp.SPIN).shortest_sleep_ns == 0
    assert CacheWarmer(HOP_NS).shortest_sleep_ns > 0
