"""Read what a part writes, line by line, as it comes."""

from pathlib import Path


class LogTail:
    """The end of a log that grows; ``from_end``: what is there already is left out.

    A log that can't be read, because it is not there yet or its drive was pulled, has no lines.
    """

    def __init__(self, file: Path, from_end: bool = False) -> None:
        self._file = file
        self._read = file.stat().st_size if from_end and file.exists() else 0

    def lines(self) -> list[str]:
        """Return the complete lines since the last call."""
        try:
            with self._file.open("rb") as log:
                log.seek(self._read)
                text = log.read()
        except OSError:
            return []
        complete = text[: text.rfind(b"\n") + 1]
        self._read += len(complete)
        return complete.decode(errors="replace").splitlines()
