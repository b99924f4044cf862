"""Notice a network that is cut, streams that are gone, and streams of strangers."""

import socket
import struct
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress

import pylsl

from rt_ner.core.contract.kinds import SPIKE_TYPES
from rt_ner.lsl.discovery import describe_stream, metadata_of
from rt_ner.record.rig_events import Happened, Noticed

if sys.platform == "linux":
    import fcntl

NETWORK = "network"
# Linux: the request for an interface's flags, and those of one that is up and has a link.
_SIOCGIFFLAGS, _WORKS = 0x8913, 0x1 | 0x40


class InterfaceWatch:
    """The network interfaces of this computer that work; ``working`` returns their names."""

    def __init__(self, working: Callable[[], set[str]] | None = None) -> None:
        self._working = working or working_interfaces
        self._known = self._working()

    def look(self) -> Iterator[Noticed]:
        """Yield what has changed."""
        now = self._working()
        for name in sorted(self._known - now):
            yield Happened.GONE, NETWORK, f"the network interface {name} is down, or has no link"
        for name in sorted(now - self._known):
            yield Happened.BACK, NETWORK, f"the network interface {name} is up"
        self._known = now


class StreamWatch:
    """The streams on the network.

    Parameters
    ----------
    needed
        The source_ids of the streams that the rig needs.
    own
        The names of all that the rig's parts publish; a name ends before the last ``/``.
    answers
        Returns True if a stream that is visible answers, too.

    """

    def __init__(
        self,
        needed: Collection[str],
        own: Collection[str],
        answers: Callable[[pylsl.StreamInfo], bool] | None = None,
    ) -> None:
        self._needed = needed
        self._own = own
        self._answers = answers or _answers
        # Those that were there before, and are no others in disguise.
        self._known: set[str] = set()
        self._there: set[str] = set()
        self._lost: set[str] = set()
        self._is_first = True

    def look(self, seen: Sequence[pylsl.StreamInfo]) -> Iterator[Noticed]:
        """Yield what has changed; the spikes that are there at first are no stranger's."""
        new = [info for info in seen if info.uid() not in self._known]
        for info in new:
            if what := self._stranger(info, seen):
                self._known.add(info.uid())
                yield Happened.STRANGER, NETWORK, f"{what}: {describe_stream(info)}"
            elif not self._others(info, seen):
                self._known.add(info.uid())
        self._is_first = False
        there = {info.source_id() for info in seen} & set(self._needed)
        for source_id in sorted(self._there - there):
            yield Happened.GONE, NETWORK, f"the stream {source_id} answers no more"
        for source_id in sorted(there & self._lost):
            yield Happened.BACK, NETWORK, f"the stream {source_id} answers again"
        self._lost = (self._lost | (self._there - there)) - there
        self._there = there

    def _stranger(self, info: pylsl.StreamInfo, seen: Sequence[pylsl.StreamInfo]) -> str:
        """Return what is strange about a stream that is new; empty if nothing is."""
        source_id = info.source_id()
        if source_id.rpartition("/")[0] not in self._own:
            is_told = info.type() in SPIKE_TYPES and not self._is_first
            return "spikes that are not of this rig have appeared" if is_told else ""
        # A part that is started again has a new identity; the old one does not answer any more.
        is_double = any(self._answers(one) for one in self._others(info, seen))
        return f"a second stream has the source_id '{source_id}'" if is_double else ""

    def _others(
        self, info: pylsl.StreamInfo, seen: Sequence[pylsl.StreamInfo]
    ) -> list[pylsl.StreamInfo]:
        """Return the streams with the same source_id that were there before."""
        same = [one for one in seen if one.source_id() == info.source_id()]
        return [one for one in same if one.uid() in self._known and one.uid() != info.uid()]


def _answers(info: pylsl.StreamInfo) -> bool:
    """Return True if a stream answers, and not one that has taken its place at its port."""
    found = metadata_of(info)
    return found is not None and found.uid() == info.uid()


def working_interfaces() -> set[str]:
    """Return the names of the network interfaces that are up and have a link (Linux)."""
    if sys.platform != "linux":
        return set()
    working = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            with suppress(OSError):
                request = struct.pack("256s", name.encode())
                answer = fcntl.ioctl(asked, _SIOCGIFFLAGS, request)
                if struct.unpack_from("H", answer, 16)[0] & _WORKS == _WORKS:
                    working.add(name)
    return working
