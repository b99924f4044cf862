"""Define the streams of the contract: their kinds, LSL types, labels and units."""

from enum import StrEnum

from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.contract.input_counts import InputCounts

# Stamps of the stages in seconds, counts of the input and the hops, the operator's gain, the
# state's number among all states, for clients that connect after it changed, and the fingerprint of
# the model that decoded the hop.
TIMING_LABELS = (
    "newest_sample",
    "arrived",
    "bin_closed",
    "embedded",
    "decoded",
    "pushed",
    *(input_counts.name.lower() for input_counts in InputCounts),
    "missed",
    "nonfinite",
    "clamped",
    "passed_over",
    "gain",
    "state",
    "bundle",
)


# Samples per second of the voltage that our own sources send.
BROADBAND_HZ = 30_000

# A target's position and radius, and the go cue: 1 to move to it, 0 to wait for it.
TARGET_LABELS = ("x", "y", "radius", "go")


# A hand's button in its kinematics: 1 while it is pressed, else 0.
CLICK_LABEL = "click"


# Replays are shifted and repeated by multiples of this. Every usual bin (1, 2, 5, 8, 10, 20, 25,
# 30, 40, 45, 50, 60, 100 ms, …) divides it, so that spikes keep their place on the grid.
REPLAY_GRID_NS = 1800 * NS_PER_MS


class Kind(StrEnum):
    """A kind of stream; its value is the last part of the stream's ``source_id``.

    Attributes
    ----------
    SPIKES, EVENTS, BROADBAND
        Spikes as counts at 1 kHz, as single spikes, or as raw voltage.
    KINEMATICS, MARKERS
        Movement, and the session's and trials' markers.
    PUSHED
        Times at which a driver pushed its chunks.
    VELOCITY, OUTPUT, CLASSES, LATENT, TIMING, COUNTS, NORMALISATION, STATE, NOTICES
        The decoder's results: velocity along x and y, or OUTPUT for whatever else it decodes,
        CLASSES for the probabilities of classes, and NORMALISATION for the state of the running
        normalisation.
    COMMANDS
        Commands to the decoder.
    CURSOR, TARGET, TASK
        The task's cursor, target and events.

    """

    SPIKES = "spikes"
    EVENTS = "events"
    BROADBAND = "broadband"
    KINEMATICS = "kinematics"
    MARKERS = "markers"
    PUSHED = "pushed"
    VELOCITY = "velocity"
    OUTPUT = "output"
    CLASSES = "classes"
    LATENT = "latent"
    TIMING = "timing"
    COUNTS = "counts"
    NORMALISATION = "normalisation"
    STATE = "state"
    NOTICES = "notices"
    COMMANDS = "commands"
    CURSOR = "cursor"
    TARGET = "target"
    TASK = "task"


LSL_TYPE = {
    Kind.SPIKES: "Spikes",
    Kind.EVENTS: "SpikeEvents",
    Kind.BROADBAND: "Ephys",
    Kind.KINEMATICS: "Kinematics",
    Kind.MARKERS: "Markers",
    Kind.PUSHED: "Timing",
    Kind.VELOCITY: "Velocity",
    Kind.OUTPUT: "Output",
    Kind.CLASSES: "Classes",
    Kind.LATENT: "Latent",
    Kind.TIMING: "Timing",
    Kind.COUNTS: "Counts",
    Kind.NORMALISATION: "Normalisation",
    Kind.STATE: "Markers",
    Kind.NOTICES: "Markers",
    Kind.COMMANDS: "Markers",
    Kind.CURSOR: "Position",
    Kind.TARGET: "Position",
    Kind.TASK: "Markers",
}


# All that a decoder publishes, and all that a task publishes.
DECODER_KINDS = (
    Kind.VELOCITY,
    Kind.OUTPUT,
    Kind.CLASSES,
    Kind.LATENT,
    Kind.TIMING,
    Kind.COUNTS,
    Kind.NORMALISATION,
    Kind.STATE,
    Kind.NOTICES,
)
TASK_KINDS = (Kind.CURSOR, Kind.TARGET, Kind.TASK, Kind.MARKERS)


# The LSL types under which spikes are sent.
SPIKE_TYPES = tuple(LSL_TYPE[kind] for kind in (Kind.SPIKES, Kind.EVENTS, Kind.BROADBAND))


def source_id_of(source: str, kind: Kind) -> str:
    """Return the ``source_id`` of one of a source's streams, such as ``rig/spikes``."""
    return f"{source}/{kind}"


class SpikeForm(StrEnum):
    """A form of spikes: counts at 1 kHz, single spikes, or raw voltage at 30 kHz."""

    RASTER = "raster"
    EVENTS = "events"
    BROADBAND = "broadband"

    @property
    def kind(self) -> Kind:
        """Kind of stream that carries this form."""
        kinds = {
            SpikeForm.RASTER: Kind.SPIKES,
            SpikeForm.EVENTS: Kind.EVENTS,
            SpikeForm.BROADBAND: Kind.BROADBAND,
        }
        return kinds[self]


class RecordingFormat(StrEnum):
    """Format of a recording of streams: XDF, which LabRecorder writes, or NWB."""

    XDF = "xdf"
    NWB = "nwb"


class ChannelValue(StrEnum):
    """The value of a channel in a hop.

    Attributes
    ----------
    CROSSINGS
        Number of threshold crossings.
    POWER
        Spike-band power: the mean absolute voltage of the band 250 to 5000 Hz.

    """

    CROSSINGS = "crossings"
    POWER = "spike-band-power"


class ReferenceKind(StrEnum):
    """The signal that is subtracted from each channel of a bank.

    Attributes
    ----------
    NONE
        None.
    AVERAGE
        The average of the bank's channels.
    MEDIAN
        Their median.
    REGRESSION
        The prediction of a linear regression from the bank's other channels.

    """

    NONE = "none"
    AVERAGE = "average"
    MEDIAN = "median"
    REGRESSION = "regression"
