"""A rig for the tests on real LSL: a loop in a thread, sources pushed by hand, inlets."""

import queue
import threading
from collections import deque
from collections.abc import Callable

import numpy as np
import pylsl
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.clock import next_grid_line_ns, ns_from_s, s_from_ns
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.errors import StreamError
from rt_ner.core.settings import checked_settings
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.loop import Loop
from rt_ner.live.ports.lsl.ports import open_lsl_ports
from rt_ner.live.settings import DecodeSettings
from rt_ner.live.states import State
from rt_ner.lsl.discovery import find_stream, query_for
from rt_ner.lsl.streams import local_now_ns, open_outlet
from tests.helpers.waiting import LONGEST_S

MS = 1_000_000
# The test sends data when it gets to it, many at once: no silence is too long, nor is any hop late.
PATIENT: dict[str, object] = {"stale_ms": 10_000.0, "overload_hops": 10_000}


def never() -> bool:
    return False


class Decoding:
    """A loop in a thread of its own; its states and notices arrive in queues.

    ``sections``: of the settings, put over those that find the source.
    """

    def __init__(
        self,
        model: DecoderSpecification,
        source: str,
        load_next: Callable[[], DecoderSpecification] | None = None,
        **sections: dict[str, object],
    ) -> None:
        self.stop = threading.Event()
        self.states: queue.Queue[State | Exception] = queue.Queue()
        self.notices: queue.Queue[str] = queue.Queue()
        settings = checked_settings(
            {
                **sections,
                "input": {"source_id": source_id_of(source, Kind.SPIKES), "wait_s": LONGEST_S}
                | sections.get("input", {}),
                "output": {"source": f"decoder-{source}"},
            },
            DecodeSettings,
            "test",
        )
        self.name = f"decoder-{source}"
        ports = open_lsl_ports(model, settings, {}, deque())
        self.loop = Loop(model, settings, ports, self.stop, self._hear, load_next)
        self._thread = threading.Thread(target=self._run)

    def _hear(self, said: str) -> None:
        (self.states if isinstance(said, State) else self.notices).put(said)

    def _run(self) -> None:
        try:
            self.loop.run()
        except StreamError as error:
            self.states.put(error)

    def __enter__(self) -> "Decoding":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(LONGEST_S)

    def expect(self, *states: State) -> None:
        for state in states:
            assert self.states.get(timeout=LONGEST_S) == state

    def expect_error(self, pattern: str) -> None:
        while not isinstance(outcome := self.states.get(timeout=LONGEST_S), Exception):
            pass
        with pytest.raises(StreamError, match=pattern):
            raise outcome


def inlet(source: str, kind: Kind) -> pylsl.StreamInlet:
    info = find_stream(query_for(source, kind), LONGEST_S, never)
    opened = pylsl.StreamInlet(info, recover=False)
    opened.open_stream(LONGEST_S)
    return opened


def pulled(stream: pylsl.StreamInlet, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The next ``n`` samples and their stamps in ns."""
    samples, stamps_s = stream.pull_chunk(LONGEST_S, n)
    assert len(stamps_s) == n
    return np.array(samples), np.array([ns_from_s(stamp_s) for stamp_s in stamps_s])


class Source:
    """A raster source that is pushed by hand: one millisecond of random counts at a time."""

    def __init__(self, name: str, channel_ids: tuple[str, ...]) -> None:
        self._outlet = open_outlet(name, Kind.SPIKES, channel_ids, "spikes", MS)
        self._counts = np.random.default_rng(0).poisson(0.02, (1000, len(channel_ids)))
        self.now_ns = next_grid_line_ns(local_now_ns(), 30 * MS)

    def wait_for_listener(self) -> None:
        assert self._outlet.wait_for_consumers(LONGEST_S)

    def push(self, n_ms: int) -> None:
        stamps_s = [s_from_ns(self.now_ns + k * MS) for k in range(1, n_ms + 1)]
        self.send(self._counts[:n_ms].astype(np.int16), stamps_s)
        self.now_ns += n_ms * MS

    def send(self, counts: np.ndarray, stamps_s: list[float]) -> None:
        self._outlet.push_chunk(counts, stamps_s)


def history_ms(bundle: Bundle) -> int:
    window = bundle.manifest.window
    return window.n_hops * window.hop_ns // MS


def running(decoding: Decoding, source: Source, bundle: Bundle) -> None:
    source.wait_for_listener()
    decoding.expect(State.CONNECTING, State.WARMING)
    source.push(history_ms(bundle))
    decoding.expect(State.RUNNING)
