"""Run the live loop, which joins spikes in, decoder, rules and results out, and fails closed."""

import math
from collections import deque
from collections.abc import Callable
from threading import Event as StopEvent

from rt_ner.core.clock import NS_PER_S, ns_from_ms, s_from_ns
from rt_ner.core.errors import SourceLostError, StreamError
from rt_ner.decoding.chunks import Chunk, Decoded
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.operator.orders import Orders
from rt_ner.live.parts.bundle_swap import BundleSwap
from rt_ner.live.parts.cache_warmer import CacheWarmer
from rt_ner.live.parts.connection import Connection, Connector
from rt_ner.live.parts.publisher import publisher_of
from rt_ner.live.parts.statistics import LoopStatistics
from rt_ner.live.ports.protocols import Ports
from rt_ner.live.rules.backlog import Backlog
from rt_ner.live.rules.input_watch import GIVE_UP_NS, InputWatch
from rt_ner.live.rules.state_machine import Event
from rt_ner.live.settings import DecodeSettings
from rt_ner.live.states import Command, State
from rt_ner.system.scheduling import behind_lsl, no_garbage_collection

# Within this time a command, or the end, is noticed even if no data come.
_LONGEST_SLEEP_NS = 20_000_000
# A decoder that has fallen behind will never catch up with more waiting samples than this.
_TOO_MANY_WAITING = 500_000


