"""Find streams on the network by type, name, source_id, host or predicate."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pylsl

from rt_ner.core.contract.kinds import LSL_TYPE, SPIKE_TYPES, Kind, source_id_of
from rt_ner.core.contract.names import is_same_host
from rt_ner.core.errors import SourceAbsentError, StreamError
from rt_ner.decoding.input.settings import InputSettings
from rt_ner.lsl.network.search import POLL_S, StreamSearch

_ANSWER_S = 1.0


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
        """Return True if a visible stream fits; the predicate is left to the search."""
        return (
            info.type() in self.lsl_types
            and self.name in ("", info.name())
            and self.source_id in ("", info.source_id())
            and (not self.host or is_same_host(self.host, info.hostname()))
        )

    def among(self, seen: Sequence[pylsl.StreamInfo]) -> list[pylsl.StreamInfo]:
        """Return those of some visible streams that fit."""
        return [info for info in seen if self.matches(info)]


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
    search: StreamSearch | None = None,
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
        Called with a sentence on what is awaited and what is on the network, when that changes.
    search
        A search with the query's predicate that goes on already; None: a new one.

    Returns
    -------
    pylsl.StreamInfo or None
        The stream; None if ``stopped``.

    Raises
    ------
    StreamError
        If no stream appears in time, or several match.

    """
    search = search or StreamSearch(query.predicate)
    deadline_s, noted = time.monotonic() + wait_s, ""
    seen = search.settled(stopped)
    while not stopped():
        found = present(query, seen, stopped)
        _check_single(query, found)
        if found:
            return found[0]
        absent = _absent(query, seen)
        if time.monotonic() >= deadline_s:
            raise SourceAbsentError(
                f"no stream with {query} within {wait_s:g} s; {absent}. Start the source, check "
                "the network, or name another stream with --source"
            )
        if absent != noted:
            note(f"no stream with {query} yet; {absent}")
            noted = absent
        time.sleep(POLL_S)
        seen = search.seen()
    return None


def present(
    query: StreamQuery, seen: Sequence[pylsl.StreamInfo], stopped: Callable[[], bool]
) -> list[pylsl.StreamInfo]:
    """Return the visible streams that fit; if there are several, those that still answer.

    A stream that has ended stays visible for a moment, and may be back as another one.
    """
    found = query.among(seen)
    if len(found) < 2:
        return found
    return query.among(StreamSearch(query.predicate).settled(stopped))


def _check_single(query: StreamQuery, found: Sequence[pylsl.StreamInfo]) -> None:
    """Raise StreamError if several streams match."""
    if len(found) > 1:
        raise StreamError(
            f"{len(found)} streams match {query}: {_described(found)}. Choose one of them by "
            "its source_id with --source, or by its host in [input]"
        )


def _absent(query: StreamQuery, seen: Sequence[pylsl.StreamInfo]) -> str:
    """Return what is on the network instead of the stream, and if its host has another name."""
    network = f"on the network: {_described(seen)}"
    moved = replace(query, host="").among(seen) if query.host and query.source_id else ()
    if not moved:
        return network
    hosts = ", ".join(sorted(info.hostname() for info in moved))
    return (
        f"'{query.source_id}' is there, but on host {hosts}: if this is the same source, restart "
        f"the decoder (or set host in [input]); {network}"
    )


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


def metadata_of(info: pylsl.StreamInfo, answer_s: float = _ANSWER_S) -> pylsl.StreamInfo | None:
    """Return a visible stream's full metadata; None if its sender does not answer in time."""
    try:
        return pylsl.StreamInlet(info, recover=False).info(answer_s)
    except (pylsl.util.TimeoutError, pylsl.util.LostError):
        return None
