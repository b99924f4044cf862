"""Measure the latency from the last spike of a bin to the velocity at a client.

Source, decoder and sink are separate processes on LSL. In turns with the decoder, a relay that does
nothing takes its place: two bare LSL hops of the same shapes and rates, the floor. LSL's own thread
sends the samples of floor and of an ordinary source; in the floor at once, and in a source of ours,
the thread that has them does. If load, view or recorder run beside the decoder, it takes a turn
without them too. All times are of the local clock.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pylsl

from rt_ner.bench.latency.plan import LatencyPlan
from rt_ner.bench.latency.results import WARM_UP_S, Latency, Timings
from rt_ner.core.contract.kinds import Kind, SpikeForm, source_id_of
from rt_ner.core.errors import RtNerError
from rt_ner.system.computer.stalls import StallWatch
from rt_ner.system.processes import ChildProcess, child_process

FLOOR, FLOOR_AT_ONCE = "floor", "floor-at-once"
# ORDINARY is the decoder with an ordinary source, QUIET the one without load, view and recorder.
DECODER, ORDINARY, QUIET = "decoder", "decoder-ordinary", "decoder-quiet"
_FLOORS = (FLOOR, FLOOR_AT_ONCE)
_DECODERS = (DECODER, ORDINARY, QUIET)
_END_S, _MARGIN_S = 15.0, 60.0

Progress = Callable[[str], None]


def measure_latency(plan: LatencyPlan, folder: Path, progress: Progress) -> Latency:
    """Measure floor and decoder in turns, so that both meet the same conditions."""
    names = [FLOOR, FLOOR_AT_ONCE, DECODER, ORDINARY, *[QUIET] * plan.has_company]
    timings = measure_in_turns(plan, names, folder, progress)
    return Latency(
        plan,
        timings[FLOOR],
        timings[DECODER],
        timings.get(QUIET),
        timings[FLOOR_AT_ONCE],
        timings[ORDINARY],
    )


def measure_in_turns(
    plan: LatencyPlan, names: Sequence[str], folder: Path, progress: Progress
) -> dict[str, Timings]:
    """Measure floors, decoders, or peers by name, in turns."""
    all_timings = {name: Timings() for name in names}
    for number in range(plan.turns):
        for name, timings in all_timings.items():
            progress(f"turn {number + 1} of {plan.turns}: {name}, {plan.seconds:g} s")
            turn = _Turn(plan, name, _made(folder / f"{name}-{number}"))
            with StallWatch(pylsl.local_clock) as stalls:
                turn.run()
            turn.add_to(timings, stalls)
    return all_timings


@dataclass(frozen=True)
class _Turn:
    """A turn of ``who``: floor, decoder or peer stand between source and sink."""

    plan: LatencyPlan
    who: str
    folder: Path

    @property
    def _tag(self) -> str:
        return self.folder.parent.name[-8:] + self.folder.name

    @property
    def _name(self) -> str:
        return f"bench-{self.who}-{self._tag}"

    @property
    def _is_decoder(self) -> bool:
        return self.who in _DECODERS

    @property
    def _pushes(self) -> Path:
        return self.folder / "pushes.npy"

    @property
    def _times(self) -> Path:
        return self.folder / "times.npz"

    def run(self) -> None:
        """Start all processes and wait until the source is done."""
        with ExitStack() as stack:

            def start(*arguments: str) -> ChildProcess:
                role = arguments[1] if arguments[0] == "bench" else arguments[0]
                log_folder = _made(self.folder / role)
                return stack.enter_context(child_process(list(arguments), log_folder))

            source = start(*self._source_command())
            sink = start(*self._sink_command())
            for companion in self._companion_commands():
                start(*companion)
            middle = start(*self._middle_command())
            source.finish(self.plan.seconds + _MARGIN_S)
            middle.end()
            # The sink may have ended by itself; what it saved shows how it went.
            sink.interrupt()
            sink.wait(_END_S)
        if not self._times.is_file():
            words = f"{sink.last_words()}; {middle.last_words()}"
            raise RtNerError(f"the sink saved nothing of '{self.who}': {words}")

    def add_to(self, timings: Timings, stalls: StallWatch) -> None:
        """Add what source and sink saved, and the computer's stalls meanwhile."""
        pushes = np.load(self._pushes, allow_pickle=False)
        with np.load(self._times, allow_pickle=False) as saved:
            timings.add_turn(pushes, dict(saved), self.plan.hop_ns, stalls)

    def _source_command(self) -> list[str]:
        plan = self.plan
        command = ["noise", "--name", f"bench-source-{self._tag}", "--form", plan.form]
        command += ["--channels", str(plan.channels), "--rate", str(plan.rate)]
        command += ["--pushes", str(self._pushes), *self._priority()]
        command += ["--at-once"] * (self.who in (FLOOR_AT_ONCE, DECODER, QUIET))
        return [*command, "--seconds", str(plan.seconds + WARM_UP_S)]

    def _sink_command(self) -> list[str]:
        timing = ["--timing"] * self._is_decoder
        return ["bench", "sink", self._name, str(self._times), *timing, *self._priority()]

    def _companion_commands(self) -> list[list[str]]:
        """Return the commands of load, recorder and view, as far as this turn has them."""
        commands = []
        if self.plan.with_load and self.who != QUIET:
            commands.append(["bench", "load"])
        has_clients = self.who in (DECODER, ORDINARY)
        if self.plan.with_recorder and has_clients:
            commands.append(["bench", "drain", self._name])
        if self.plan.with_view and has_clients:
            commands.append(["view", str(self.plan.bundle), "--decoder", self._name])
        return commands

    def _middle_command(self) -> list[str]:
        """Return the command that runs between source and sink."""
        plan, kind = self.plan, SpikeForm(self.plan.form).kind
        source = f"bench-source-{self._tag}"
        if self._is_decoder:
            command = ["decode", str(plan.bundle), "--source", source_id_of(source, kind)]
            config = ["--config", str(plan.decode_config)] if plan.decode_config else []
            return [*command, "--name", self._name, *config]
        if self.who not in _FLOORS:
            velocity = f"{self._name}-{Kind.VELOCITY}"
            sizes = [str(plan.channels), str(plan.hop_ns)]
            command = ["bench", "peer", self.who, source_id_of(source, kind), velocity]
            return [*command, *sizes, *self._priority()]
        relay = ["bench", "relay", source, kind, self._name, str(plan.hop_ns), *self._priority()]
        return [*relay, *["--at-once"] * (self.who == FLOOR_AT_ONCE)]

    def _priority(self) -> list[str]:
        return ["--realtime"] * self.plan.realtime


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