class Loop:
    """The live loop: `run` decodes until ``stop`` is set. Its properties are for any thread.

    Parameters
    ----------
    model, settings, ports
        The model to decode with, all settings, and the ways in and out.
    stop
        The event that ends the loop.
    report
        Called with each change of state and each notice; must not block.
    load_next
        Returns the model to swap to, from a thread of its own; None: no swaps.

    """

    def __init__(
        self,
        model: DecoderSpecification,
        settings: DecodeSettings,
        ports: Ports,
        stop: StopEvent,
        report: Callable[[str], None],
        load_next: Callable[[], DecoderSpecification] | None = None,
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._stop = stop
        self._hop_ns = model.window.hop_ns
        self._publisher = publisher_of(model, settings, ports, report)
        self._connector = Connector(ports.spikes, model, settings, ports.clock)
        self._input = InputWatch(ns_from_ms(settings.safety.stale_ms))
        self._backlog = Backlog(self._hop_ns)
        self._warmer = CacheWarmer(self._hop_ns, settings.timing.wake_up)
        self.swap = BundleSwap(load_next, ports, self._publisher.answer)
        self._orders = Orders(self._publisher, self.swap, stop, ports.alarms)

    @property
    def commands(self) -> deque[Command]:
        """Commands of the operator that wait to be obeyed; append to it from any thread."""
        return self._orders.commands

    @property
    def state(self) -> State | None:
        """The decoder's state; None before it begins."""
        return self._publisher.machine.state

    @property
    def note(self) -> str:
        """A sentence on what is awaited, or why the source was refused; empty if neither."""
        return self._publisher.note

    @property
    def fed_at_ns(self) -> int:
        """Time of the newest usable input, on the loop's clock, in ns; 0 before any."""
        return self._input.fed_at_ns

    @property
    def statistics(self) -> LoopStatistics:
        """Counts and latencies so far."""
        return self._publisher.statistics

    def run(self) -> None:
        """Connect, decode and reconnect until stopped; leave the cursor standing still.

        Raises StreamError if the first source does not appear in time or does not fit the bundle.
        A later one that does not fit is refused (FAULT), until another one comes.
        """
        wait_s = self._settings.input.wait_s
        try:
            with no_garbage_collection():
                while not self._stop.is_set():
                    self._publisher.take(Event.SEARCH)
                    try:
                        self._run_connection(wait_s)
                    except StreamError as error:
                        if self._connector.decoder is None:
                            raise
                        self._wait_in_fault(str(error))
                    wait_s = math.inf
        finally:
            self._publisher.take(Event.STOP)
            self._ports.close()

    def _run_connection(self, wait_s: float) -> None:
        """Find the source, and decode it until it is lost or the loop is stopped."""
        try:
            note = self._publisher.take_note
            if (connection := self._connector.find(wait_s, self._is_stopped, note)) is None:
                return
            self.swap.decoder = connection.decoder
            self.statistics.count_input_of(connection.decoder.binner)
            self._ports.results.announce_counts(connection.source.source_id)
            self._connector.open(connection)
            self._backlog.cancel()
            self.statistics.n_connections += 1
            self._input.connect(self._ports.clock.now_ns())
            self._publisher.take(Event.CONNECT)
            with behind_lsl():
                self._decode(connection)
        except SourceLostError as error:
            self._publisher.take(Event.LOSE)
            self._publisher.notify(f"connection lost: {error}")

    def _decode(self, connection: Connection) -> None:
        source, decoder = connection
        clock, warmer, orders = self._ports.clock, self._warmer, self._orders
        while not self._stop.is_set():
            if orders.are_waiting:
                orders.obey(decoder)
            chunk = source.pull(self._pause_s(decoder))
            # A pause may fall into the pull, or the work before it. What comes now is old.
            if self._input.was_paused(source.arrived_ns):
                self._go_stale(decoder, source.arrived_ns)
            last_end_ns = self._publisher.last_end_ns
            if chunk is not None:
                self._take(chunk, connection)
            now_ns = clock.now_ns()
            if self._publisher.last_end_ns == last_end_ns and now_ns >= warmer.due_ns:
                self._publisher.warm_caches(decoder.warm_caches(source.empty_chunk()))
                warmer.warmed(now_ns)
            self._check_input(decoder, now_ns)

    def _pause_s(self, decoder: Decoder) -> float:
        """Return how long to wait for data, in s: until something else is due."""
        now_ns = self._ports.clock.now_ns()
        wake_at_ns = min(
            self._input.due_ns,
            self._warmer.due_ns,
            decoder.binner.due_ns(now_ns),
            now_ns + _LONGEST_SLEEP_NS,
        )
        return s_from_ns(max(wake_at_ns - now_ns, self._warmer.shortest_sleep_ns))

    def _take(self, chunk: Chunk, connection: Connection) -> None:
        """Decode every hop that a chunk closes, or only the newest one to catch up."""
        decoder = connection.decoder
        if self._input.is_stale:
            if not len(chunk[0]):
                return
            # The time without data was not measured.
            decoder.reset(int(chunk[0].min()))
        if self._backlog.behind:
            self._catch_up(chunk, connection)
        else:
            for decoded in decoder.push(chunk):
                self._publish(decoded, connection, 0)
        if self._publisher.n_missed_in_a_row >= self._settings.safety.overload_hops:
            self._shed_load(connection)

    def _catch_up(self, chunk: Chunk, connection: Connection) -> None:
        """Decode only the newest hop of a chunk, and publish it only if it is up to date."""
        source, decoder = connection
        newest, n_passed_over = decoder.catch_up(chunk)
        if newest:
            lag_ns = source.arrived_ns - newest.end_ns
            if self._backlog.is_old(lag_ns, source.arrived_ns, source.is_drained):
                n_passed_over += 1
            else:
                self._publish(newest, connection, n_passed_over)
        self.statistics.n_passed_over += n_passed_over

    def _publish(self, decoded: Decoded, connection: Connection, n_passed_over: int) -> None:
        source, decoder = connection
        self._publisher.publish(decoded, source, decoder)
        self._warmer.hop_arrived(source.arrived_ns)
        self._backlog.published(source.arrived_ns - decoded.end_ns, n_passed_over)

    def _shed_load(self, connection: Connection) -> None:
        """Continue with the newest data, because the decoder is too slow for all of them."""
        source, decoder = connection
        self._backlog.begin_in_overload()
        if source.n_waiting() > _TOO_MANY_WAITING:
            source.flush()
            decoder.reset(self._ports.clock.now_ns())
            decoder.binner.restart(self._ports.clock.now_ns())
        self._publisher.tell_overload(self._settings.safety.overload_hops)

    def _check_input(self, decoder: Decoder, now_ns: int) -> None:
        """Stop the cursor if the input has stopped; report clock steps and losses."""
        statistics, publisher = self.statistics, self._publisher
        if self._input.is_silent(statistics.n_alive, now_ns):
            self._go_stale(decoder, now_ns)
        if slowness := self._input.new_slowness():
            publisher.notify(f"the source {slowness}", "slow chunks")
        if self._input.has_no_hops(self._hop_ns, publisher.published_at_ns, now_ns):
            # Input comes but makes no hop, for instance while a detector must learn again.
            publisher.published_at_ns = now_ns
            if self.state in (State.RUNNING, State.HOLD):
                self._backlog.begin_after_outage()
                publisher.take(Event.NO_HOP)
        publisher.tell_losses(now_ns)

    def _go_stale(self, decoder: Decoder, now_ns: int) -> None:
        """Stop the cursor, because no data come. When they come back, catch up first."""
        self._warmer.cancel()
        decoder.reset(now_ns)
        if not self._input.is_fed:
            return
        self._input.is_stale = True
        self._backlog.begin_after_outage()
        self._publisher.take(Event.SILENCE)
        if self._ports.spikes.source_came_back:
            raise SourceLostError("the source is back, so this connection is dead")
        if self._input.is_dead(now_ns):
            raise SourceLostError(f"no data for {GIVE_UP_NS / NS_PER_S:g} s, searching again")

    def _wait_in_fault(self, reason: str) -> None:
        """Refuse the present streams until others appear or the operator resets."""
        self._publisher.take_note(reason)
        self._publisher.take(Event.REFUSE)
        self._publisher.notify(f"refused: {reason}")
        self._ports.spikes.wait_for_others(lambda: self._orders.obey(None) or self._stop.is_set())

    def _is_stopped(self) -> bool:
        """Obey waiting commands; return True to give up looking for a source."""
        self._orders.obey(self._connector.decoder)
        return self._stop.is_set()
