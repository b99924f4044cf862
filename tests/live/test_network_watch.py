"""The watch on real LSL: strangers are told of, and the source come back is noticed."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pylsl
import pytest

from rt_ner.lsl.discovery import StreamQuery, query_for_same
from rt_ner.lsl.network.lookout import Lookout
from rt_ner.lsl.spikes.network_watch import NetworkWatch
from tests.helpers.waiting import LONGEST_S, wait_until


def announced(name: str, source_id: str, lsl_type: str = "Spikes") -> pylsl.StreamOutlet:
    return pylsl.StreamOutlet(pylsl.StreamInfo(name, lsl_type, 2, 1000, "int16", source_id))


def connect(watch: NetworkWatch, outlet: pylsl.StreamOutlet) -> None:
    info = outlet.get_info()
    watch.connected_to(info.uid(), query_for_same(info))


@contextmanager
def watching(name: str) -> Iterator[tuple[NetworkWatch, "queue.Queue[str]"]]:
    """A watch for streams of this name, and what it says."""
    notices: queue.Queue[str] = queue.Queue()
    watch = NetworkWatch(StreamQuery(("Spikes",), name=name), notices.put)
    lookout = Lookout([watch], every_s=0.05)
    try:
        yield watch, notices
    finally:
        lookout.close()


def test_strangers_are_announced_once_each_and_the_own_stream_never(source_id: str) -> None:
    own, first = announced(source_id, "own"), announced(source_id, "first")
    others = [announced(source_id, "typed", "EEG"), announced(source_id + "x", "named")]
    with watching(source_id) as (watch, notices):
        connect(watch, own)
        notice = notices.get(timeout=LONGEST_S)
        assert "another stream matches and is left alone" in notice
        assert "source_id 'first'" in notice
        # By the time that a second one is announced, the first was seen again.
        second = announced(source_id, "second")
        assert "source_id 'second'" in notices.get(timeout=LONGEST_S)
        assert not watch.source_came_back
    assert notices.empty()
    del own, first, second, others


def test_nothing_is_strange_before_there_is_a_connection(source_id: str) -> None:
    own, first = announced(source_id, "own"), announced(source_id, "first")
    with watching(source_id) as (watch, notices):
        with pytest.raises(queue.Empty):
            notices.get(timeout=1.0)
        connect(watch, own)
        assert "'first'" in notices.get(timeout=LONGEST_S)
    del own, first


def test_nothing_is_strange_while_a_source_is_searched(source_id: str) -> None:
    """The source that comes back changed is refused, and is no other stream."""
    own, changed = announced(source_id, "own"), announced(source_id, "own")
    notices: list[str] = []
    watch = NetworkWatch(StreamQuery(("Spikes",), name=source_id), notices.append)
    connect(watch, own)
    watch.searching()
    watch.look([changed.get_info()])
    assert notices == []
    connect(watch, own)
    watch.look([changed.get_info()])
    assert "another stream matches" in notices[0]


def test_the_source_come_back_is_noticed(source_id: str) -> None:
    """The same source under a new identity: a connection that has gone silent is dead."""
    outlets = [announced(source_id, "own")]
    with watching(source_id) as (watch, _):
        connect(watch, outlets[0])
        outlets.append(announced(source_id, "own"))
        wait_until(lambda: watch.source_came_back)
        connect(watch, outlets[1])
        del outlets[0]
        wait_until(lambda: not watch.source_came_back)


def test_a_double_that_goes_again_was_no_come_back(source_id: str) -> None:
    own, double = announced(source_id, "own"), [announced(source_id, "own")]
    with watching(source_id) as (watch, _):
        connect(watch, own)
        wait_until(lambda: watch.source_came_back)
        double.clear()
        wait_until(lambda: not watch.source_came_back)
    del own


def test_closing_ends_the_watch(source_id: str) -> None:
    before = set(threading.enumerate())
    with watching(source_id):
        assert set(threading.enumerate()) - before
    assert not set(threading.enumerate()) - before
