"""The reader of the view, the task and the recorders on real LSL: no sample loses another."""

import threading

import pylsl

from rt_ner.lsl.discovery import StreamQuery
from rt_ner.lsl.network.lookout import Lookout
from rt_ner.lsl.stream_reader import StreamReader
from tests.helpers.waiting import LONGEST_S


def test_a_marker_that_is_not_utf_8_loses_no_other(source_id: str) -> None:
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo("m", "Markers", 1, 0, pylsl.cf_string, source_id))
    query = StreamQuery(("Markers",), source_id=source_id)
    reader = StreamReader(lambda: query)
    connector = Lookout([reader])
    try:
        assert outlet.wait_for_consumers(LONGEST_S)
        outlet.push_chunk([["go"], [b"m\xfcde"], ["größer"]], 1.0)
        texts: list[str] = []
        pause = threading.Event()
        for _ in range(round(LONGEST_S / 0.01)):
            texts += [text for _, text in reader.texts()]
            if len(texts) >= 3 or pause.wait(0.01):
                break
    finally:
        connector.close()
    assert texts == ["go", "m\ufffdde", "größer"]
