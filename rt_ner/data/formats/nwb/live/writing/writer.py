"""Write the samples of a recording into its NWB file as they come."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.nwb.live.layout import LIBVER, TEXT_BYTES
from rt_ner.data.formats.nwb.live.writing.skeleton import RecordingHeader, create
from rt_ner.data.formats.nwb.live.writing.superblock import make_openable, trim
from rt_ner.data.formats.streams.stream_info import StreamInfo

# The file is made longer in such steps, before the bytes are needed.
_AHEAD_BYTES = 16_000_000


class LiveWriter:
    """Writes samples into a new file, which can be read by any program at any time.

    Whatever was flushed is kept if the process is killed.

    Parameters
    ----------
    path
        The file, which must not exist.
    header
        Description of the recording.
    infos
        The streams. Their positions are the numbers that `append` takes.

    Attributes
    ----------
    n_bytes
        Bytes of all values and stamps so far.
    n_cut
        Number of texts that were too long and were cut.

    """

    def __init__(self, path: Path, header: RecordingHeader, infos: Sequence[StreamInfo]) -> None:
        if path.exists():
            raise SessionError(f"{path} already exists: name another file")
        self._path = path
        names = create(path, header, infos)
        # The lock would keep readers away on some systems.
        self._file = h5py.File(path, "r+", libver=LIBVER, locking=False)
        self._series = [self._file["acquisition"][name] for name in names]
        self._columns = [(one["data"], one["timestamps"]) for one in self._series]
        self._file.swmr_mode = True
        self._n_ahead = 0
        self._make_room(0)
        self.n_bytes = self.n_cut = 0

    def __enter__(self) -> "LiveWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, stream: int, stamps_s: FloatArray, values: AnyArray) -> None:
        """Add samples ``(sample, channel)``, or bytes of texts, to the stream of this number."""
        data, stamps = self._columns[stream]
        if data.dtype.kind == "S":
            values = self._texts(values, data)
        n_bytes = values.nbytes + stamps_s.nbytes
        self._make_room(n_bytes)
        for column, new in ((data, values), (stamps, stamps_s)):
            begin = len(column)
            column.resize(begin + len(new), axis=0)
            column[begin:] = new
        self.n_bytes += n_bytes

    def flush(self) -> None:
        """Put all samples so far where they outlive this process."""
        for data, stamps in self._columns:
            data.flush()
            stamps.flush()

    def close(self) -> None:
        """Complete the file."""
        self._file.close()
        trim(self._path)

    def _texts(self, values: AnyArray, data: h5py.Dataset) -> AnyArray:
        """Return texts as a dataset stores them, without what is too long."""
        texts = values.ravel().tolist()
        self.n_cut += sum(len(text) > TEXT_BYTES for text in texts)
        kept = np.array([_cut(text) for text in texts], dtype=data.dtype)
        return kept.reshape(len(values), *data.shape[1:])

    def _make_room(self, n_bytes: int) -> None:
        """Let the file have all the bytes that so many new ones can need, and some more."""
        needed = self._file.id.get_filesize() + 2 * n_bytes
        if needed + _AHEAD_BYTES // 2 > self._n_ahead:
            self._n_ahead = needed + _AHEAD_BYTES
            make_openable(self._path, self._n_ahead)


def _cut(text: bytes) -> bytes:
    """Return a text that fits; one that does not is cut between two letters."""
    return text[:TEXT_BYTES].decode(errors="ignore").encode() if len(text) > TEXT_BYTES else text
