"""A program's names are its own: a taken one is refused, and one that others take is an alarm."""

import queue
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import pylsl
import pytest

from drivers.noise.noise import NoiseSource
from drivers.noise.patterns import pattern_of
from drivers.source import opened
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.kinds import Kind, SpikeForm
from rt_ner.core.errors import StreamError
from rt_ner.live.ports.lsl.ports import open_lsl_ports
from rt_ner.live.settings import DecodeSettings, OutputSettings
from rt_ner.lsl.discovery import query_for
from rt_ner.lsl.network.lookout import Lookout
from rt_ner.lsl.network.own_names import OwnNames
from rt_ner.lsl.streams import open_outlet
from rt_ner.task.runner import TaskRunner
from rt_ner.task.settings import TaskSettings
from tests.helpers.rig import Decoding
from tests.helpers.waiting import LONGEST_S, wait_until

KINDS = (Kind.VELOCITY, Kind.STATE)


def announced(source: str, kind: Kind) -> pylsl.StreamOutlet:
    return open_outlet(source, kind, ["x"], "", None)


@contextmanager
def watched(names: OwnNames) -> Iterator["queue.Queue[str]"]:
    """Collect what the alarm says while the names are watched."""
    alarms: queue.Queue[str] = queue.Queue()
    names.alarm = alarms.put
    lookout = Lookout([names], names.search, every_s=0.02)
    try:
        yield alarms
    finally:
        lookout.close()


def test_a_taken_name_is_refused_with_the_host_and_the_remedy(source_id: str) -> None:
    taken = announced(source_id, Kind.STATE)
    with pytest.raises(StreamError, match=f"the name '{source_id}' is taken") as refusal:
        OwnNames(source_id, KINDS)
    assert f"host {socket.gethostname()} publishes {source_id}/state." in str(refusal.value)
    assert "--name" in str(refusal.value)
    del taken


def test_other_kinds_of_a_name_may_be_others(source_id: str) -> None:
    cursor = announced(source_id, Kind.CURSOR)
    OwnNames(source_id, KINDS)
    del cursor


def test_others_are_an_alarm_once_and_our_own_never(source_id: str) -> None:
    names = OwnNames(source_id, KINDS)
    own = [announced(source_id, kind) for kind in KINDS]
    for outlet in own:
        names.add(outlet)
    with watched(names) as alarms:
        others = [announced(source_id, Kind.VELOCITY)]
        alarm = alarms.get(timeout=LONGEST_S)
        assert alarm.startswith(f"ALARM: somebody else publishes as '{source_id}' too: host ")
        assert f"{source_id}/velocity" in alarm
        others.append(announced(source_id, Kind.CURSOR))
        uid = others[1].get_info().uid()
        wait_until(lambda: uid in [info.uid() for info in names.search.seen()])
    assert alarms.empty()
    del others, own


def test_a_driver_a_task_and_a_decoder_refuse_a_taken_name(
    source_id: str, small_bundle: Bundle
) -> None:
    taken = [announced(source_id, kind) for kind in (Kind.SPIKES, Kind.CURSOR, Kind.COUNTS)]
    source = NoiseSource(pattern_of(SpikeForm.RASTER, ["a"], 10.0), source_id)
    with pytest.raises(StreamError, match=f"{source_id}/spikes"), opened(source):
        pass
    with pytest.raises(StreamError, match=f"{source_id}/cursor"):
        TaskRunner(TaskSettings(), query_for(source_id, Kind.VELOCITY), source_id)
    settings = DecodeSettings(output=OutputSettings(source=source_id))
    with pytest.raises(StreamError, match=f"{source_id}/counts"):
        open_lsl_ports(small_bundle.model, settings, {}, deque())
    del taken


def test_a_decoder_tells_the_operator_of_another_of_its_name(
    source_id: str, small_bundle: Bundle
) -> None:
    with Decoding(small_bundle.model, source_id) as decoding:
        other = announced(decoding.name, Kind.VELOCITY)
        alarm = decoding.notices.get(timeout=LONGEST_S)
        assert alarm.startswith(f"ALARM: somebody else publishes as '{decoding.name}' too")
        del other
