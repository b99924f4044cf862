"""Latency: from the last spike of a bin to the velocity at a client, beside the floor.

Source, decoder and sink are processes of their own on LSL. In turns with the decoder, a relay that
does nothing takes its place: two bare LSL hops of the same shapes and rates, the floor. If load,
window or recorder stand beside the decoder, it takes a turn without them too. All times are of one
clock, that of this computer.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.kinds import TIMING_LABELS, Kind, source_id_of
from rt_ner.core.contract.spike_form import SpikeForm
from rt_ner.core.errors import RtNerError
from rt_ner.core.settings import load_settings
from rt_ner.live.settings import DecodeSettings
from rt_ner.system.processes import ChildProcess, child_process
from rt_ner.system.scheduling import realtime_refusal

# Quiet: the decoder without the company that it has otherwise.
FLOOR, DECODER, QUIET = "floor", "decoder", "quiet"
# Each stage ends with the stamp of its name, and begins with the one before.
STAGES = ("arrived", "bin_closed", "embedded", "decoded", "pushed", "received")
# The first seconds are left out: a detector learns its thresholds in two, then the history fills.
_WARM_UP_S, _END_S, _MARGIN_S = 4.0, 15.0, 60.0
_N_WORST = 10
_PERCENTILES = {"p50": 50, "p90": 90, "p99": 99, "p99_9": 99.9, "p99_99": 99.99, "max": 100}


@dataclass(frozen=True)
class LatencyPlan:
    """What is measured; ``rate``: spikes a second, of each channel; ``seconds``: a turn."""

    bundle: Path
    channels: int
    hop_ns: int
    form: str = SpikeForm.RASTER
    rate: float = 10.0
    seconds: float = 20.0
    turns: int = 3
    with_load: bool = False
    with_view: bool = False
    with_recorder: bool = False
    decode_config: Path | None = None

    @property
    def has_company(self) -> bool:
        """Whether anything stands beside the decoder."""
        return self.with_load or self.with_view or self.with_recorder

    @cached_property
    def realtime(self) -> bool:
        """Whether the decoder has real-time priority; source, sink, relay and peers then do too.

        Source and sink stand for a device and a cursor program with computers of their own.
        """
        wanted = load_settings(self.decode_config, DecodeSettings).timing.realtime
        return wanted and not realtime_refusal()


@dataclass
class Line:
    """One line, all turns together; ``(bin, …)``, times in s of this computer's clock.

    ``stages``: by `STAGES`, the decoder's alone, NaN for others.
    """

    pushed_s: list[FloatArray] = field(default_factory=list)
    received_s: list[FloatArray] = field(default_factory=list)
    stages: list[FloatArray] = field(default_factory=list)
    lost_bins: int = 0
    missed: int = 0

    @property
    def is_told(self) -> bool:
        """Whether the stages are known, from stamps of the line's own."""
        return bool(np.isfinite(np.concatenate(self.stages)).all())

    def end_to_end_us(self) -> FloatArray:
        """From the push of a bin's last spikes to the velocity at the sink, ``(bin,)``."""
        return (np.concatenate(self.received_s) - np.concatenate(self.pushed_s)) * 1e6

    def stages_us(self) -> FloatArray:
        """How long each stage of `STAGES` took, ``(bin, stage)``."""
        times = np.column_stack([np.concatenate(self.pushed_s), np.concatenate(self.stages)])
        return np.diff(times, axis=1) * 1e6

    def step_us(self) -> FloatArray:
        """From the bin closed to velocity decoded, ``(bin,)``."""
        stages = self.stages_us()
        return stages[:, 2] + stages[:, 3]


