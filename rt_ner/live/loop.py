"""Loop: the thin shell around the decoder: connections, states, stamps, and failing closed."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from threading import Event
from types import MappingProxyType

import numpy as np

from rt_ner.core.arrays import Float32Array
from rt_ner.core.clock import NS_PER_S, ns_from_ms, s_from_ns
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import StreamError
from rt_ner.decoding.chunks import Chunk, Decoded
from rt_ner.decoding.decoder import Decoder, DecoderSpecification
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.live.output.outlets import DecoderOutlets
from rt_ner.live.rules.backlog import Backlog
from rt_ner.live.settings import DecodeSettings, live_binner
from rt_ner.live.states import Command, State
from rt_ner.live.upkeep.bundle_swap import BundleSwap
from rt_ner.live.upkeep.cache_warmer import CacheWarmer
from rt_ner.live.upkeep.statistics import LoopStatistics
from rt_ner.lsl.discovery import find_stream, query_for_same, spike_query
from rt_ner.lsl.spikes.network_watch import NetworkWatch
from rt_ner.lsl.spikes.spike_inlet import SpikeInlet, StreamLostError
from rt_ner.lsl.streams import local_now_ns
from rt_ner.system.scheduling import behind_lsl
from rt_ner.system.signals import no_garbage_collection

# A command or the end is noticed within this time even when no data come.
_LONGEST_SLEEP_NS = 20_000_000
_LOOK_AGAIN_S = 0.2
_LOSSES_EVERY_NS = 5 * NS_PER_S
# A connection that was silent for so long may be dead.
_GIVE_UP_NS = 5 * NS_PER_S
# So many samples waiting are more than a decoder that has fallen behind will ever catch up with.
_TOO_MANY_WAITING = 500_000
# LSL sends from a thread of its own: soonest if this one sleeps. Hops in a bunch don't wait.
_LET_GO_S, _LET_GO_PART = 200e-6, 0.1
_STATES: tuple[State | None, ...] = tuple(State)
# The operator's gain goes in steps of a tenth, up to tenfold and down to a tenth.
_GAIN_STEP, _MOST_GAIN_STEPS = 1.1, 24
_GAIN_STEPS = {Command.FASTER: 1, Command.SLOWER: -1}


class Loop:
    """Decodes until ``stop`` is set.

    ``report`` is called with each change of state and each notice, and must not block. ``about``:
    what the state stream tells of this decoder, by name. ``load_next`` reads the model to
    swap to, from a thread of its own.
    ``commands``: append what the operator says. ``alarms``: append what the operator must hear.
    ``state``, ``note`` (what is waited for, or why
    the source was refused), ``arrived_ns`` (of the newest data) and ``statistics`` may be read from
    any thread.
    """

    def __init__(
        self,
        model: DecoderSpecification,
        settings: DecodeSettings,
        stop: Event,
        report: Callable[[str], None],
        about: Mapping[str, str] = MappingProxyType({}),
        load_next: Callable[[], DecoderSpecification] | None = None,
    ) -> None:
        self._model = model
        self._settings = settings
        self._stop = stop
        self._report = report
        self._outlets = DecoderOutlets(settings, model, about)
        self._query = spike_query(settings.input)
        self._watch = NetworkWatch(self._query, self._notify)
        self._shape: SpikeStream | None = None
        self._decoder: Decoder | None = None
        self._rehearsal = CacheWarmer(model.window.hop_ns, settings.timing.wake_up)
        self._held = False
        self._is_fed = False
        self._is_stale = False
        self._backlog = Backlog(model.window.hop_ns)
        self._stale_ns = ns_from_ms(settings.safety.stale_ms)
        self._stale_at_ns = 0
        self._let_go_s = min(_LET_GO_S, s_from_ns(model.window.hop_ns) * _LET_GO_PART)
        self._used = self._steps = 0
        self._published_at_ns = 0
        self._losses_at_ns = 0
        self._missed_in_a_row = 0
        self._state_since_ns = 0
        self._last_end_ns = 0
        self._gain_steps = 0
        self._swap = BundleSwap(load_next, self._notify)
        self._velocity: Float32Array = np.zeros(2, dtype=np.float32)
        self.commands: deque[Command] = deque()
        self.alarms: deque[str] = deque()
        self.state: State | None = None
        self.note = ""
        self.arrived_ns = 0
        self.statistics = LoopStatistics()

    def run(self) -> None:
        """Connect, decode, connect again, until stopped; leaves the cursor standing still.

        Raises StreamError if the first source does not appear in time, or does not fit the
        bundle. One that does not fit later is refused (FAULT), until another comes.
        """
        wait_s = self._settings.input.wait_s
        try:
            with no_garbage_collection():
                while not self._stop.is_set():
                    self._enter(State.CONNECTING, local_now_ns())
                    try:
                        self._run_connection(wait_s)
                    except StreamError as error:
                        if self._decoder is None:
                            raise
                        self._wait_in_fault(str(error))
                    wait_s = math.inf
        finally:
            self._stand_still(State.STOPPED)
            self._watch.close()
            self._outlets.close()

    def _run_connection(self, wait_s: float) -> None:
        """Find the source, and decode it until it is lost or the loop is stopped."""
        info = find_stream(self._query, wait_s, self._is_stopped, self._take_note)
        if info is None:
            return
        try:
            inlet = SpikeInlet(info, self._settings.input.kind)
            decoder = self._decoder_for(inlet)
            self._outlets.announce_counts(info.source_id())
            inlet.open(decoder.binner, ns_from_ms(self._settings.safety.clock_step_ms))
            decoder.binner.restart(local_now_ns())
            # From here on this source and no other, whatever else appears on the network.
            self._query = query_for_same(info)
            self._watch.connected_to(inlet.uid, self._query)
            self._is_fed = self._is_stale = False
            self._backlog.cancel()
            self.statistics.n_connections += 1
            self._enter(State.WARMING, local_now_ns())
            with behind_lsl():
                self._decode(inlet, decoder)
        except StreamLostError as error:
            self._stand_still(State.CONNECTING)
            self._notify(f"connection lost: {error}")

    def _decoder_for(self, inlet: SpikeInlet) -> Decoder:
        """The warmed decoder without history; made at the first connection, its statistics kept after.

        Raises StreamError if the source does not fit the bundle, or came back as another.
        """
        if self._decoder is None:
            binner = live_binner(inlet.shape, self._model, self._settings)
            self._decoder = Decoder(self._model, binner, local_now_ns)
            self._shape = inlet.shape
            self.statistics.input_counts = binner.input_counts
        elif self._shape and (changes := self._shape.changed(inlet.shape)):
            raise StreamError(
                f"the source came back changed: {changes}. Start it as it was, or decode anew"
            )
        self._decoder.warm_up(inlet.dtype)
        return self._decoder

    def _decode(self, inlet: SpikeInlet, decoder: Decoder) -> None:
        now_ns = local_now_ns()
        self._stale_at_ns = now_ns + self._stale_ns
        while not self._stop.is_set():
            if self.commands:
                self._obey(decoder)
            if self._swap.is_ready:
                self._swap.take(decoder)
            if self.alarms:
                self._sound_alarms()
            chunk = inlet.pull(self._pause_s(decoder))
            if inlet.arrived_ns - now_ns > self._stale_ns:
                # This very process was paused: what comes now is of the past.
                self._go_stale(decoder, inlet.arrived_ns)
            closed = chunk is not None and self._take(chunk, inlet, decoder)
            now_ns = local_now_ns()
            if not closed and now_ns >= self._rehearsal.due_ns:
                self._rehearse(inlet, decoder)
                self._rehearsal.rehearsed(now_ns)
            self._check_input(decoder, now_ns)

    def _check_input(self, decoder: Decoder, now_ns: int) -> None:
        """See whether the input goes on; data that are not used (late, repeated) are no data."""
        used, steps = (
            int(self.statistics.input_counts[what])
            for what in (InputCounts.USED, InputCounts.CLOCK_STEPS)
        )
        if used != self._used:
            self._used = used
            self.arrived_ns = now_ns
            self._is_fed, self._is_stale = True, False
            self._stale_at_ns = now_ns + self._stale_ns
        elif now_ns >= self._stale_at_ns:
            self._stale_at_ns += self._stale_ns
            self._go_stale(decoder, now_ns)
        if now_ns >= self._published_at_ns + self._stale_ns + self._model.window.hop_ns:
            self._stop_unfed(now_ns)
        if steps != self._steps:
            self._steps = steps
            self._notify(f"clock step (number {steps}): time stamps jumped, starting anew")
        if now_ns >= self._losses_at_ns:
            self._losses_at_ns = now_ns + _LOSSES_EVERY_NS
            if losses := self.statistics.new_losses():
                self._notify(losses)

    def _pause_s(self, decoder: Decoder) -> float:
        """How long to wait for data: until something else is due."""
        now_ns = local_now_ns()
        wake_at_ns = min(
            self._stale_at_ns,
            self._rehearsal.due_ns,
            decoder.binner.due_ns(now_ns),
            now_ns + _LONGEST_SLEEP_NS,
        )
        return s_from_ns(max(wake_at_ns - now_ns, self._rehearsal.shortest_sleep_ns))

    def _take(self, chunk: Chunk, inlet: SpikeInlet, decoder: Decoder) -> bool:
        """Decode a chunk: every hop that it closes, or only the newest to catch up.

        Whether it closed any.
        """
        if self._is_stale:
            if not len(chunk[0]):
                return False
            # What was silent until now was not measured.
            decoder.reset(int(chunk[0].min()))
        last_end_ns = self._last_end_ns
        if not self._backlog.behind:
            for decoded in decoder.push(chunk):
                self._publish(decoded, inlet, decoder)
                self._backlog.published(inlet.arrived_ns - decoded.end_ns, 0)
        else:
            self._catch_up(chunk, inlet, decoder)
        if self._missed_in_a_row >= self._settings.safety.overload_hops:
            self._shed_load(inlet, decoder)
        return self._last_end_ns != last_end_ns

    def _catch_up(self, chunk: Chunk, inlet: SpikeInlet, decoder: Decoder) -> None:
        """Decode only the newest hop of a chunk, and show it only if it is of now."""
        newest, n_passed_over = decoder.catch_up(chunk)
        if newest:
            lag_ns = inlet.arrived_ns - newest.end_ns
            if self._backlog.is_old(lag_ns, inlet.arrived_ns, inlet.is_drained):
                n_passed_over += 1
            else:
                self._publish(newest, inlet, decoder)
                self._backlog.published(lag_ns, n_passed_over)
        self.statistics.n_passed_over += n_passed_over

    def _publish(self, decoded: Decoded, inlet: SpikeInlet, decoder: Decoder) -> None:
        running = State.HOLD if self._held else State.RUNNING
        self._enter(running if decoded.ready else State.WARMING, decoded.end_ns)
        if self.state is State.RUNNING:
            velocity, too_fast = self._scaled(decoded.velocity)
            self._outlets.push_velocity(velocity, decoded.end_ns)
            self.statistics.n_clamped += too_fast
        else:
            self._outlets.push_zero_velocity(decoded.end_ns)
        pushed_ns = local_now_ns()
        if pushed_ns - self._published_at_ns > self._model.window.hop_ns // 2:
            time.sleep(self._let_go_s)
        self._published_at_ns = pushed_ns
        self._rehearsal.hop_arrived(inlet.arrived_ns)
        self._outlets.push_latent(decoded)
        statistics = self.statistics
        latency_ns = pushed_ns - inlet.arrived_ns
        if decoded.ready:
            statistics.add_hop(decoded.decoded_ns - decoded.bin_closed_ns, latency_ns)
        statistics.n_nonfinite = decoder.n_nonfinite
        missed = latency_ns > self._model.window.hop_ns
        statistics.n_missed += missed
        self._missed_in_a_row = self._missed_in_a_row + 1 if missed else 0
        stamps_ns = (
            decoder.binner.newest_ns,
            inlet.arrived_ns,
            decoded.bin_closed_ns,
            decoded.embedded_ns,
            decoded.decoded_ns,
            pushed_ns,
        )
        hops = (
            statistics.n_missed,
            statistics.n_nonfinite,
            statistics.n_clamped,
            statistics.n_passed_over,
        )
        now = (self.gain, _STATES.index(self.state))
        self._outlets.push_timing(
            decoded.end_ns,
            [*map(s_from_ns, stamps_ns), *statistics.input_counts.tolist(), *hops, *now],
        )
        self._outlets.push_counts(decoded.end_ns, decoder.binner.counts)
        self._last_end_ns = decoded.end_ns

    @property
    def gain(self) -> float:
        """What the operator has the velocity multiplied by."""
        return _GAIN_STEP**self._gain_steps

    def _rehearse(self, inlet: SpikeInlet, decoder: Decoder) -> None:
        """Go the way of the next hop, from its arrival to where its velocity would leave."""
        velocity, _ = self._scaled(decoder.rehearse(inlet.rehearse()))
        self._outlets.rehearse(velocity)

    def _scaled(self, velocity: Float32Array) -> tuple[Float32Array, bool]:
        """The velocity with the operator's gain, but no faster than allowed; whether it was.

        The direction stays.
        """
        speed = math.hypot(*velocity.tolist()) * self.gain
        most = self._settings.safety.max_speed_cm_s
        too_fast = speed > most
        if not too_fast and not self._gain_steps:
            return velocity, False
        np.multiply(velocity, self.gain * min(most / speed, 1.0) if speed else 1.0, self._velocity)
        return self._velocity, too_fast

    def _go_stale(self, decoder: Decoder, now_ns: int) -> None:
        """No data: stop the cursor. When they come back, catch up first."""
        self._rehearsal.cancel()
        decoder.reset(now_ns)
        if not self._is_fed:
            return
        self._is_stale = True
        self._backlog.begin_after_outage()
        self._stand_still(State.STALE)
        if self._watch.source_came_back:
            raise StreamLostError("the source is there anew, this connection is dead")
        if now_ns - self.arrived_ns > _GIVE_UP_NS:
            raise StreamLostError(f"nothing came for {_GIVE_UP_NS / NS_PER_S:g} s, looking anew")

    def _stop_unfed(self, now_ns: int) -> None:
        """Data come, but no hop can be made of them (a detector that must learn anew, say)."""
        self._published_at_ns = now_ns
        if self.state in (State.RUNNING, State.HOLD):
            self._backlog.begin_after_outage()
            self._stand_still(State.STALE)

    def _shed_load(self, inlet: SpikeInlet, decoder: Decoder) -> None:
        """Too slow for what comes: go on with the newest."""
        self._missed_in_a_row = 0
        self._backlog.begin_in_overload()
        self.statistics.n_overloads += 1
        if inlet.n_waiting() > _TOO_MANY_WAITING:
            inlet.flush()
            decoder.reset(local_now_ns())
            decoder.binner.restart(local_now_ns())
        self._notify(
            f"overload: {self._settings.safety.overload_hops} deadlines missed in a row, going on "
            f"with the newest data; so far {self.statistics.n_passed_over} hops passed over, "
            f"{self.statistics.input_counts[InputCounts.SKIPPED]} samples skipped"
        )

    def _obey(self, decoder: Decoder | None) -> bool:
        """Do what the operator says; whether it was to reset."""
        was_reset = False
        while self.commands:
            command = self.commands.popleft()
            was_reset |= command is Command.RESET
            if command in _GAIN_STEPS:
                self._change_gain(_GAIN_STEPS[command])
            elif decoder and command is Command.SWAP:
                self._swap.order(decoder)
            elif decoder and command is Command.UNDO:
                self._swap.undo(decoder)
            else:
                self._change_state(command, decoder)
        return was_reset

    def _change_state(self, command: Command, decoder: Decoder | None) -> None:
        if command is Command.STOP:
            self._stop.set()
        elif command is Command.HOLD:
            self._held = True
            if self.state is State.RUNNING:
                self._stand_still(State.HOLD)
        elif command is Command.RESUME:
            self._held = False
        elif command is Command.RESET:
            if decoder:
                decoder.reset(local_now_ns())
            if self.state in (State.RUNNING, State.HOLD):
                self._stand_still(State.WARMING)

    def _change_gain(self, steps: int) -> None:
        wanted = self._gain_steps + steps
        self._gain_steps = max(-_MOST_GAIN_STEPS, min(wanted, _MOST_GAIN_STEPS))
        limit = "" if wanted == self._gain_steps else ", as far as it goes"
        self._notify(f"gain {self.gain:.2f}{limit}")

    def _wait_in_fault(self, reason: str) -> None:
        """Refuse the streams that are there now, until others are or the operator resets."""
        self._take_note(reason)
        self._stand_still(State.FAULT)
        self._notify(f"refused: {reason}")
        refused = {info.uid() for info in self._query.resolve()[0]}
        while not self._stop.is_set() and not self._obey(None):
            found = {info.uid() for info in self._query.resolve(_LOOK_AGAIN_S)[0]}
            if found and found != refused:
                break

    def _is_stopped(self) -> bool:
        """Whether to give up looking for a source; obeys meanwhile."""
        if self.commands:
            self._obey(self._decoder)
        self._sound_alarms()
        return self._stop.is_set()

    def _sound_alarms(self) -> None:
        while self.alarms:
            self._notify(self.alarms.popleft())

    def _take_note(self, note: str) -> None:
        self.note = note

    def _notify(self, notice: str) -> None:
        """Tell the operator, here and on the network."""
        self._outlets.push_notice(notice)
        self._report(notice)

    def _stand_still(self, state: State) -> None:
        """Send a zero velocity, stamped later than any other, and say why; once."""
        if state is self.state:
            return
        stamp_ns = max(local_now_ns(), self._last_end_ns + self._model.window.hop_ns)
        self._outlets.push_zero_velocity(stamp_ns)
        self._enter(state, stamp_ns)

    def _enter(self, state: State, stamp_ns: int) -> None:
        if state is self.state:
            return
        self.state = state
        if state not in (State.CONNECTING, State.FAULT):
            self.note = ""
        self._state_since_ns = max(self._state_since_ns, stamp_ns)
        self._outlets.push_state(state, self._state_since_ns)
        self._report(state)
