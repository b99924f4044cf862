"""Define the interface of all sources of LSL streams."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Protocol

import pylsl

from rt_ner.core.contract.kinds import Kind
from rt_ner.lsl.network.lookout import Lookout
from rt_ner.lsl.network.own_names import OwnNames
from rt_ner.lsl.streams import open_outlet

# Announces and opens one stream of the source with this name.
Opener = Callable[[str], pylsl.StreamOutlet]

_LISTENER_POLL_S = 0.1


class Source(Protocol):
    """A replay, a simulation, a device or a hand that sends LSL streams."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of the streams that it sends."""

    def open(self) -> None:
        """Announce the streams, so that others see them."""

    def wait_for_listeners(self, kinds: Sequence[Kind], stop: Event) -> None:
        """Wait until each of these streams has a listener, or until stopped."""

    def run(self, stop: Event) -> None:
        """Push samples when they are due, to the end or until stopped."""

    def close(self) -> None:
        """Withdraw the streams."""


class LslSource(ABC):
    """A source that keeps its LSL outlets by kind; a subclass only says what it pushes.

    Its names are its own: `open` raises StreamError if somebody else publishes under one of them,
    and while it is open, stderr tells of others that begin to.
    """

    def __init__(self, name: str, openers: Mapping[Kind, Opener]) -> None:
        self._name = name
        self._openers = dict(openers)
        self._outlets: dict[Kind, pylsl.StreamOutlet] = {}
        self._lookout: Lookout | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of the streams that it sends."""
        return tuple(self._openers)

    def open(self) -> None:
        """Announce the streams, so that others see them."""
        names = OwnNames(self._name, self.kinds)
        for kind, opener in self._openers.items():
            self._outlets[kind] = opener(self._name)
            names.add(self._outlets[kind])
        self._lookout = names.watch()

    def wait_for_listeners(self, kinds: Sequence[Kind], stop: Event) -> None:
        """Wait until each of these streams has a listener, or until stopped."""
        for kind in kinds:
            while not stop.is_set():
                if self._outlets[kind].wait_for_consumers(_LISTENER_POLL_S):
                    break

    @abstractmethod
    def run(self, stop: Event) -> None:
        """Push samples when they are due, to the end or until stopped."""

    def close(self) -> None:
        """Withdraw the streams."""
        if self._lookout:
            self._lookout.close()
        self._outlets.clear()


def opener(
    kind: Kind, labels: Sequence[str], unit: str | Sequence[str], period_ns: int | None
) -> Opener:
    """Return a function that opens a stream other than spikes; ``period_ns`` None: irregular."""
    return lambda source: open_outlet(source, kind, labels, unit, period_ns)


@contextmanager
def opened(source: Source) -> Iterator[None]:
    """Keep a source's streams open within the block."""
    source.open()
    try:
        yield
    finally:
        source.close()
