"""Define what every writer of recordings can do."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import pylsl

from rt_ner.core.errors import RtNerError
from rt_ner.data.formats.xdf.chunks import Contents

START_S = 8.0


class RecorderLostError(RtNerError):
    """Whatever writes the recording has died."""


class Summary(NamedTuple):
    """Number of samples in a recording by their stream's name, and a line for each damage."""

    samples: dict[str, int]
    damage: list[str]


class Engine(Protocol):
    """Writes the samples of streams into a file, in a process or thread of its own."""

    name: str

    def start(self, streams: Sequence[pylsl.StreamInfo], /) -> None:
        """Start to record the streams; raise StreamError if that is not possible."""

    def check(self) -> None:
        """Raise RecorderLostError if it has died."""

    def n_bytes(self) -> int:
        """Return how much is in the file."""

    def received(self) -> set[str]:
        """Return the names of the streams of which there are samples in the file."""

    def finish(self) -> Summary:
        """Stop, and return what the file holds."""


def summary_of(contents: Contents) -> Summary:
    """Return the summary of an XDF file."""
    samples = {
        (header.findtext("name") or "?"): contents.n_samples.get(number, 0)
        for number, header in contents.headers.items()
    }
    return Summary(samples, contents.damage)
