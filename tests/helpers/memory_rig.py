"""A rig in memory: the loop on a plan of what happens, with everything that it sent."""

import gc
from collections import deque
from collections.abc import Callable, Sequence
from threading import Event

import numpy as np

from rt_ner.core.settings import checked_settings
from rt_ner.decoding.chunks import Chunk, EventChunk, RasterChunk
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.loop import Loop
from rt_ner.live.ports.memory_results import MemoryResults, Sent
from rt_ner.live.ports.memory_spikes import (
    Appear,
    Happening,
    MemoryClock,
    MemoryPlan,
    MemorySpikes,
)
from rt_ner.live.ports.protocols import Ports, SpikesIn
from rt_ner.live.settings import DecodeSettings
from rt_ner.live.states import Command, State

MS = 1_000_000
# On the grid of every usual bin.
START_NS = 1_800_000 * MS


class MemoryRig:
    """A plan that is written step by step, and what a loop makes of it.

    ``now_ns`` is the moment that the next step of the plan is for. ``sections`` are settings.
    """

    def __init__(
        self,
        model: DecoderSpecification,
        load_next: Callable[[], DecoderSpecification] | None = None,
        **sections: dict[str, object],
    ) -> None:
        self._model = model
        self.plan: list[tuple[int, Happening]] = []
        self.now_ns = START_NS
        self.stop = Event()
        self.results = MemoryResults()
        self.clock = MemoryClock(START_NS - 10 * MS)
        self.reported: list[str] = []
        settings = checked_settings({**sections}, DecodeSettings, "test")
        self.spikes = MemorySpikes(MemoryPlan(self.clock, self.stop.set))
        self.alarms: deque[str] = deque()
        ports = Ports(
            self.port(settings), self.results, self.clock, self.alarms, lambda work: work()
        )
        self.loop = Loop(model, settings, ports, self.stop, self.reported.append, load_next)
        self._counts = np.random.default_rng(0).poisson(0.02, (5000, len(model.channel_ids)))

    def port(self, settings: DecodeSettings) -> SpikesIn:
        """Return the loop's port for spikes."""
        return self.spikes

    @property
    def channel_ids(self) -> tuple[str, ...]:
        return self._model.channel_ids

    @property
    def history_ms(self) -> int:
        return self._model.window.history_ns // MS

    def then(self, what: Happening) -> "MemoryRig":
        """Let something happen now."""
        self.plan.append((self.now_ns, what))
        return self

    def wait(self, ms: int) -> "MemoryRig":
        """Let time pass without data."""
        self.now_ns += ms * MS
        return self

    def appear(self, stream: SpikeStream | None = None) -> "MemoryRig":
        return self.then(Appear(stream or raster_stream(self._model.channel_ids)))

    def command(self, command: Command) -> "MemoryRig":
        return self.then(lambda: self.loop.commands.append(command))

    def raster(self, ms: int, shift_ns: int = 0, chunk_ms: int = 5) -> "MemoryRig":
        """Send spikes as they come about, in chunks of so many milliseconds."""
        begin_ns = self.now_ns
        stamps_ns = begin_ns + (np.arange(ms, dtype=np.int64) + 1) * MS
        counts = self._counts[np.arange(ms) % len(self._counts)].astype(np.int16)
        for chunk in [slice(k, min(k + chunk_ms, ms)) for k in range(0, ms, chunk_ms)]:
            self.now_ns = int(stamps_ns[chunk][-1])
            self.then(RasterChunk(stamps_ns[chunk] + shift_ns, counts[chunk]))
        return self

    def run(self, chunk_end_ms: int = 0) -> "MemoryRig":
        """Decode until the plan is over and nothing has come for a while more."""
        self.wait(chunk_end_ms).then(lambda: None)
        self.spikes.follow(self.plan)
        # The loop collects garbage before it starts, and would walk all that the tests hold.
        gc.freeze()
        self.loop.run()
        return self

    @property
    def states(self) -> list[State]:
        return [state for _, state in self.results.states]

    def moving(self) -> list[bool]:
        """Return for each velocity that was sent, True if it moves the cursor."""
        return [any(sent.values) for sent in self.results.outputs]

    def counted(self) -> dict[str, int]:
        return self.loop.statistics.counts()

    def check_standing_still(self) -> None:
        """No velocity but zero while the newest state sent is any but RUNNING."""
        state = None
        for sent in self.results.in_order:
            if isinstance(sent, Sent):
                assert state is State.RUNNING or not any(sent.values), (state, sent)
            else:
                state = sent


def raster_stream(
    channel_ids: Sequence[str], rate_hz: float = 1000.0, kind: InputKind = InputKind.RASTER
) -> SpikeStream:
    return SpikeStream(kind, rate_hz, "int16", tuple(channel_ids), ())


def event_stream(channel_ids: Sequence[str]) -> SpikeStream:
    labels = ("channel", "unit")
    return SpikeStream(InputKind.EVENTS, 0.0, "int32", labels, tuple(channel_ids))


def events(time_ns: Sequence[int], channel: Sequence[int]) -> Chunk:
    numbers = np.array(channel, dtype=np.float64)
    return EventChunk(np.array(time_ns, dtype=np.int64), numbers, np.ones(numbers.size))
