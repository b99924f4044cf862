"""Loop: the thin shell around the decoder: states, streams, stamps, and failing closed.

CONNECTING → WARMING (history fills) → RUNNING; no data → STALE → WARMING; source gone →
CONNECTING; the end → STOPPED. Velocity is non-zero only in RUNNING.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from threading import Event

import numpy as np

from rt_ner.arrays import FloatArray
from rt_ner.clock import ns_from_ms, s_from_ns
from rt_ner.config import DecodeSettings
from rt_ner.decoder import Decoder, DecoderModel
from rt_ner.errors import StreamError
from rt_ner.inlet import RasterInlet, StreamLostError
from rt_ner.messages import Decoded
from rt_ner.outlet import DecoderOutlets
from rt_ner.process import no_garbage_collection
from rt_ner.rehearsal import Rehearsal
from rt_ner.streams import StreamWish, find_stream, local_now_ns, wish_for_same

_N_REMEMBERED_STEPS = 100_000
# Between two rehearsals: liblsl's receiving thread may need this very core.
_SHORTEST_SLEEP_NS = 50_000


class State(StrEnum):
    """What the decoder is doing, as the state stream says it."""

    CONNECTING = "CONNECTING"
    WARMING = "WARMING"
    RUNNING = "RUNNING"
    STALE = "STALE"
    STOPPED = "STOPPED"


class LoopTotals:
    """What a run amounted to: counts, and the newest steps' durations."""

    def __init__(self) -> None:
        self.n_running = 0
        self.n_late = 0
        self.n_missing = 0
        self.n_missed = 0
        self.n_nonfinite = 0
        self.n_connections = 0
        self._step_ns = np.zeros(_N_REMEMBERED_STEPS, dtype=np.int64)

    def add_step(self, step_ns: int) -> None:
        """Remember how long a step took, from bin closed to velocity ready."""
        self._step_ns[self.n_running % _N_REMEMBERED_STEPS] = step_ns
        self.n_running += 1

    def step_us(self) -> FloatArray:
        """Durations of the newest steps, in microseconds."""
        return self._step_ns[: min(self.n_running, _N_REMEMBERED_STEPS)] / 1e3


