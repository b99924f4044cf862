"""Find streams on the network by type, name, source_id, host or predicate."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pylsl

from rt_ner.core.contract.kinds import LSL_TYPE, SPIKE_TYPES, Kind, source_id_of
from rt_ner.core.errors import StreamError
from rt_ner.decoding.input.settings import InputSettings

_RESOLVE_S = 0.5


@dataclass(frozen=True)
class StreamQuery:
    """A description of the wanted stream; empty fields fit any.

    Attributes
    ----------
    lsl_types
        The LSL types of which it may be one, such as ``("Spikes",)``.
    name, source_id, host
        Its LSL name, its source_id, and the computer that sends it.
    predicate
        A further condition in liblsl's XPath 1.0, such as ``starts-with(name,'Cere')``.

    """

    lsl_types: tuple[str, ...]
    name: str = ""
    source_id: str = ""
    host: str = ""
    predicate: str = ""

    def __str__(self) -> str:
        fields = {
            "type": " or ".join(self.lsl_types),
            "name": self.name,
            "source_id": self.source_id,
            "host": self.host,
            "predicate": self.predicate,
        }
        return " and ".join(f"{key}='{value}'" for key, value in fields.items() if value)

    def matches(self, info: pylsl.StreamInfo) -> bool:
        """Return True if a visible stream fits; the predicate is left to `resolve`."""
        return (
            info.type() in self.lsl_types
            and self.name in ("", info.name())
            and self.source_id in ("", info.source_id())
            and self.host in ("", info.hostname())
        )

    def resolve(
        self, seconds: float = _RESOLVE_S
    ) -> tuple[list[pylsl.StreamInfo], list[pylsl.StreamInfo]]:
        """Look for streams on the network.

        Parameters
        ----------
        seconds
            Time in s in which streams must answer.

        Returns
        -------
        tuple[list[pylsl.StreamInfo], list[pylsl.StreamInfo]]
            The streams that match, and all visible ones that satisfy the predicate.

        Raises
        ------
        StreamError
            If liblsl can't read the predicate.

        """
        if not self.predicate:
            seen = pylsl.resolve_streams(seconds)
            return [info for info in seen if self.matches(info)], seen
        begun_s = time.monotonic()
        fit = pylsl.resolve_bypred(self.predicate, 0, seconds)
        if not fit and time.monotonic() - begun_s < seconds / 2:
            # A predicate that liblsl can't read finds nothing, at once, and without an error.
            raise StreamError(
                f"predicate = {self.predicate!r} is not XPath 1.0 that liblsl can read: expected "
                "something like starts-with(name,'Cere') and channel_count=96"
            )
        return [info for info in fit if self.matches(info)], fit


def query_for(source: str, kind: Kind) -> StreamQuery:
    """Return the query for one kind of stream from a source of rt-ner's, such as ``replay``."""
    return StreamQuery((LSL_TYPE[kind],), source_id=source_id_of(source, kind))


def query_for_same(info: pylsl.StreamInfo) -> StreamQuery:
    """Return the query that finds the same stream again if it goes and comes back."""
    return StreamQuery((info.type(),), info.name(), info.source_id(), info.hostname())


def find_stream(
    query: StreamQuery,
    wait_s: float,
    stopped: Callable[[], bool],
    note: Callable[[str], None] = lambda _: None,
) -> pylsl.StreamInfo | None:
    """Wait for the one stream that matches.

    Parameters
    ----------
    query
        Description of the stream.
    wait_s
        Longest wait, in s.
    stopped
        Returns True to give up.
    note
        Called with a sentence on what is awaited and what is on the network.

    Returns
    -------
    pylsl.StreamInfo or None
        The stream; None if ``stopped``.

    Raises
    ------
    StreamError
        If no stream appears in time, or several match.

    """
    deadline_s = time.monotonic() + wait_s
    while not stopped():
        found, seen = query.resolve()
        if len(found) == 1:
            return found[0]
        if found:
            raise StreamError(
                f"{len(found)} streams match {query}: {_described(found)}. Pick one of them by its "
                "source_id with --source, or by its host in [input]"
            )
        absent = f"no stream with {query}"
        network = f"on the network: {_described(seen)}"
        if time.monotonic() >= deadline_s:
            raise StreamError(
                f"{absent} within {wait_s:g} s; {network}. Start the source, check the network, "
                "or name another stream with --source"
            )
        note(f"{absent} yet; {network}")
    return None


def _described(infos: Sequence[pylsl.StreamInfo]) -> str:
    """Return a description of each stream, in one line."""
    return "; ".join(map(describe_stream, infos)) if infos else "no LSL stream at all"


def describe_stream(info: pylsl.StreamInfo) -> str:
    """Return a stream's name, type, channels, rate, source_id and host in words."""
    rate = f"{info.nominal_srate():g} Hz" if info.nominal_srate() else "no regular rate"
    return (
        f"'{info.name()}' (type {info.type()}, {info.channel_count()} channels, {rate}, "
        f"source_id '{info.source_id()}', host {info.hostname()})"
    )


def spike_query(wanted: InputSettings) -> StreamQuery:
    """Return the query for the spike stream that the settings ask for."""
    types = (wanted.type,) if wanted.type else SPIKE_TYPES
    return StreamQuery(types, wanted.name, wanted.source_id, wanted.host, wanted.predicate)
