"""Record to NWB, in a thread."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from xml.etree.ElementTree import ParseError

import pylsl

from rt_ner.core.errors import SessionError, StreamError
from rt_ner.data.formats.nwb.live.layout import TEXT_BYTES
from rt_ner.data.formats.nwb.live.writing.skeleton import RecordingHeader
from rt_ner.data.formats.nwb.live.writing.writer import LiveWriter
from rt_ner.data.formats.streams.stream_info import StreamInfo
from rt_ner.lsl.discovery import describe_stream
from rt_ner.record.engines.engine import RecorderLostError, Summary
from rt_ner.record.engines.tap import Tap

# At most this much is lost if this process is killed. A sample also takes some time to arrive.
_TICK_S = 0.25


class NwbEngine:
    """Writes all streams that are visible at its start into one NWB file.

    Streams of one computer keep their stamps. If there are several computers, all stamps are
    brought to this one's clock.

    ``subject`` is the name of the subject; ``tell`` is called with what the operator should know.
    """

    name = "the recorder"

    def __init__(self, path: Path, subject: str, tell: Callable[[str], None]) -> None:
        self._path, self._subject, self._tell = path, subject, tell
        self._taps: list[Tap] = []
        self._writer: LiveWriter | None = None
        self._n_samples: list[int] = []
        self._over = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._error: Exception | None = None
        self._n_cut = 0
        self._moves = False

    def start(self, streams: Sequence[pylsl.StreamInfo]) -> None:
        """Connect to the streams, create the file and start to fill it."""
        self._taps = [tap for info in streams if (tap := self._tap(info)) is not None]
        if not self._taps:
            raise StreamError("no stream answers: check the sources, then start to record again")
        self._n_samples = [0] * len(self._taps)
        infos = [StreamInfo(number, tap.header, 0) for number, tap in enumerate(self._taps, 1)]
        self._moves = len({tap.place() for tap in self._taps}) > 1
        now = datetime.now(UTC)
        zero = now - timedelta(seconds=pylsl.local_clock() - self._common_offset_s())
        try:
            self._writer = LiveWriter(self._path, RecordingHeader(self._subject, now, zero), infos)
        except (SessionError, OSError, ValueError) as error:
            raise StreamError(f"{self._path} can't be written: {error}") from error
        self._thread.start()

    def check(self) -> None:
        """Raise RecorderLostError if writing has failed."""
        if self._error is not None:
            raise RecorderLostError(
                f"writing failed ({self._error}): {self._path} holds what came before; start "
                "another recording"
            )
        n_cut = self._writer.n_cut if self._writer else 0
        if n_cut > self._n_cut:
            self._tell(f"texts cut because they are longer than {TEXT_BYTES} bytes: {n_cut}")
        self._n_cut = n_cut

    def n_bytes(self) -> int:
        """Return how much has been written."""
        return self._writer.n_bytes if self._writer else 0

    def received(self) -> set[str]:
        """Return the names of the streams of which there are samples in the file."""
        return {name for name, n_samples in self._samples().items() if n_samples}

    def finish(self) -> Summary:
        """Write what is left, complete the file, and return what it holds."""
        self._over.set()
        if self._writer is None:
            return Summary({}, [])
        self._thread.join()
        damage = [] if self._error is None else [f"what came after an error: {self._error}"]
        if self._writer.n_cut:
            damage.append(f"the ends of {self._writer.n_cut} texts over {TEXT_BYTES} bytes")
        return Summary(self._samples(), damage)

    def _samples(self) -> dict[str, int]:
        names = [tap.header.findtext("name") or "?" for tap in self._taps]
        return dict(zip(names, self._n_samples, strict=True))

    def _tap(self, info: pylsl.StreamInfo) -> Tap | None:
        """Connect to a stream; None if that fails."""
        try:
            return Tap(info)
        except (pylsl.util.TimeoutError, pylsl.util.LostError, ParseError) as error:
            self._tell(f"not recorded, does not answer ({error}): {describe_stream(info)}")
            return None

    def _common_offset_s(self) -> float:
        """Return the offset of the one clock that all stamps are on."""
        return 0.0 if self._moves else self._taps[0].offset_s()

    def _run(self) -> None:
        """Take and write samples until it is over."""
        assert self._writer is not None
        try:
            with self._writer:
                while not self._over.wait(_TICK_S):
                    self._take(self._writer)
                self._take(self._writer)
                for tap in self._taps:
                    tap.close()
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            self._error = error

    def _take(self, writer: LiveWriter) -> None:
        """Write all samples that have come; of several computers, on this one's clock."""
        for number, tap in enumerate(self._taps):
            offset_s = tap.offset_s() if self._moves else 0.0
            for stamps_s, values in tap.chunks():
                writer.append(number, stamps_s + offset_s, values)
                self._n_samples[number] += len(stamps_s)
        writer.flush()
