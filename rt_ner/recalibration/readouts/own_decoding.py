"""Decode a block again with a bundle, and compare that with what was sent in it."""

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.core.errors import SessionError
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.scores import Comparison, compare
from rt_ner.recalibration.block import ClosedLoopBlock

# Long enough to tell two decoders apart; another decoder, or another gain, may have been in use
# before and after.
_STRETCH_S = 5.0
# The same decoder repeats what was sent, but for what it knew of the time before the block.
_LEAST_LIKENESS = 0.99


def own_decoding(block: ClosedLoopBlock, model: DecoderSpecification) -> Comparison:
    """Return what was sent in a block (as labels), and what a model decodes from the same counts.

    Only where the cursor moved: on hold, zeros were sent.
    """
    moves = np.hypot(*block.decoded_cm_s.T) > 0
    session = block.session("own decoding", block.decoded_cm_s, moves)
    return compare(decode_session(model, session), session, model.window.hop_ns)


def own_speed(both: Comparison) -> float:
    """Return decoded over sent speed, the inverse of the operator's gain: that isn't learned."""
    sent, own = np.square(both.labels.values).sum(), np.square(both.decoded).sum()
    return float(np.sqrt(own / sent)) if sent else 1.0


def doubt_on(block: ClosedLoopBlock, model: DecoderSpecification) -> str:
    """Return a sentence if a model was evidently not the decoder in use in a block; else empty."""
    try:
        likeness = _likeness(own_decoding(block, model))
    except SessionError:
        return ""  # Learning from it says what is wrong with it.
    if likeness >= _LEAST_LIKENESS:
        return ""
    return (
        "this bundle was not the decoder in use in the newest block: the correlation of what it "
        f"decodes there with what was sent is {likeness:.2f}, expected nearly 1; name the bundle "
        "that was in use"
    )


def _likeness(both: Comparison) -> float:
    """Return the correlation of sent and decoded velocity, in the stretch where it is highest."""
    n_hops = max(round(_STRETCH_S * 1e9 / both.hop_ns), 1)
    n_stretches = max(len(both.decoded) // n_hops, 1)
    sent = np.array_split(both.labels.values, n_stretches)
    own = np.array_split(both.decoded, n_stretches)
    return max(map(_correlation, sent, own))


def _correlation(one: FloatArray, other: FloatArray) -> float:
    """Return the correlation of two velocities ``(hop, 2)``; a gain changes nothing."""
    power = np.square(one).sum() * np.square(other).sum()
    return float((one * other).sum() / np.sqrt(power)) if power else 0.0
