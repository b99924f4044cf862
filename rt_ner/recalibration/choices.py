"""The choices that recalibration offers."""

from enum import StrEnum


class Part(StrEnum):
    """The part of a bundle that is refitted: the readout alone, or the encoder and the readout.

    The encoder learns from the session that it was trained on as well, stitched to the block's
    electrodes: from the block alone it would learn too little.
    """

    READOUT = "readout"
    ENCODER = "encoder"


class AdaptationMethod(StrEnum):
    """Recursive least squares, or SmoothBatch, the published reference."""

    RLS = "rls"
    SMOOTH_BATCH = "smooth-batch"
