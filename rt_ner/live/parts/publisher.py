"""Publish everything that leaves the loop, in order, with the state that goes with it."""

from collections.abc import Callable

from rt_ner.core.arrays import Float32Array
from rt_ner.core.clock import NS_PER_S, s_from_ns
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.decoding.chunks import Decoded
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.watch.expectation import Expectation
from rt_ner.live.operator.repeated_notices import RepeatedNotices
from rt_ner.live.parts.statistics import LoopStatistics
from rt_ner.live.ports.protocols import Clock, Ports, ResultsOut, SpikeSource
from rt_ner.live.rules.input_watch import SMOOTHING
from rt_ner.live.rules.safety import SafetyLimiter
from rt_ner.live.rules.state_machine import Event, Send, StateMachine, Step
from rt_ner.live.settings import DecodeSettings
from rt_ner.live.states import NUMBERED_STATES, State
from rt_ner.live.watch.channel_watch import ChannelWatch, watch_of

# LSL sends from a thread of its own, soonest if this one sleeps. Hops in a bunch don't wait.
_LET_GO_S, _LET_GO_PART = 200e-6, 0.1
_LOSSES_EVERY_NS = 5 * NS_PER_S
_STATES: tuple[State | None, ...] = NUMBERED_STATES


class Publisher:
    """The sender of hops, states and notices.

    Parameters
    ----------
    results
        The port that they are sent to.
    limiter
        Limits the velocities.
    hop_ns
        Width of a hop, in ns.
    clock
        The loop's clock.
    report
        Called with each state and each notice; must not block.
    watch
        The watch over the channels; None without one.

    Attributes
    ----------
    note
        A sentence on what is awaited, or why the source was refused; empty if neither.
    published_at_ns, last_end_ns
        Time at which the newest hop left, and its end, in ns.
    n_missed_in_a_row
        Number of newest hops in a row that left more than a hop after their data arrived.

    """

    def __init__(
        self,
        results: ResultsOut,
        limiter: SafetyLimiter,
        hop_ns: int,
        clock: Clock,
        report: Callable[[str], None],
        watch: ChannelWatch | None,
    ) -> None:
        self._results = results
        self._hop_ns = hop_ns
        self._clock = clock
        self._report = report
        self._watch = watch
        self._let_go_s = min(_LET_GO_S, s_from_ns(hop_ns) * _LET_GO_PART)
        self._state_since_ns = 0
        self._losses_at_ns = 0
        self._repeated = RepeatedNotices()
        self.machine = StateMachine()
        self.limiter = limiter
        self.statistics = LoopStatistics()
        self.note = ""
        self.published_at_ns = 0
        self.last_end_ns = 0
        self.n_missed_in_a_row = 0

    def publish(self, decoded: Decoded, source: SpikeSource, decoder: Decoder) -> None:
        """Send outputs, classes, latent, timing and counts of one hop, and then adapt to it.

        Parameters
        ----------
        decoded
            The hop's result.
        source, decoder
            The source of its data and the decoder, for the timing and the counts.

        """
        event = Event.HOP if decoded.ready else Event.HOP_WITHOUT_HISTORY
        step = self._enter(event, decoded.end_ns)
        self._push_output(step, decoded)
        pushed_ns = self._clock.now_ns()
        if decoded.probabilities is not None:
            is_decided = step.send is Send.VELOCITY
            probabilities = decoded.probabilities if is_decided else self.limiter.undecided
            self._results.push_classes(probabilities, decoded.end_ns)
        if pushed_ns - self.published_at_ns > self._hop_ns // 2:
            self._clock.sleep(self._let_go_s)
        self.published_at_ns = pushed_ns
        self._results.push_latent(decoded)
        self._count(decoded, pushed_ns - source.arrived_ns, decoder)
        stamps_ns = (
            decoder.binner.newest_ns,
            source.arrived_ns,
            decoded.bin_closed_ns,
            decoded.embedded_ns,
            decoded.decoded_ns,
            pushed_ns,
        )
        state = _STATES.index(self.machine.state)
        now = (self.limiter.gain, state, decoder.model.fingerprint)
        row = [*map(s_from_ns, stamps_ns), *self.statistics.timing_counts(), *now]
        self._results.push_timing(decoded.end_ns, row)
        self._results.push_counts(decoded.end_ns, decoder.binner.counts)
        if step.send is Send.VELOCITY and (moments := decoder.adapt()) is not None:
            self._results.push_normalisation(decoded.end_ns, moments)
        if self._watch is not None:
            for notice in self._watch.follow(decoder.binner, step.send is Send.VELOCITY):
                self.answer(notice)
        self.last_end_ns = decoded.end_ns

    def take(self, event: Event) -> None:
        """Enter the state that an event leads to, and send the outputs at rest if that needs it."""
        stamp_ns = max(self._clock.now_ns(), self.last_end_ns + self._hop_ns)
        step = self.machine.take(event)
        if step.send is Send.ZERO:
            self._results.push_output(self.limiter.rest, stamp_ns)
            if self.limiter.undecided.size:
                self._results.push_classes(self.limiter.undecided, stamp_ns)
        if event is Event.STOP:
            for notice in self._repeated.rest():
                self.answer(notice)
        self._tell_state(step, stamp_ns if step.send is Send.ZERO else self._clock.now_ns())

    def expect(self, expectation: Expectation | None) -> None:
        """Watch the channels by what another bundle expects of them; None: as before."""
        if self._watch is not None:
            self._watch.expect(expectation)

    def now_ns(self) -> int:
        """Return the present on the loop's clock, in ns."""
        return self._clock.now_ns()

    def notify(self, notice: str, kind: str = "") -> None:
        """Give the operator a notice, here and on the network; equal ones now and then.

        ``kind``: notices of one kind count as equal; empty: equal texts do.
        """
        now_ns = self._clock.now_ns()
        self.tell_repeated(now_ns)
        if self._repeated.is_new(kind or notice, notice, now_ns):
            self.answer(notice)

    def answer(self, notice: str) -> None:
        """Give the operator the answer to a command, each time."""
        self._results.push_notice(notice)
        self._report(notice)

    def tell_repeated(self, now_ns: int) -> None:
        """Notify of what has been repeated, with the count, once its time has come."""
        for notice in self._repeated.due(now_ns):
            self.answer(notice)

    def tell_overload(self, n_missed: int) -> None:
        """Count an overload, and notify of it: so many deadlines were missed in a row."""
        self.n_missed_in_a_row = 0
        self.statistics.n_overloads += 1
        self.notify(
            f"overload: {n_missed} deadlines missed in a row, skipping to the newest data; so far "
            f"{self.statistics.n_passed_over} hops passed over, "
            f"{self.statistics.input_counts[InputCounts.SKIPPED]} samples skipped",
            "overload",
        )

    def tell_losses(self, now_ns: int) -> None:
        """Notify of clock steps and uneven stamps at once, and of lost input now and then."""
        if step := self.statistics.new_clock_step():
            self.notify(f"clock step (number {step}): time stamps jumped, starting over", "step")
        if self.statistics.has_begun_to_smooth():
            self.notify(f"the source {SMOOTHING}")
        self.tell_repeated(now_ns)
        if now_ns >= self._losses_at_ns:
            self._losses_at_ns = now_ns + _LOSSES_EVERY_NS
            if losses := self.statistics.new_losses():
                self.notify(losses, "losses")

    def take_note(self, note: str) -> None:
        """Keep a sentence on what is awaited, or why the source was refused, to be shown."""
        self.note = note

    def warm_caches(self, values: Float32Array) -> None:
        """Run all the code that sends outputs, without sending them."""
        if self.machine.state is State.RUNNING:
            # One hop more changes nothing.
            self.machine.take(Event.HOP)
        self._results.warm_caches(self.limiter.limit(values).values)

    def _push_output(self, step: Step, decoded: Decoded) -> None:
        if step.send is not Send.VELOCITY:
            self._results.push_output(self.limiter.rest, decoded.end_ns)
            return
        values, was_too_fast = self.limiter.limit(decoded.values)
        self._results.push_output(values, decoded.end_ns)
        self.statistics.n_clamped += was_too_fast

    def _count(self, decoded: Decoded, latency_ns: int, decoder: Decoder) -> None:
        if decoded.ready:
            self.statistics.add_hop(decoded.decoded_ns - decoded.bin_closed_ns, latency_ns)
        self.statistics.n_nonfinite = decoder.n_nonfinite
        self.statistics.n_gaps = decoder.n_gaps
        missed = latency_ns > self._hop_ns
        self.statistics.n_missed += missed
        self.n_missed_in_a_row = self.n_missed_in_a_row + 1 if missed else 0

    def _enter(self, event: Event, stamp_ns: int) -> Step:
        step = self.machine.take(event)
        self._tell_state(step, stamp_ns)
        return step

    def _tell_state(self, step: Step, stamp_ns: int) -> None:
        if not step.has_changed or step.state is None:
            return
        if step.state not in (State.CONNECTING, State.FAULT):
            self.note = ""
        # The newest state has the newest stamp, though a hop's end may lie in the past.
        self._state_since_ns = max(self._state_since_ns, stamp_ns)
        self._results.push_state(step.state, self._state_since_ns)
        self._report(step.state)


def publisher_of(
    model: DecoderSpecification,
    settings: DecodeSettings,
    ports: Ports,
    report: Callable[[str], None],
) -> Publisher:
    """Return the publisher of a model's results, as the settings ask for."""
    limiter = SafetyLimiter(settings.safety, model.readout.outputs, len(model.classes))
    watch = watch_of(model, ports.alarms.append) if settings.safety.watch else None
    hop_ns = model.window.hop_ns
    return Publisher(ports.results, limiter, hop_ns, ports.clock, report, watch)
