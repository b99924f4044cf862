"""Decode live from Python: a loop in a thread of its own, and its hops as an iterator."""

from collections import deque
from collections.abc import Iterator
from threading import Event, Thread
from types import TracebackType
from typing import NamedTuple

import numpy as np

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.arrays import Float32Array
from rt_ner.core.errors import RtNerError
from rt_ner.core.settings import with_overrides
from rt_ner.decoding.chunks import Decoded
from rt_ner.decoding.input.settings import chosen_sources
from rt_ner.live.loop import Loop
from rt_ner.live.ports.lsl.ports import open_lsl_ports
from rt_ner.live.ports.protocols import Ports, ResultsOut
from rt_ner.live.settings import DecodeSettings
from rt_ner.live.states import Command, State
from rt_ner.system.scheduling import yield_to_the_loop

# Most hops that wait for a slow reader, which loses older ones.
_MOST_WAITING = 1000
_LOOK_EVERY_S = 0.1


class LiveHop(NamedTuple):
    """One decoded hop.

    Attributes
    ----------
    end_ns
        End of the hop, on the local LSL clock, in ns.
    state
        The decoder's state; outputs are at rest in all but RUNNING.
    latent
        The latent, ``(latent,)``; NaN until the history is full.
    values
        The outputs as they were sent, ``(output,)``: velocity along x and y in cm/s, unless the
        bundle says otherwise, before any change of axes or unit.
    n_lost
        Number of hops lost just before this one, because the reader was too slow.
    probabilities
        The classes' probabilities as they were sent, ``(class,)``, all zero in all states but
        RUNNING; None without a classifier.

    """

    end_ns: int
    state: State | None
    latent: Float32Array
    values: Float32Array
    n_lost: int
    probabilities: Float32Array | None = None


class LiveDecoder:
    """A live decoder in a thread of its own, which publishes its results over LSL.

    Use it in a ``with`` block. Iterating yields each hop once, as a `LiveHop`. The loop never
    waits for the reader: a slow reader loses hops, and `LiveHop.n_lost` counts them. The iteration
    ends when the decoder does, and raises the error that ended it, if any.

    Parameters
    ----------
    bundle
        The trained bundle.
    source_id
        The spike stream's source_id, such as ``replay/spikes``; several with commas between, one
        for each area of the bundle; empty: the only spike stream.
    name
        Name under which the decoder's own streams are announced; empty: as the settings say.
    settings
        All other settings; None: the defaults, those of ``configs/decode.toml``.
    ports
        The ways in and out, such as ones in memory; None: LSL.

    Raises
    ------
    StreamError
        While iterating, if the source does not appear in time or does not fit the bundle.

    """

    def __init__(
        self,
        bundle: Bundle,
        source_id: str = "",
        *,
        name: str = "",
        settings: DecodeSettings | None = None,
        ports: Ports | None = None,
    ) -> None:
        named: dict[str, dict[str, object]] = {
            "input": chosen_sources(source_id),
            "output": {"source": name or None},
        }
        self._settings = with_overrides(settings or DecodeSettings(), named, "LiveDecoder")
        self._model = bundle.model
        self._ports = ports
        self._stop = Event()
        self._hops = _HopQueue()
        self._error: RtNerError | None = None
        self._loop: Loop | None = None
        self._thread: Thread | None = None

    def __repr__(self) -> str:
        state = self.state or "not started"
        wanted = self._settings.input
        source = ",".join(wanted.sources) or wanted.source_id or "of any source"
        return f"<LiveDecoder {source}: {state}>"

    def __enter__(self) -> "LiveDecoder":
        ports = self._ports or open_lsl_ports(self._model, self._settings, {}, deque())
        tee = Ports(
            ports.spikes, _Tee(ports.results, self._hops), ports.clock, ports.alarms,
            ports.in_background,
        )  # fmt: skip
        self._loop = Loop(self._model, self._settings, tee, self._stop, lambda _: None)
        self._thread = Thread(target=self._run, args=(self._loop,), name="LiveDecoder")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __iter__(self) -> Iterator[LiveHop]:
        while True:
            has_ended = self._thread is None or not self._thread.is_alive()
            yield from self._hops.taken()
            if has_ended:
                break
            self._hops.arrived.wait(_LOOK_EVERY_S)
            self._hops.arrived.clear()
        if self._error:
            raise self._error

    @property
    def state(self) -> State | None:
        """The decoder's state; None before it begins."""
        return self._loop.state if self._loop else None

    def command(self, command: Command) -> None:
        """Give an operator's command, such as ``Command.HOLD``."""
        if self._loop:
            self._loop.commands.append(command)

    def stop(self) -> None:
        """End decoding, and wait until the cursor stands still."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _run(self, loop: Loop) -> None:
        try:
            with yield_to_the_loop():
                loop.run()
        except RtNerError as error:
            self._error = error


class _HopQueue:
    """The queue of newest hops between the loop and its reader."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, LiveHop]] = deque(maxlen=_MOST_WAITING)
        self._n_put = self._n_taken = 0
        self.arrived = Event()

    def put(self, hop: LiveHop) -> None:
        """Add a hop, in place of the oldest one if the queue is full."""
        self._n_put += 1
        self._waiting.append((self._n_put, hop))
        self.arrived.set()

    def taken(self) -> Iterator[LiveHop]:
        """Yield all waiting hops, each with the number of those lost before it."""
        while self._waiting:
            number, hop = self._waiting.popleft()
            yield hop._replace(n_lost=number - self._n_taken - 1)
            self._n_taken = number


class _Tee:
    """The results port, with a copy of each hop for the reader."""

    def __init__(self, results: ResultsOut, hops: _HopQueue) -> None:
        self._results = results
        self._hops = hops
        self._state: State | None = None
        self._values: Float32Array = np.zeros(0, dtype=np.float32)
        self._probabilities: Float32Array | None = None
        self.announce_counts = results.announce_counts
        self.push_timing = results.push_timing
        self.push_counts = results.push_counts
        self.push_normalisation = results.push_normalisation
        self.push_notice = results.push_notice
        self.warm_caches = results.warm_caches
        self.close = results.close

    def push_output(self, values: Float32Array, stamp_ns: int) -> None:
        """Send outputs, and keep them for their hop."""
        self._results.push_output(values, stamp_ns)
        self._values = values.copy()

    def push_classes(self, probabilities: Float32Array, stamp_ns: int) -> None:
        """Send the classes' probabilities, and keep them for their hop."""
        self._results.push_classes(probabilities, stamp_ns)
        self._probabilities = probabilities.copy()

    def push_latent(self, decoded: Decoded) -> None:
        """Send the latent of a hop, and put the hop into the queue."""
        self._results.push_latent(decoded)
        latent = decoded.latent.copy()
        self._hops.put(
            LiveHop(decoded.end_ns, self._state, latent, self._values, 0, self._probabilities)
        )

    def push_state(self, state: State, stamp_ns: int) -> None:
        """Send a change of state, and keep it."""
        self._results.push_state(state, stamp_ns)
        self._state = state
