"""Blocks of closed-loop use, made of recorded sessions."""

import numpy as np

from rt_ner.bundle.bundle import Bundle
from rt_ner.data.session.session import Session
from rt_ner.offline.decoding import decode_session
from rt_ner.recalibration.block import ClosedLoopBlock

HOP_NS = 10_000_000


def used(
    bundle: Bundle, session: Session, turn_deg: float = 0.0, gain: float = 1.0
) -> ClosedLoopBlock:
    """A block in which the subject of a session aimed where it moved, decoded by a bundle.

    Whatever is decoded was turned, and sent with the operator's gain.
    """
    decoding = decode_session(bundle.model, session)
    n = int(decoding.end_ns[-1] // HOP_NS)
    ends_ns = (np.arange(n) + 1) * HOP_NS
    counts = np.zeros((n, len(session.channel_ids)), dtype=np.int64)
    for chunk in session.spikes.raster(0, int(ends_ns[-1])):
        hop = (np.asarray(chunk.stamp_ns) - 1) // HOP_NS
        np.add.at(counts, hop[hop < n], chunk.counts[hop < n].astype(np.int64))
    decoded = np.full((n, 2), np.nan)
    decoded[decoding.end_ns // HOP_NS - 1] = decoding.values * gain
    turn = np.deg2rad(turn_deg)
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    velocity, known = session.behaviour.at(ends_ns)
    trial = np.where(known, session.trials.index_at(ends_ns), -1)
    target = np.full((n, 3), np.nan)
    moves = velocity / np.maximum(np.hypot(*velocity.T), 1e-9)[:, None] @ turned * 10
    inside = trial >= 0
    # The cursor stands still, and the target is wherever the hand goes.
    target[inside] = np.column_stack([moves, np.ones(n)])[inside]
    return ClosedLoopBlock(
        channel_ids=session.channel_ids,
        hop_ns=HOP_NS,
        counts=counts,
        is_heard=np.ones(n, dtype=np.bool_),
        hand_cm_s=np.full((n, 2), np.nan),
        decoded_cm_s=decoded,
        cursor_cm=np.zeros((n, 2)),
        target=target,
        reach=trial,
    )
