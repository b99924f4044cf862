"""Define the closed-loop block: counts, decoded velocity, cursor and target, hop by hop."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_MS, NS_PER_S
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import SessionError
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.data.session.trials import Trials

HOP_NS = 10 * NS_PER_MS
# By stream: stamps in ns and values in cm or cm/s, ``(sample, …)``.
Heard = dict[Kind, tuple[Int64Array, FloatArray]]
# Fields with one row per hop.
ROWS = ("counts", "is_heard", "hand_cm_s", "decoded_cm_s", "cursor_cm", "target", "reach")
_SHORTEST_NS = 50 * NS_PER_MS
# No decoder looks farther back.
_LONGEST_HISTORY_NS = NS_PER_S


@dataclass(frozen=True, eq=False, repr=False)
class ClosedLoopBlock:
    """A closed-loop block of a task, on a grid of hops; arrays are ``(hop, …)``.

    Attributes
    ----------
    channel_ids
        Names of the channels.
    hop_ns
        Duration of a hop.
    counts
        ``(hop, channel)``, spikes; 0 where nothing was recorded.
    is_heard
        ``(hop,)``, True where the counts were recorded.
    hand_cm_s
        ``(hop, 2)``, velocity of the subject's own hand; NaN where it was not recorded.
    decoded_cm_s
        ``(hop, 2)``, velocity that the decoder sent; NaN before the first.
    cursor_cm
        ``(hop, 2)``, the cursor.
    target
        ``(hop, 3)``, x, y and radius in cm of the target to aim at; NaN where there was none.
    reach
        ``(hop,)``, number of the reach to the centre or to another target; −1 between reaches.
    """

    channel_ids: tuple[str, ...]
    hop_ns: int
    counts: AnyArray
    is_heard: BoolArray
    hand_cm_s: FloatArray
    decoded_cm_s: FloatArray
    cursor_cm: FloatArray
    target: FloatArray
    reach: Int64Array

    def __repr__(self) -> str:
        seconds = len(self.counts) * self.hop_ns / NS_PER_S
        return (
            f"<ClosedLoopBlock: {len(self.channel_ids)} channels, {self.n_reaches} reaches, "
            f"{seconds:.0f} s>"
        )

    @property
    def end_ns(self) -> Int64Array:
        """Ends of the hops ``(hop,)``, in ns from the block's start."""
        return (np.arange(len(self.counts), dtype=np.int64) + 1) * self.hop_ns

    @property
    def n_reaches(self) -> int:
        """Number of reaches."""
        return int(self.reach.max(initial=-1)) + 1

    @property
    def first_hops(self) -> Int64Array:
        """First hop of each reach, ``(reach,)``."""
        first = [np.argmax(self.reach == number) for number in range(self.n_reaches)]
        return np.array(first, dtype=np.int64)

    def only(self, reaches: Int64Array) -> "ClosedLoopBlock":
        """Return the block with some reaches as its only ones, numbered in order."""
        chosen = np.isin(self.reach, reaches)
        return replace(
            self,
            reach=np.where(chosen, np.searchsorted(reaches, self.reach), -1),
            target=np.where(chosen[:, None], self.target, np.nan),
        )

    def until(self, end_ns: int) -> "ClosedLoopBlock":
        """Return the block, cut off at ``end_ns``."""
        n = end_ns // self.hop_ns
        return replace(self, **{name: getattr(self, name)[:n] for name in ROWS})

    def session(
        self, name: str, velocity_cm_s: FloatArray, known: BoolArray, area: str = "M1"
    ) -> Session:
        """Return a session of this block's reaches, with labels ``(hop, 2)`` where they are known.

        For a while after counts that were not recorded, no label is used. SessionError if there is
        no reach.
        """
        known = known & ~self._is_after_gap()
        spans = [self._span(number) for number in range(self.n_reaches)]
        kept = [(a, b) for a, b in spans if (b - a) * self.hop_ns >= _SHORTEST_NS]
        if not kept:
            raise SessionError(
                f"'{name}' holds no reach to a target: run the task, and record its target and "
                "cursor too"
            )
        start, end = np.array(kept, dtype=np.int64).T * self.hop_ns
        target_cm = self.target[[a for a, _ in kept], :2]
        way_cm = target_cm - self.cursor_cm[[a for a, _ in kept]]
        direction_deg = np.rad2deg(np.arctan2(way_cm[:, 1], way_cm[:, 0])) % 360.0
        return Session(
            name=name,
            area=area,
            channel_ids=self.channel_ids,
            spikes=SpikeCounts(self._whole_counts(), self.hop_ns),
            behaviour=Behaviour(self.end_ns[known], velocity_cm_s[known]),
            trials=Trials(start, start, end, np.round(direction_deg / 45) * 45 % 360, target_cm),
            provenance={"recorded": "closed loop"},
        )

    def _whole_counts(self) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
        """Return the counts as whole numbers; spike-band power takes 16 bits."""
        if self.counts.max(initial=0) <= 255:
            return self.counts.clip(0, 255).astype(np.uint8)
        return self.counts.clip(0, 65_535).astype(np.uint16)

    def _span(self, number: int) -> tuple[int, int]:
        hops = np.flatnonzero(self.reach == number)
        return int(hops[0]), int(hops[-1]) + 1

    def _is_after_gap(self) -> BoolArray:
        """Return where a history may hold counts that were never recorded, ``(hop,)``."""
        unheard = np.append(0, np.cumsum(~self.is_heard))
        now = np.arange(len(self.is_heard))
        since = (now - _LONGEST_HISTORY_NS // self.hop_ns).clip(0)
        is_after: BoolArray = unheard[now + 1] > unheard[since]
        return is_after


def block_of(heard: Heard, channel_ids: tuple[str, ...], period_ns: int) -> ClosedLoopBlock:
    """Return a block of a decoder's counts and velocity, or of a subject's spikes and hand.

    Either comes with a task's cursor, and with its target unless that is not known.
    ``period_ns`` is that of the counts.
    """
    of_decoder = Kind.COUNTS in heard
    hop_ns = period_ns if of_decoder else HOP_NS
    zero_ns, counts, is_heard = _on_grid(*heard[counts_kind(of_decoder)], hop_ns)
    ends_ns = zero_ns + (np.arange(len(counts), dtype=np.int64) + 1) * hop_ns
    cursor = _last(heard[Kind.CURSOR], ends_ns)
    shown = heard.get(Kind.TARGET)
    target = _last(shown, ends_ns) if shown else np.full((len(counts), 4), np.nan)
    # The target's stream may begin a moment before the cursor's.
    target[~(is_aimed_at(target) & np.isfinite(cursor[:, 0]))] = np.nan
    velocity, nowhere = heard[velocity_kind(of_decoder)], np.full((len(counts), 2), np.nan)
    return ClosedLoopBlock(
        channel_ids=channel_ids,
        hop_ns=hop_ns,
        counts=counts,
        is_heard=is_heard,
        hand_cm_s=nowhere if of_decoder else _between(velocity, ends_ns),
        decoded_cm_s=_last(velocity, ends_ns) if of_decoder else nowhere,
        cursor_cm=cursor,
        target=target[:, :3],
        reach=reach_numbers(target),
    )


def counts_kind(of_decoder: bool) -> Kind:
    """Return the stream that a block's counts come from."""
    return Kind.COUNTS if of_decoder else Kind.SPIKES


def velocity_kind(of_decoder: bool) -> Kind:
    """Return the stream that a block's velocity comes from."""
    return Kind.VELOCITY if of_decoder else Kind.KINEMATICS


def _on_grid(
    stamps_ns: Int64Array, counts: FloatArray, hop_ns: int
) -> tuple[int, AnyArray, BoolArray]:
    """Return the grid's start, counts ``(hop, channel)`` on it, and the hops with any sample.

    Counts that are not whole numbers stand for a source that was away: they were not measured.
    """
    zero_ns = (int(stamps_ns[0]) - 1) // hop_ns * hop_ns
    hop = (stamps_ns - zero_ns - 1) // hop_ns
    gridded = np.zeros((int(hop.max()) + 1, counts.shape[1]), dtype=np.int64)
    np.add.at(gridded, hop, np.rint(counts).astype(np.int64))
    is_heard = np.zeros(len(gridded), dtype=np.bool_)
    is_heard[hop[(counts == np.rint(counts)).all(axis=1)]] = True
    return zero_ns, gridded, is_heard


def _between(heard: tuple[Int64Array, FloatArray], ends_ns: Int64Array) -> FloatArray:
    stamps_ns, values = heard
    return np.stack([np.interp(ends_ns, stamps_ns, axis) for axis in values.T], axis=1)


def _last(heard: tuple[Int64Array, FloatArray], ends_ns: Int64Array) -> FloatArray:
    """Return the newest values at each moment; NaN before the first."""
    stamps_ns, values = heard
    row = np.searchsorted(stamps_ns, ends_ns, side="right") - 1
    newest: FloatArray = values[row.clip(0)].astype(np.float64)
    newest[row < 0] = np.nan
    return newest


def is_aimed_at(target: FloatArray) -> BoolArray:
    """Return where a target ``(…, 4)`` is shown for the subject to go there, ``(…,)``."""
    aimed: BoolArray = (target[:, 2] > 0) & (target[:, 3] > 0)
    return aimed


def reach_numbers(target: FloatArray) -> Int64Array:
    """Return the number of each stretch with one and the same target; −1 where there is none."""
    known = np.isfinite(target[:, 0])
    place = np.where(known[:, None], target[:, :2], np.inf)
    begins = known & np.append(True, (place[1:] != place[:-1]).any(axis=1))
    return np.where(known, np.cumsum(begins) - 1, -1).astype(np.int64)
