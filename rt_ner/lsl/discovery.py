"""Discovery: which streams are on the network, and the one that is wanted."""

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
    """Which stream is wanted: one of some LSL types, and what else must fit."""

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
        """Whether a visible stream is such a one, its predicate apart."""
        return (
            info.type() in self.lsl_types
            and self.name in ("", info.name())
            and self.source_id in ("", info.source_id())
            and self.host in ("", info.hostname())
        )

    def resolve(
        self, seconds: float = _RESOLVE_S
    ) -> tuple[list[pylsl.StreamInfo], list[pylsl.StreamInfo]]:
        """The streams that match, and all that are visible, of those that answer in time."""
        if not self.predicate:
            seen = pylsl.resolve_streams(seconds)
            return [info for info in seen if self.matches(info)], seen
        begun_s = time.monotonic()
        fit = pylsl.resolve_bypred(self.predicate, 0, seconds)
        if not fit and time.monotonic() - begun_s < seconds / 2:
            # liblsl says of a predicate that it can't read only that nothing fits it, at once.
            raise StreamError(
                f"predicate = {self.predicate!r} is no XPath 1.0 that liblsl can read: expected "
                "something like starts-with(name,'Cere') and channel_count=96"
            )
        return [info for info in fit if self.matches(info)], fit


def query_for(source: str, kind: Kind) -> StreamQuery:
    """The query for one certain stream of a source of ours."""
    return StreamQuery((LSL_TYPE[kind],), source_id=source_id_of(source, kind))


def query_for_same(info: pylsl.StreamInfo) -> StreamQuery:
    """The query for this very source, should it go and come back."""
    return StreamQuery((info.type(),), info.name(), info.source_id(), info.hostname())


def find_stream(
    query: StreamQuery,
    wait_s: float,
    stopped: Callable[[], bool],
    note: Callable[[str], None] = lambda _: None,
) -> pylsl.StreamInfo | None:
    """The one visible stream that matches; None if ``stopped`` meanwhile.

    ``note`` is told what is waited for. Raises StreamError, naming what is on the network, if none
    appears within ``wait_s``, and at once if several match.
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
    """One line about each stream."""
    return "; ".join(map(describe_stream, infos)) if infos else "no LSL stream at all"


def describe_stream(info: pylsl.StreamInfo) -> str:
    """A stream in a few words."""
    rate = f"{info.nominal_srate():g} Hz" if info.nominal_srate() else "no regular rate"
    return (
        f"'{info.name()}' (type {info.type()}, {info.channel_count()} channels, {rate}, "
        f"source_id '{info.source_id()}', host {info.hostname()})"
    )


def spike_query(wanted: InputSettings) -> StreamQuery:
    """Which stream the settings ask for."""
    types = (wanted.type,) if wanted.type else SPIKE_TYPES
    return StreamQuery(types, wanted.name, wanted.source_id, wanted.host, wanted.predicate)
