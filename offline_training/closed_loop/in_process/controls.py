"""Make use of the loop worthless to learn from, as a control."""

from dataclasses import replace

import numpy as np

from rt_ner.recalibration.block import ClosedLoopBlock


def with_shuffled_targets(block: ClosedLoopBlock, rng: np.random.Generator) -> ClosedLoopBlock:
    """Return a block whose reaches have the targets of others."""
    others = block.target[block.first_hops][rng.permutation(block.n_reaches)]
    aims = block.reach >= 0
    target = block.target.copy()
    target[aims] = others[block.reach[aims]]
    return replace(block, target=target)
