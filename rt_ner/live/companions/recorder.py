"""Record beside the decoder."""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.record.naming import RecordingName
from rt_ner.record.processes.recorder_process import RecorderChild

Recording = Callable[[Callable[[str], None]], AbstractContextManager[object]]


def recording_into(folder: Path | None, name: RecordingName, decoder: str) -> Recording:
    """Return a function that opens a recorder, to begin once the decoder has a source."""
    needed = source_id_of(decoder, Kind.COUNTS)
    if folder is None:
        return lambda _: nullcontext()
    return lambda tell: closing(RecorderChild(folder, name, tell, needed))