class Loop:
    """Decodes until ``stop`` is set.

    ``report`` is called at each change of state, and only then; it must not block.
    """

    def __init__(
        self,
        model: DecoderModel,
        settings: DecodeSettings,
        stop: Event,
        report: Callable[[State], None],
    ) -> None:
        self._model = model
        self._settings = settings
        self._stop = stop
        self._report = report
        self._outlets = DecoderOutlets(settings.output.source, model)
        wanted = settings.input
        self._wish = StreamWish(wanted.type, wanted.name, wanted.source_id)
        self._decoder: Decoder | None = None
        self._state: State | None = None
        self._state_since_ns = 0
        self._last_end_ns = 0
        self.totals = LoopTotals()

    def run(self) -> None:
        """Connect, decode, connect again, until stopped; leaves the cursor standing still.

        Raises StreamError if the first source does not appear in time, or a source does not fit
        the bundle.
        """
        wait_s = self._settings.input.wait_s
        try:
            with no_garbage_collection():
                while not self._stop.is_set():
                    self._enter(State.CONNECTING, local_now_ns())
                    self._run_connection(wait_s)
                    wait_s = math.inf
        finally:
            self._stand_still(State.STOPPED)
            self._outlets.linger()

    def _run_connection(self, wait_s: float) -> None:
        """Find the source, and decode it until it is lost or the loop is stopped."""
        info = find_stream(self._wish, wait_s, self._stop.is_set)
        if info is None:
            return
        try:
            inlet = RasterInlet(info, self._model.channel_ids)
            decoder = self._decoder_for(inlet)
            inlet.open()
            # From here on this source and no other, whatever else appears on the network.
            self._wish = wish_for_same(info)
            self.totals.n_connections += 1
            self._enter(State.WARMING, local_now_ns())
            self._decode(inlet, decoder)
        except StreamLostError:
            self._stand_still(State.CONNECTING)

    def _decoder_for(self, inlet: RasterInlet) -> Decoder:
        """The warmed decoder without history; made at the first connection, its totals kept after.

        Raises StreamError if the source came back with another rate.
        """
        if self._decoder is None:
            self._decoder = Decoder(self._model, inlet.period_ns, local_now_ns)
        elif self._decoder.period_ns != inlet.period_ns:
            raise StreamError(
                f"the source came back with samples of {inlet.period_ns / 1e6:g} ms instead of "
                f"{self._decoder.period_ns / 1e6:g} ms: restart it as it was, or start anew"
            )
        self._decoder.warm_up(inlet.counts_dtype)
        return self._decoder

    def _decode(self, inlet: RasterInlet, decoder: Decoder) -> None:
        # Data that close no hop (late, or stamped by a clock that jumped) are no data.
        stale_ns = ns_from_ms(self._settings.safety.stale_ms) + self._model.window.hop_ns
        stale_at_ns = local_now_ns() + stale_ns
        rehearsal = Rehearsal(self._model.window.hop_ns)
        while not self._stop.is_set():
            wake_at_ns = min(stale_at_ns, rehearsal.due_ns)
            sleep_ns = max(wake_at_ns - local_now_ns(), _SHORTEST_SLEEP_NS)
            chunk = inlet.pull(s_from_ns(sleep_ns))
            if chunk is not None:
                for decoded in decoder.push(chunk):
                    self._publish(decoded, inlet, decoder)
                    rehearsal.hop_arrived(inlet.arrived_ns)
                    stale_at_ns = inlet.arrived_ns + stale_ns
            elif wake_at_ns == rehearsal.due_ns:
                decoder.rehearse()
                rehearsal.rehearsed(local_now_ns())
            if local_now_ns() >= stale_at_ns:
                stale_at_ns += stale_ns
                rehearsal.cancel()
                decoder.reset()
                if self._state is State.RUNNING:
                    self._stand_still(State.STALE)

    def _publish(self, decoded: Decoded, inlet: RasterInlet, decoder: Decoder) -> None:
        self._enter(State.RUNNING if decoded.ready else State.WARMING, decoded.end_ns)
        self._outlets.push_velocity(decoded)
        pushed_ns = local_now_ns()
        self._outlets.push_latent(decoded)
        totals = self.totals
        if decoded.ready:
            totals.add_step(decoded.decoded_ns - decoded.bin_closed_ns)
        totals.n_late, totals.n_missing = decoder.n_late, decoder.n_missing
        totals.n_nonfinite = decoder.n_nonfinite
        totals.n_missed += pushed_ns - inlet.arrived_ns > self._model.window.hop_ns
        stamps_ns = (
            decoder.newest_sample_ns,
            inlet.arrived_ns,
            decoded.bin_closed_ns,
            decoded.embedded_ns,
            decoded.decoded_ns,
            pushed_ns,
        )
        counts = (totals.n_late, totals.n_missing, totals.n_missed, totals.n_nonfinite)
        self._outlets.push_timing(decoded.end_ns, [*map(s_from_ns, stamps_ns), *counts])
        self._last_end_ns = decoded.end_ns

    def _stand_still(self, state: State) -> None:
        """Send a zero velocity, stamped later than any other, and say why; once."""
        if state is self._state:
            return
        stamp_ns = max(local_now_ns(), self._last_end_ns + self._model.window.hop_ns)
        self._outlets.push_zero_velocity(stamp_ns)
        self._enter(state, stamp_ns)

    def _enter(self, state: State, stamp_ns: int) -> None:
        if state is self._state:
            return
        self._state = state
        self._state_since_ns = max(self._state_since_ns, stamp_ns)
        self._outlets.push_state(state, self._state_since_ns)
        self._report(state)
