"""Read the decoder's hops: latencies, losses, states and bundles."""

from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import AnyArray, Float32Array, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import TIMING_LABELS, Kind
from rt_ner.live.states import NUMBERED_STATES
from rt_ner.report.reading.streams import Found

# Times that are farther from each other are on two clocks.
LONGEST_APART_NS = 60 * NS_PER_S
STAGES = ("arrived", "bin_closed", "embedded", "decoded", "pushed")
# Running counts: those of the input, and of the hops.
COUNTS = TIMING_LABELS[TIMING_LABELS.index("used") : TIMING_LABELS.index("gain")]
# A step of the loop that takes longer shows two clocks, not a latency.
_LONGEST_MS = 60_000.0
# A hop that follows so many usual ones later shows a gap in the recording.
_GAP_HOPS = 1.5


@dataclass(frozen=True, eq=False, repr=False)
class Timing:
    """The rows of the timing stream; times are in ns of the session's clock.

    Attributes
    ----------
    hop_ns
        End of each hop ``(hop,)``.
    pushed_ns
        Time at which each hop's velocity left, by the decoder's own clock ``(hop,)``.
    stages_ms
        Durations ``(hop, stage)`` between `STAGES`, in ms; NaN where they are not known.
    age_ms
        Time from the end of the hop to the push ``(hop,)``, in ms; NaN where two clocks differ.
    lost
        By name of a count: the times at which it grew, and by how much.
    totals
        By name of a count: its growth during the recording.
    state
        Number of the state in which each hop was decoded ``(hop,)``; −1 if it is not known.
    bundles
        The number of each bundle that began to decode, and when.

    """

    hop_ns: Int64Array
    pushed_ns: Int64Array
    stages_ms: Float32Array
    age_ms: Float32Array
    lost: dict[str, tuple[Int64Array, Int64Array]]
    totals: dict[str, int]
    state: Int64Array
    bundles: list[tuple[int, float]]

    @property
    def total_ms(self) -> FloatArray:
        """Time from the arrival of the data to the push of the velocity ``(hop,)``, in ms."""
        return np.asarray(self.stages_ms.sum(axis=1), dtype=np.float64)

    @property
    def n_gaps(self) -> int:
        """Number of gaps between hops."""
        steps_ns = np.diff(self.hop_ns)
        return int((steps_ns > _GAP_HOPS * np.median(steps_ns)).sum()) if steps_ns.size else 0

    @property
    def swaps_ns(self) -> list[int]:
        """Times at which another bundle began to decode."""
        return [time_ns for time_ns, _ in self.bundles[1:]]

    @property
    def at_ns(self) -> Int64Array:
        """Time at which each hop's velocity left, by the session's clock ``(hop,)``.

        A simulated clock runs faster than the decoder's own: then, the end of the hop.
        """
        is_apart = np.abs(self.pushed_ns - self.hop_ns) > LONGEST_APART_NS
        return np.where(is_apart, self.hop_ns, self.pushed_ns)


def read_timing(found: Found) -> Timing | None:
    """Return the decoder's timing; None if it was not recorded, or has other columns."""
    rows = _Rows()
    for info in found.infos.get(Kind.TIMING, ()):
        if set(TIMING_LABELS) - {"saturated", "smoothed", "undecodable"} <= info.columns.keys():
            rows.columns = info.columns
            for stamps_ns, values in found.pieces(info):
                rows.take(stamps_ns, values.astype(np.float64))
    return rows.timing() if rows.hop_ns else None


class _Rows:
    """Gathers the rows of timing streams, and keeps of them only what a report shows."""

    def __init__(self) -> None:
        self.columns: dict[str, int] = {}
        self.hop_ns: list[Int64Array] = []
        self._pushed_ns: list[Int64Array] = []
        self._stages_ms: list[Float32Array] = []
        self._age_ms: list[Float32Array] = []
        self._lost: dict[str, list[tuple[Int64Array, Int64Array]]] = {name: [] for name in COUNTS}
        self._before: dict[str, float] = {}
        self._state: list[Int64Array] = []
        self._bundles: list[tuple[int, float]] = []

    def take(self, stamps_ns: Int64Array, values: FloatArray) -> None:
        """Add some rows."""
        stages_s = values[:, [self.columns[stage] for stage in STAGES]]
        stages_ms = np.diff(stages_s, axis=1) * 1e3
        unknown = ~((stages_ms >= 0) & (stages_ms < _LONGEST_MS)).all(axis=1)
        stages_ms[unknown] = np.nan
        age_ms = stages_s[:, -1] * 1e3 - stamps_ns / 1e6
        age_ms[~((age_ms >= 0) & (age_ms < _LONGEST_MS))] = np.nan
        self.hop_ns.append(stamps_ns)
        pushed_s = np.where(np.isfinite(stages_s[:, -1]), stages_s[:, -1], 0)
        self._pushed_ns.append(np.rint(pushed_s * NS_PER_S).astype(np.int64))
        self._stages_ms.append(stages_ms.astype(np.float32))
        self._age_ms.append(age_ms.astype(np.float32))
        for name in COUNTS:
            if name in self.columns:
                self._count(name, stamps_ns, values[:, self.columns[name]])
        state = values[:, self.columns["state"]]
        known = (state >= 0) & (state < len(NUMBERED_STATES))
        self._state.append(np.where(known, state, -1).astype(np.int64))
        _note_changes(self._bundles, stamps_ns, values[:, self.columns["bundle"]])

    def _count(self, name: str, stamps_ns: Int64Array, running: FloatArray) -> None:
        """Note where a running count grew; a decoder that begins anew counts from zero again."""
        grown = np.diff(running, prepend=self._before.get(name, running[0]))
        grown = np.where(grown < 0, running, grown)
        at = np.flatnonzero(grown > 0)
        self._lost[name].append((stamps_ns[at], grown[at].astype(np.int64)))
        self._before[name] = float(running[-1])

    def timing(self) -> Timing:
        """Return all that was gathered."""
        lost = {name: _joined(parts) for name, parts in self._lost.items() if parts}
        return Timing(
            np.concatenate(self.hop_ns),
            np.concatenate(self._pushed_ns),
            np.concatenate(self._stages_ms),
            np.concatenate(self._age_ms),
            {name: grown for name, grown in lost.items() if name != "used"},
            {name: int(grown[1].sum()) for name, grown in lost.items()},
            np.concatenate(self._state),
            self._bundles,
        )


def _joined(parts: list[tuple[Int64Array, Int64Array]]) -> tuple[Int64Array, Int64Array]:
    return np.concatenate([times for times, _ in parts]), np.concatenate([n for _, n in parts])


def _note_changes(seen: list[tuple[int, float]], stamps_ns: Int64Array, values: AnyArray) -> None:
    """Add each value that differs from the one before."""
    starts = np.append(True, values[1:] != values[:-1])
    for time_ns, value in zip(stamps_ns[starts].tolist(), values[starts].tolist(), strict=True):
        if not seen or seen[-1][1] != value:
            seen.append((time_ns, value))
