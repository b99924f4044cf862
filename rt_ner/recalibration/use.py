"""Gather closed-loop use to learn from: the blocks of a day, and what was intended in them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rt_ner.bundle.entries.reaching_entry import ReachingEntry
from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray
from rt_ner.core.errors import SessionError
from rt_ner.recalibration.block import ROWS, ClosedLoopBlock
from rt_ner.recalibration.choices import LabelMethod
from rt_ner.recalibration.intention.labels import refit_labels
from rt_ner.recalibration.intention.reach_model import (
    ReachModel,
    fit_reach_model,
    intended_velocity,
)

# A model that explains a smaller fraction of the velocity's power tells too little to learn from.
_LEAST_EXPLAINED = 0.4


@dataclass(frozen=True, eq=False)
class Use:
    """Blocks of closed-loop use, oldest first; the last is of the decoder in use.

    Attributes
    ----------
    blocks
        The blocks; all have the same channels and hops.
    reach_model
        The model that gives the intended velocity; None: it pointed straight to the target, as fast
        as was decoded (ReFIT).
    is_speed_known
        True if the model also gives the speed; else a refitted readout keeps the decoder's speed.
    reaching
        The same model with the fraction of power that it explains, as a bundle keeps it.

    """

    blocks: tuple[ClosedLoopBlock, ...]
    reach_model: ReachModel | None = None
    is_speed_known: bool = False
    reaching: ReachingEntry | None = None

    @property
    def newest(self) -> ClosedLoopBlock:
        """The block of the decoder in use."""
        return self.blocks[-1]

    @property
    def n_reaches(self) -> int:
        """Number of reaches in all blocks."""
        return sum(block.n_reaches for block in self.blocks)

    def intended(self) -> tuple[ClosedLoopBlock, FloatArray, BoolArray]:
        """Return all blocks as one, the intended velocity ``(hop, 2)``, and where it is known."""
        labels, known = zip(*map(self.intended_in, self.blocks), strict=True)
        return joined(self.blocks), _with_gaps(labels, np.nan), _with_gaps(known, False)

    def intended_in(self, block: ClosedLoopBlock) -> tuple[FloatArray, BoolArray]:
        """Return the intended velocity in one block ``(hop, 2)``, and where it is known."""
        if self.reach_model is None:
            return refit_labels(block)
        return intended_velocity(block, self.reach_model)


def use_of(
    blocks: tuple[ClosedLoopBlock, ...],
    labels: LabelMethod,
    good: ReachingEntry | None,
    tell: Callable[[str], None],
) -> Use:
    """Return closed-loop use, with the method that finds the intended velocity in it.

    Parameters
    ----------
    blocks
        The blocks to learn from, oldest first.
    labels
        The method that finds the intended velocity.
    good
        How the subject reaches in good control; None: as in the blocks to learn from.
    tell
        Called with a sentence if a model of reaching explains too little; ReFIT is used then.

    """
    if labels is LabelMethod.REFIT:
        return Use(blocks)
    found = good or reaching_in(joined(blocks))
    if not is_told(found):
        tell(
            f"a model of reaching explains only {100 * found.explained:.0f} % of the velocity's "
            f"power, expected {100 * _LEAST_EXPLAINED:.0f} % or more: ReFIT is used instead (the "
            "decoded velocity, turned to the target); a block of better control would tell more"
        )
        return Use(blocks)
    return Use(blocks, model_of(found), good is not None, found)


def reaching_in(block: ClosedLoopBlock) -> ReachingEntry:
    """Return how the subject reaches in a block, as a bundle keeps it."""
    model, explained = fit_reach_model(block)
    return ReachingEntry(**vars(model), explained=explained)


def is_told(reaching: ReachingEntry) -> bool:
    """Return True if a model of reaching explains enough to tell what was intended."""
    return reaching.explained >= _LEAST_EXPLAINED


def model_of(reaching: ReachingEntry) -> ReachModel:
    """Return the model of reaching itself."""
    return ReachModel(**reaching.model_dump(exclude={"explained"}))


def joined(blocks: tuple[ClosedLoopBlock, ...]) -> ClosedLoopBlock:
    """Return blocks as one, with one hop between two that counts as not recorded.

    SessionError unless all have the same channels and hops.
    """
    first = blocks[0]
    for other in blocks[1:]:
        if other.channel_ids != first.channel_ids or other.hop_ns != first.hop_ns:
            raise SessionError(
                f"blocks of {len(first.channel_ids)} and {len(other.channel_ids)} channels, with "
                f"hops of {first.hop_ns / 1e6:g} and {other.hop_ns / 1e6:g} ms, can't be combined: "
                "name blocks with the same channels (also their names) and the same hop"
            )
    before = np.cumsum([0, *(block.n_reaches for block in blocks)])
    reaches = [
        np.where(block.reach >= 0, block.reach + n, -1)
        for block, n in zip(blocks, before.tolist(), strict=False)
    ]
    gaps = {"counts": 0, "is_heard": False}
    rows: dict[str, Any] = {
        name: _with_gaps([getattr(block, name) for block in blocks], gaps.get(name, np.nan))
        for name in ROWS
        if name != "reach"
    }
    return replace(first, **rows, reach=_with_gaps(reaches, -1))


def _with_gaps(parts: list[AnyArray] | tuple[AnyArray, ...], gap: float) -> AnyArray:
    """Return arrays ``(hop, …)`` one after the other, with a row of ``gap`` between two."""
    rows: list[AnyArray] = []
    for part in parts:
        rows += [np.full((1, *part.shape[1:]), gap, part.dtype), part]
    return np.concatenate(rows[1:])
