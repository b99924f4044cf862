"""Recording: what subject, task and decoder said during a block, hop by hop."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from rt_ner.arrays import AnyArray, BoolArray, FloatArray, Int64Array
from rt_ner.clock import NS_PER_MS, ns_array_from_s
from rt_ner.errors import StreamError
from rt_ner.feed import Connector, Feed
from rt_ner.session import Kinematics, Session, SpikeCounts, Trials
from rt_ner.streams import Kind, wish_for

HOP_NS = 10 * NS_PER_MS
# The grid that every usual bin and hop divides.
_GRID_NS = 600 * NS_PER_MS
_SHORTEST_HOPS = 5


@dataclass(frozen=True, eq=False)
class Block:
    """A block on a grid of hops; ``(hop, …)``, each hop named by its end, from 0 on.

    ``counts``: ``(hop, channel)``. ``hand_cm_s``: the subject's own hand. ``decoded_cm_s``: what
    moved the cursor; NaN where nothing did. ``target``: x, y and radius in cm of what the subject
    was to aim at; NaN where at nothing. ``reach``: number of the reach to a target, centre or not;
    −1 outside.
    """

    channel_ids: tuple[str, ...]
    counts: AnyArray
    hand_cm_s: FloatArray
    decoded_cm_s: FloatArray
    cursor_cm: FloatArray
    target: FloatArray
    reach: Int64Array

    @property
    def end_ns(self) -> Int64Array:
        """Ends of the hops ``(hop,)``, in session time."""
        return (np.arange(len(self.counts), dtype=np.int64) + 1) * HOP_NS

    def session(self, name: str, velocity_cm_s: FloatArray, known: BoolArray) -> Session:
        """A session of this block, with these labels ``(hop, 2)`` where they are known."""
        numbers, first = np.unique(self.reach, return_index=True)
        begins = [int(hop) for number, hop in zip(numbers, first, strict=True) if number >= 0]
        ends = [hop + int(np.argmax(np.append(self.reach[hop:], -2) != self.reach[hop]))
                for hop in begins]  # fmt: skip
        kept = [(a, b) for a, b in zip(begins, ends, strict=True) if b - a >= _SHORTEST_HOPS]
        start, end = np.array(kept, dtype=np.int64).T * HOP_NS
        target_cm = self.target[[a for a, _ in kept], :2]
        way_cm = target_cm - self.cursor_cm[[a for a, _ in kept]]
        direction_deg = np.rad2deg(np.arctan2(way_cm[:, 1], way_cm[:, 0])) % 360.0
        return Session(
            name=name,
            area="M1",
            channel_ids=self.channel_ids,
            spikes=SpikeCounts(self.counts.clip(0, 255).astype(np.uint8), HOP_NS),
            kinematics=Kinematics(self.end_ns[known], velocity_cm_s[known]),
            trials=Trials(start, start, end, np.round(direction_deg / 45) * 45 % 360, target_cm),
            provenance={"recorded": "closed loop, simulated subject"},
        )


class BlockRecorder:
    """Hears a block from the moment that it is made; ``decoder`` empty: nobody decodes."""

    def __init__(self, subject: str, task: str, decoder: str) -> None:
        sources = {
            Kind.SPIKES: subject,
            Kind.KINEMATICS: subject,
            Kind.CURSOR: task,
            Kind.TARGET: task,
        } | ({Kind.VELOCITY: decoder} if decoder else {})
        self._feeds = {
            kind: Feed(partial(wish_for, source, kind)) for kind, source in sources.items()
        }
        self._rows: dict[Kind, list[tuple[FloatArray, FloatArray]]] = {kind: [] for kind in sources}
        self._channel_ids: tuple[str, ...] = ()
        self._connector = Connector(list(self._feeds.values()))

    def poll(self) -> None:
        """Take what has come; within every two seconds."""
        for kind, feed in self._feeds.items():
            stamps_s, values = feed.numbers()
            if len(stamps_s):
                self._rows[kind].append((stamps_s, values))
        info = self._feeds[Kind.SPIKES].info
        if info is not None and not self._channel_ids:
            self._channel_ids = tuple(info.get_channel_labels())

    def close(self) -> Block:
        """Hear no more, and put everything on one grid. StreamError where a part is missing."""
        self.poll()
        self._connector.close()
        missing = [str(kind) for kind, rows in self._rows.items() if not rows]
        if missing:
            raise StreamError(f"nothing was heard of {', '.join(missing)}: see the logs")
        heard = {kind: _joined(rows) for kind, rows in self._rows.items()}
        spikes_ns, spikes = heard[Kind.SPIKES]
        zero_ns = int(spikes_ns[0]) // _GRID_NS * _GRID_NS
        hop = (spikes_ns - zero_ns - 1) // HOP_NS
        counts = np.zeros((int(hop[-1]) + 1, spikes.shape[1]), dtype=np.int64)
        np.add.at(counts, hop, spikes.astype(np.int64))
        ends_ns = zero_ns + (np.arange(len(counts), dtype=np.int64) + 1) * HOP_NS
        at_ns, hand = heard[Kind.KINEMATICS]
        cursor = _last(heard[Kind.CURSOR], ends_ns)
        target = _last(heard[Kind.TARGET], ends_ns)
        # The target's stream may be heard a moment before the cursor's.
        is_aimed = (target[:, 2] > 0) & (target[:, 3] > 0) & np.isfinite(cursor[:, 0])
        target[~is_aimed] = np.nan
        nowhere = np.full((len(counts), 2), np.nan)
        decoded = heard.get(Kind.VELOCITY)
        return Block(
            channel_ids=self._channel_ids,
            counts=counts,
            hand_cm_s=np.stack([np.interp(ends_ns, at_ns, axis) for axis in hand.T], axis=1),
            decoded_cm_s=nowhere if decoded is None else _last(decoded, ends_ns),
            cursor_cm=cursor,
            target=target[:, :3],
            reach=_reaches(target),
        )


def _joined(rows: list[tuple[FloatArray, FloatArray]]) -> tuple[Int64Array, FloatArray]:
    stamps_s, values = zip(*rows, strict=True)
    return ns_array_from_s(np.concatenate(stamps_s)), np.concatenate(values)


def _last(heard: tuple[Int64Array, FloatArray], ends_ns: Int64Array) -> FloatArray:
    """The newest values at each moment; NaN before the first."""
    stamps_ns, values = heard
    row = np.searchsorted(stamps_ns, ends_ns, side="right") - 1
    newest: FloatArray = values[row.clip(0)].astype(np.float64)
    newest[row < 0] = np.nan
    return newest


def _reaches(target: FloatArray) -> Int64Array:
    """Number of each stretch with one and the same target; −1 where there is none."""
    known = np.isfinite(target[:, 0])
    place = np.where(known[:, None], target[:, :2], np.inf)
    begins = known & np.append(True, (place[1:] != place[:-1]).any(axis=1))
    return np.where(known, np.cumsum(begins) - 1, -1).astype(np.int64)
