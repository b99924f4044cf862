"""Hold the times of floor, decoder and peers, and summarise them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rt_ner.bench.latency.plan import LatencyPlan
from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.core.contract.kinds import TIMING_LABELS
from rt_ner.core.errors import RtNerError
from rt_ner.system.computer.stalls import StallWatch

# Each stage ends with the stamp of this name, and begins with the one before.
STAGES = ("arrived", "bin_closed", "embedded", "decoded", "pushed", "received")
# The first seconds are left out: a detector learns thresholds in two, then the history fills.
WARM_UP_S = 4.0
# Equal stamps differ in their last bits.
_HALF_US = 5e-7
_N_WORST = 10
_PERCENTILES = {"p50": 50, "p90": 90, "p99": 99, "p99_9": 99.9, "p99_99": 99.99, "max": 100}


@dataclass
class Timings:
    """Times of floor, decoder or peer over all turns, ``(bin, …)`` in s of the local clock.

    ``stages`` are in the order of `STAGES`, and NaN for all but the decoder. ``due_s`` are the
    times at which the source should have pushed. ``missed_in_stalls`` counts the missed deadlines
    during which a core stood still, or the host ran something else. ``stalls`` are those of the
    computer, a watch per turn.
    """

    due_s: list[FloatArray] = field(default_factory=list)
    pushed_s: list[FloatArray] = field(default_factory=list)
    received_s: list[FloatArray] = field(default_factory=list)
    stages: list[FloatArray] = field(default_factory=list)
    lost_bins: int = 0
    missed: int = 0
    missed_in_stalls: int = 0
    stalls: list[StallWatch] = field(default_factory=list)

    @property
    def has_stages(self) -> bool:
        """True if the decoder stamped every stage of every bin."""
        return bool(np.isfinite(np.concatenate(self.stages)).all())

    def end_to_end_us(self) -> FloatArray:
        """Return the time from the push of a bin's last spikes to the sink, ``(bin,)``."""
        return (np.concatenate(self.received_s) - np.concatenate(self.pushed_s)) * 1e6

    def stages_us(self) -> FloatArray:
        """Return the duration of each of the `STAGES`, ``(bin, stage)``."""
        times = np.column_stack([np.concatenate(self.pushed_s), np.concatenate(self.stages)])
        return np.diff(times, axis=1) * 1e6

    def step_us(self) -> FloatArray:
        """Return the time from bin closed to velocity decoded, ``(bin,)``."""
        stages = self.stages_us()
        return stages[:, 2] + stages[:, 3]

    def add_turn(
        self,
        pushes: FloatArray,
        times: dict[str, FloatArray],
        hop_ns: int,
        stalls: StallWatch | None = None,
    ) -> None:
        """Match the pushes, velocities and stamps of a turn, without its first seconds.

        ``pushes`` are rows of stamp and time of a push; ``times`` is what the sink saved.
        ``stalls``: those of the computer during the turn, if they were watched.
        """
        if stalls is not None:
            self.stalls.append(stalls)
        received = times["received"]
        warm = received[:, 0] > pushes[0, 0] + WARM_UP_S
        received = received[warm & (received[:, 0] <= pushes[-1, 0] + 1e-6)]
        if not len(received):
            raise RtNerError("no velocity was received: see the decoder's log")
        last = np.searchsorted(pushes[:, 0], received[:, 0] + _HALF_US, side="right") - 1
        pushed_s = pushes[last, 1]
        stages, known = _stages(received, times["timing"])
        self.due_s.append(pushes[last, 0][known])
        self.pushed_s.append(pushed_s[known])
        self.received_s.append(received[known, 1])
        self.stages.append(stages[known])
        hops = np.rint(np.diff(received[:, 0]) * 1e9 / hop_ns)
        self.lost_bins += int((hops - 1).clip(0).sum())
        is_missed = (received[:, 1] - pushed_s) * 1e9 > hop_ns
        self.missed += int(is_missed.sum())
        self.missed_in_stalls += sum(
            self.longest_stall_s(begin, end) > 0 or self.stolen_s(begin, end) > 0
            for begin, end in zip(pushed_s[is_missed], received[is_missed, 1], strict=True)
        )

    def longest_stall_s(self, begin_s: float, end_s: float) -> float:
        """Return the longest time for which a core stood still at an interval, in s."""
        return max((each.longest_s(begin_s, end_s) for each in self.stalls), default=0.0)

    def stolen_s(self, begin_s: float, end_s: float) -> float:
        """Return the time that the host took around an interval, over all cores, in s."""
        return sum(each.stolen_s(begin_s, end_s) for each in self.stalls)


