"""How fast a recording must grow, by the rates that its streams announce."""

from pathlib import Path

import pylsl

from rt_ner.record.growth import GrowthWatch, bytes_per_s

RASTER = pylsl.StreamInfo("raster", "Spikes", 96, 1000.0, pylsl.cf_int16, "a")
MARKERS = pylsl.StreamInfo("markers", "Markers", 1, pylsl.IRREGULAR_RATE, pylsl.cf_string, "b")


def test_slow_streams_need_not_make_a_file_grow() -> None:
    assert bytes_per_s([RASTER, MARKERS]) == 96_000
    assert bytes_per_s([MARKERS]) == 0


def test_a_silent_source_raises_the_alarm_once_and_recording_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    now_s = 0.0
    path = tmp_path / "recording.xdf"
    watch = GrowthWatch(path, told.append, lambda: now_s)
    for now_s in range(40):
        path.write_bytes(b"x" * min(now_s, 10))
        watch.check([RASTER])
    assert len(told) == 1
    assert told[0].startswith("ALARM: nothing has been written for 15 s")
    path.write_bytes(b"x" * 50)
    watch.check([RASTER])
    assert told[1:] == ["the recording grows again"]
    for now_s in range(40, 80):  # noqa: B007
        watch.check([MARKERS])
    assert len(told) == 2, "markers alone may be rare"