@dataclass(frozen=True, eq=False)
class Latency:
    """A line, a decoder's or a peer's, and the floor, measured in turns.

    ``quiet``: the same decoder without its company, if it has any.
    """

    plan: LatencyPlan
    floor: Line
    decoder: Line
    quiet: Line | None = None

    def above_floor_us(self) -> float:
        """Median from end to end, less the floor's."""
        whole, floor = self.decoder.end_to_end_us(), self.floor.end_to_end_us()
        return float(np.median(whole) - np.median(floor))

    def summary(self) -> dict[str, Any]:
        """All figures as one JSON object."""
        floor, whole = self.floor.end_to_end_us(), self.decoder.end_to_end_us()
        summary: dict[str, Any] = {
            "channels": self.plan.channels,
            "hop_ms": self.plan.hop_ns / 1e6,
            "input": self.plan.form,
            "realtime": self.plan.realtime,
            "load": self.plan.with_load,
            "view": self.plan.with_view,
            "recorder": self.plan.with_recorder,
            "bins": len(whole),
            "floor_us": percentiles(floor),
            "end_to_end_us": percentiles(whole),
            "ratio": _ratio(whole, floor),
            "above_floor_us": self.above_floor_us(),
            "missed_deadlines": self.decoder.missed,
            "floor_missed_deadlines": self.floor.missed,
            "lost_bins": self.decoder.lost_bins,
            "floor_lost_bins": self.floor.lost_bins,
        }
        if self.quiet is not None:
            quiet = self.quiet.end_to_end_us()
            summary |= {"quiet_us": percentiles(quiet), "to_quiet": _ratio(whole, quiet)}
        return summary | (self._inside() if self.decoder.is_told else {})

    def _inside(self) -> dict[str, Any]:
        """What only the decoder's own stamps tell."""
        stages = self.decoder.stages_us()
        return {
            "step_us": percentiles(self.decoder.step_us()),
            "stages_us": {
                name: percentiles(stages[:, number]) for number, name in enumerate(STAGES)
            },
            "worst": self._worst(),
        }

    def _worst(self) -> list[dict[str, float]]:
        """The slowest bins: how long each stage took, and how many bins came in one delivery."""
        whole, stages = self.decoder.end_to_end_us(), self.decoder.stages_us()
        arrived = np.concatenate(self.decoder.stages)[:, 0]
        _, which, together = np.unique(arrived, return_inverse=True, return_counts=True)
        rows = np.argsort(whole)[::-1][:_N_WORST]
        return [
            {"bin": int(row), "end_to_end_us": float(whole[row])}
            | {name: float(stages[row, number]) for number, name in enumerate(STAGES)}
            | {"bins_in_delivery": int(together[which[row]])}
            for row in rows
        ]


def measure_latency(plan: LatencyPlan, folder: Path, progress: Callable[[str], None]) -> Latency:
    """Measure floor and decoder in turns, so that both meet the same machine."""
    names = (FLOOR, DECODER, QUIET) if plan.has_company else (FLOOR, DECODER)
    lines = measure_processes(plan, names, folder, progress)
    return Latency(plan, lines[FLOOR], lines[DECODER], lines.get(QUIET))


def measure_processes(
    plan: LatencyPlan, names: Sequence[str], folder: Path, progress: Callable[[str], None]
) -> dict[str, Line]:
    """Measure lines in turns: `FLOOR`, `DECODER`, `QUIET`, or peers by name."""
    lines = {name: Line() for name in names}
    for turn in range(plan.turns):
        for name, line in lines.items():
            progress(f"turn {turn + 1} of {plan.turns}: {name}, {plan.seconds:g} s")
            _measure(plan, name, _made(folder / f"{name}-{turn}"), line)
    return lines


def percentiles(values: FloatArray) -> dict[str, float]:
    """The exact percentiles that a latency is judged by."""
    found = np.percentile(values, list(_PERCENTILES.values()))
    return dict(zip(_PERCENTILES, found.tolist(), strict=True))


def _ratio(some_us: FloatArray, others_us: FloatArray) -> dict[str, float]:
    """How many times as long some latencies are as others."""
    p50, p99 = np.percentile(some_us, [50, 99]) / np.percentile(others_us, [50, 99])
    return {"p50": float(p50), "p99": float(p99)}


