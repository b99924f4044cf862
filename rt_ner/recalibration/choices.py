"""The choices that recalibration offers."""

from enum import StrEnum


class Part(StrEnum):
    """The part of a bundle that learns: the readout alone, or the encoder.

    With the encoder, the readout is kept, unless it is a Kalman filter, which is fitted again.
    """

    READOUT = "readout"
    ENCODER = "encoder"


class LabelMethod(StrEnum):
    """The method that finds the intended velocity: a model of how the subject reaches, or ReFIT."""

    REACH_MODEL = "reach-model"
    REFIT = "refit"


class AdaptationMethod(StrEnum):
    """The encoder, trained further from all use of the day, or the readout, stretch by stretch.

    The readout by recursive least squares, or by SmoothBatch, the published reference.
    """

    ENCODER = "encoder"
    RLS = "rls"
    SMOOTH_BATCH = "smooth-batch"
