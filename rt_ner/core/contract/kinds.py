"""The streams of the contract: their kinds, LSL types, labels and units."""

from enum import StrEnum

from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.contract.input_counts import InputCounts

# Stage stamps in seconds, what became of the input and of the hops, the operator's gain, and the
# state by its place among all states: for those who were not there when it changed.
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
)


# A target's place and size, and whether the subject is to go there (1) or to wait for it (0).
TARGET_LABELS = ("x", "y", "radius", "go")


# What values of a unit are to be multiplied by to be in cm, or cm/s.
CM_PER_UNIT = {"cm": 1.0, "cm/s": 1.0, "mm": 0.1, "mm/s": 0.1, "m": 100.0, "m/s": 100.0}


# Replays are shifted, and repeated, by multiples of this: every usual bin (1, 2, 5, 8, 10, 20, 25,
# 30, 40, 45, 50, 60, 100 ms, …) divides it, so that spikes keep their place on the grid.
REPLAY_GRID_NS = 1800 * NS_PER_MS


class Kind(StrEnum):
    """The streams of the contract: value = the last part of their ``source_id``."""

    SPIKES = "spikes"
    EVENTS = "events"
    BROADBAND = "broadband"
    KINEMATICS = "kinematics"
    MARKERS = "markers"
    PUSHED = "pushed"
    VELOCITY = "velocity"
    LATENT = "latent"
    TIMING = "timing"
    COUNTS = "counts"
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
    Kind.LATENT: "Latent",
    Kind.TIMING: "Timing",
    Kind.COUNTS: "Counts",
    Kind.STATE: "Markers",
    Kind.NOTICES: "Markers",
    Kind.COMMANDS: "Markers",
    Kind.CURSOR: "Position",
    Kind.TARGET: "Position",
    Kind.TASK: "Markers",
}


# The LSL types under which spikes are sent.
SPIKE_TYPES = tuple(LSL_TYPE[kind] for kind in (Kind.SPIKES, Kind.EVENTS, Kind.BROADBAND))


def source_id_of(source: str, kind: Kind) -> str:
    """The ``source_id`` of one of a source's streams."""
    return f"{source}/{kind}"
