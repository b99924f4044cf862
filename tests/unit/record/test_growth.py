"""A recording must grow as fast as the rates that its streams announce."""

from collections.abc import Sequence

import pylsl

from rt_ner.record.engines.engine import Summary
from rt_ner.record.growth import GrowthWatch, bytes_per_s

RASTER = pylsl.StreamInfo("raster", "Spikes", 96, 1000.0, pylsl.cf_int16, "a")
MARKERS = pylsl.StreamInfo("markers", "Markers", 1, pylsl.IRREGULAR_RATE, pylsl.cf_string, "b")


def test_slow_streams_need_not_make_a_file_grow() -> None:
    assert bytes_per_s([RASTER, MARKERS]) == 96_000
    assert bytes_per_s([MARKERS]) == 0


class Written:
    """Stands for what writes a recording: so many bytes so far."""

    name = "LabRecorder"

    def __init__(self) -> None:
        self.size = 0
        self.names: set[str] = set()

    def start(self, streams: Sequence[pylsl.StreamInfo], /) -> None: ...

    def check(self) -> None: ...

    def n_bytes(self) -> int:
        return self.size

    def received(self) -> set[str]:
        return self.names

    def finish(self) -> Summary:
        return Summary({}, [])


def test_a_silent_source_raises_the_alarm_once_and_recording_goes_on() -> None:
    told: list[str] = []
    now_s = 0.0
    written = Written()
    watch = GrowthWatch(written, told.append, lambda: now_s)
    for now_s in range(40):
        written.size = min(now_s, 10)
        watch.check([RASTER])
    assert len(told) == 1
    assert told[0].startswith("ALARM: nothing has been written for 15 s")
    written.size = 50
    watch.check([RASTER])
    assert told[1:] == ["the recording grows again"]
    for now_s in range(40, 80):  # noqa: B007
        watch.check([MARKERS])
    assert len(told) == 2, "markers alone may be rare"


def test_a_computer_that_slept_raises_no_alarm() -> None:
    told: list[str] = []
    now_s = 0.0
    watch = GrowthWatch(Written(), told.append, lambda: now_s)
    for now_s in (1.0, 2.0, 32.0, 33.0):  # noqa: B007
        watch.check([RASTER])
    assert told == []


def test_a_stream_of_which_nothing_comes_is_named_once() -> None:
    """Where there is no multicast, LabRecorder shows all streams and records one of them."""
    told: list[str] = []
    now_s = 0.0
    written = Written()
    watch = GrowthWatch(written, told.append, lambda: now_s)
    watch.begin()
    written.names = {"kinematics"}
    kinematics = pylsl.StreamInfo("kinematics", "Kinematics", 2, 200.0, pylsl.cf_float32, "c")
    for now_s in range(40):  # noqa: B007
        written.size += 1
        watch.check([RASTER, kinematics, MARKERS])
    (alarm,) = told
    assert alarm.startswith("ALARM: nothing is recorded of raster: either the source sends nothing")
    assert "--format nwb" in alarm
