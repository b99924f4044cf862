"""Hops that were held back are told from current ones, whatever the source's clock."""

from hypothesis import given
from hypothesis import strategies as st

from rt_ner.live.rules.backlog import Backlog

MS, S = 1_000_000, 1_000_000_000
HOP_NS = 10 * MS


def after_an_outage(usual_lag_ns: int) -> Backlog:
    backlog = Backlog(HOP_NS)
    backlog.published(usual_lag_ns, 0)
    backlog.begin_after_outage()
    return backlog


def test_a_backlog_is_old_until_it_lags_no_more_than_usual() -> None:
    backlog = after_an_outage(MS)
    for k in range(200):
        lag_ns = (2000 - 10 * k) * MS
        old = backlog.is_old(lag_ns, 10 * S + k * MS, is_drained=True)
        assert old == (lag_ns > MS + HOP_NS)


def test_a_backlog_that_takes_long_to_arrive_is_old_all_the_while() -> None:
    """With a hop every 8 ms, a lag of five seconds shrinks for twenty."""
    backlog = after_an_outage(MS)
    for k in range(2400):
        lag_ns = 5 * S - k * 2 * MS
        assert backlog.is_old(lag_ns, 10 * S + k * 8 * MS, is_drained=True)


def test_a_lag_that_stays_is_the_usual_after_a_second() -> None:
    backlog = after_an_outage(MS)
    old = [backlog.is_old(300 * MS, 10 * S + k * HOP_NS, is_drained=True) for k in range(200)]
    assert old == [True] * 100 + [False] * 100


@given(lag_ns=st.integers(-3600 * S, 3600 * S))
def test_while_more_waits_nothing_is_the_newest(lag_ns: int) -> None:
    assert after_an_outage(0).is_old(lag_ns, S, is_drained=False)


@given(usual_lag_ns=st.integers(-3600 * S, 3600 * S), gain_ns=st.integers(0, 3600 * S))
def test_no_more_lag_than_usual_is_of_now(usual_lag_ns: int, gain_ns: int) -> None:
    """This holds for any offset of the source's clock, and for a replay that runs ahead of it."""
    backlog = after_an_outage(usual_lag_ns)
    assert not backlog.is_old(usual_lag_ns - gain_ns, S, is_drained=True)
    backlog.published(usual_lag_ns - gain_ns, 0)
    assert not backlog.behind


def test_hops_that_were_passed_over_keep_it_behind() -> None:
    backlog = after_an_outage(0)
    backlog.published(0, 3)
    assert backlog.behind
    backlog.published(0, 0)
    assert not backlog.behind


@given(lag_ns=st.integers(-3600 * S, 3600 * S))
def test_in_an_overload_the_newest_is_of_now_however_it_lags(lag_ns: int) -> None:
    backlog = after_an_outage(0)
    backlog.begin_in_overload()
    assert backlog.behind
    assert not backlog.is_old(lag_ns, 10 * S, is_drained=True)
    assert backlog.is_old(lag_ns, 10 * S, is_drained=False)