def _measure(plan: LatencyPlan, what: str, folder: Path, line: Line) -> None:
    """A turn of one line: middle, sink and source, in the order in which they wait for another."""
    tag = folder.parent.name[-8:] + folder.name
    source, name = f"bench-source-{tag}", f"bench-{what}-{tag}"
    kind = SpikeForm(plan.form).kind
    pushes, times = folder / "pushes.npy", folder / "times.npz"
    with ExitStack() as stack:

        def start(*arguments: str) -> ChildProcess:
            return stack.enter_context(child_process(list(arguments), _made(folder / arguments[1])))

        noise = ["noise", "--name", source, "--form", plan.form, "--channels", str(plan.channels)]
        noise += ["--rate", str(plan.rate), "--pushes", str(pushes)]
        noise += ["--realtime"] * plan.realtime
        sent = start(*noise, "--seconds", str(plan.seconds + _WARM_UP_S))
        told = ["--timing"] * (what in (DECODER, QUIET)) + ["--realtime"] * plan.realtime
        sink = start("bench", "sink", name, str(times), *told)
        if what != QUIET and plan.with_load:
            start("bench", "burn")
        if what == DECODER and plan.with_recorder:
            start("bench", "drain", name)
        if what == DECODER and plan.with_view:
            start("view", str(plan.bundle), "--decoder", name)
        middle = start(*_middle(plan, what, (source, kind), name))
        sent.finish(plan.seconds + _MARGIN_S)
        middle.end()
        # It may have ended by itself; how it went is told by what it kept.
        sink.interrupt()
        sink.wait(_END_S)
    if not times.is_file():
        raise RtNerError(
            f"the sink kept nothing of '{what}': {sink.last_words()}; {middle.last_words()}"
        )
    with np.load(times, allow_pickle=False) as kept:
        _add_turn(line, plan, np.load(pushes, allow_pickle=False), dict(kept))


def _middle(plan: LatencyPlan, what: str, spikes: tuple[str, Kind], name: str) -> list[str]:
    """The command that stands between source and sink."""
    priority = ["--realtime"] * plan.realtime
    if what == FLOOR:
        return ["bench", "relay", *spikes, name, str(plan.hop_ns), *priority]
    if what not in (DECODER, QUIET):
        sizes = [str(plan.channels), str(plan.hop_ns)]
        velocity = f"{name}-{Kind.VELOCITY}"
        return ["bench", "peer", what, source_id_of(*spikes), velocity, *sizes, *priority]
    arguments = ["decode", str(plan.bundle), "--source", source_id_of(*spikes), "--name", name]
    return arguments + (["--config", str(plan.decode_config)] if plan.decode_config else [])


def _add_turn(
    line: Line, plan: LatencyPlan, pushes: FloatArray, times: dict[str, FloatArray]
) -> None:
    """Match pushes, velocities and stamps of one turn; its first seconds are left out."""
    received = times["received"]
    warm = received[:, 0] > pushes[0, 0] + _WARM_UP_S
    received = received[warm & (received[:, 0] <= pushes[-1, 0] + 1e-6)]
    if not len(received):
        raise RtNerError("no velocity was received: see the decoder's log")
    # Half a microsecond: stamps are equal but for their last bits.
    last_push = np.searchsorted(pushes[:, 0], received[:, 0] + 5e-7, side="right") - 1
    stages = np.full((len(received), len(STAGES)), np.nan)
    if len(timing := times["timing"]):
        columns = [1 + TIMING_LABELS.index(stage) for stage in STAGES[:-1]]
        row = np.searchsorted(timing[:, 0], received[:, 0] - 5e-7).clip(0, len(timing) - 1)
        known = np.abs(timing[row, 0] - received[:, 0]) < 1e-6
        stages[:, :-1] = np.where(known[:, None], timing[row][:, columns], np.nan)
        stages[:, -1] = received[:, 1]
        kept = known
    else:
        kept = np.ones(len(received), dtype=np.bool_)
    line.pushed_s.append(pushes[last_push[kept], 1])
    line.received_s.append(received[kept, 1])
    line.stages.append(stages[kept])
    hops = np.rint(np.diff(received[:, 0]) * 1e9 / plan.hop_ns)
    line.lost_bins += int((hops - 1).clip(0).sum())
    late_s = received[:, 1] - pushes[last_push, 1]
    line.missed += int((late_s * 1e9 > plan.hop_ns).sum())


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