def _stages(received: FloatArray, timing: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return the stages' stamps ``(bin, stage)``, and the bins for which they are known.

    Without stamps, as for all but the decoder, every bin counts.
    """
    stages = np.full((len(received), len(STAGES)), np.nan)
    if not len(timing):
        return stages, np.ones(len(received), dtype=np.bool_)
    columns = [1 + TIMING_LABELS.index(stage) for stage in STAGES[:-1]]
    row = np.searchsorted(timing[:, 0], received[:, 0] - _HALF_US).clip(0, len(timing) - 1)
    known = np.abs(timing[row, 0] - received[:, 0]) < 1e-6
    stages[:, :-1] = np.where(known[:, None], timing[row][:, columns], np.nan)
    stages[:, -1] = received[:, 1]
    return stages, known


@dataclass(frozen=True, eq=False)
class Latency:
    """Timings of a decoder or a peer and of the floor, measured in turns.

    ``quiet`` is the same decoder without load, view and recorder, if it has any; ``floor_at_once``
    the floor whose samples leave in the threads that have them; ``ordinary`` the same decoder with
    a source whose samples leave in LSL's own thread.
    """

    plan: LatencyPlan
    floor: Timings
    decoder: Timings
    quiet: Timings | None = None
    floor_at_once: Timings | None = None
    ordinary: Timings | None = None

    def above_floor_us(self) -> float:
        """Return the median from end to end, less the floor's."""
        whole, floor = self.decoder.end_to_end_us(), self.floor.end_to_end_us()
        return float(np.median(whole) - np.median(floor))

    def summary(self) -> dict[str, Any]:
        """Return all results as one JSON object."""
        summary = self._conditions() | self._end_to_end()
        if self.floor_at_once is not None and self.ordinary is not None:
            floor, ordinary = self.floor.end_to_end_us(), self.ordinary.end_to_end_us()
            summary |= {
                "floor_at_once_us": percentiles(self.floor_at_once.end_to_end_us()),
                "ordinary_us": percentiles(ordinary),
                "ordinary_ratio": percentile_ratio(ordinary, floor),
            }
        if self.quiet is not None:
            quiet = self.quiet.end_to_end_us()
            to_quiet = percentile_ratio(self.decoder.end_to_end_us(), quiet)
            summary |= {"quiet_us": percentiles(quiet), "to_quiet": to_quiet}
        return summary | (self._inside() if self.decoder.has_stages else {})

    def _conditions(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "channels": plan.channels,
            "hop_ms": plan.hop_ns / 1e6,
            "input": plan.form,
            "realtime": plan.realtime,
            "load": plan.with_load,
            "view": plan.with_view,
            "recorder": plan.with_recorder,
        }

    def _end_to_end(self) -> dict[str, Any]:
        floor, whole = self.floor.end_to_end_us(), self.decoder.end_to_end_us()
        return {
            "bins": len(whole),
            "floor_us": percentiles(floor),
            "end_to_end_us": percentiles(whole),
            "ratio": percentile_ratio(whole, floor),
            "above_floor_us": self.above_floor_us(),
            "missed_deadlines": self.decoder.missed,
            "missed_in_stalls": self.decoder.missed_in_stalls,
            "floor_missed_deadlines": self.floor.missed,
            "floor_missed_in_stalls": self.floor.missed_in_stalls,
            "lost_bins": self.decoder.lost_bins,
            "floor_lost_bins": self.floor.lost_bins,
        }

    def _inside(self) -> dict[str, Any]:
        """Return what only the decoder's own stamps show."""
        stages = self.decoder.stages_us()
        return {
            "step_us": percentiles(self.decoder.step_us()),
            "stages_us": {
                name: percentiles(stages[:, number]) for number, name in enumerate(STAGES)
            },
            "worst": self._worst(),
        }

    def _worst(self) -> list[dict[str, float]]:
        """Return the slowest bins: each stage, the bins that arrived together, and the computer.

        ``source_late_us``: how late the source itself was; ``stall_us``: the longest time for which
        a core stood still meanwhile; ``steal_ms``: the time that the host took, in steps of 10 ms.
        """
        timings = self.decoder
        whole, stages = timings.end_to_end_us(), timings.stages_us()
        due, pushed = np.concatenate(timings.due_s), np.concatenate(timings.pushed_s)
        received = np.concatenate(timings.received_s)
        arrived = np.concatenate(timings.stages)[:, 0]
        _, which, together = np.unique(arrived, return_inverse=True, return_counts=True)
        rows = np.argsort(whole)[::-1][:_N_WORST]
        return [
            {"bin": int(row), "end_to_end_us": float(whole[row])}
            | {name: float(stages[row, number]) for number, name in enumerate(STAGES)}
            | {"bins_in_delivery": int(together[which[row]])}
            | {
                "source_late_us": float(pushed[row] - due[row]) * 1e6,
                "stall_us": timings.longest_stall_s(due[row], received[row]) * 1e6,
                "steal_ms": timings.stolen_s(due[row], received[row]) * 1e3,
            }
            for row in rows
        ]


def percentiles(values: FloatArray) -> dict[str, float]:
    """Return the exact percentiles by which a latency is judged."""
    found = np.percentile(values, list(_PERCENTILES.values()))
    return dict(zip(_PERCENTILES, found.tolist(), strict=True))


def percentile_ratio(some_us: FloatArray, others_us: FloatArray) -> dict[str, float]:
    """Return the ratio of two latencies, in the median and the 99th percentile."""
    p50, p99 = np.percentile(some_us, [50, 99]) / np.percentile(others_us, [50, 99])
    return {"p50": float(p50), "p99": float(p99)}
