"""Name the faults of the input that corrupt counts, and say in words how severe one is."""

from enum import StrEnum


class Fault(StrEnum):
    """A fault of the input; its severity is a number with a meaning of its own.

    Attributes
    ----------
    DEAD_BANK
        Neighbouring channels on one connector are silent. Severity: number of banks.
    DEAD_CHANNELS
        Channels anywhere are silent. Severity: fraction of the channels.
    SWAPPED_BANKS
        Connectors are plugged into one another's places. Severity: number of banks.
    SWAPPED_CHANNELS
        Channels are in one another's places, in pairs. Severity: fraction of the channels.
    GAIN
        All channels cross their thresholds more or less often. Severity: factor of the rate.
    COMMON_NOISE
        Artefacts put a spike on all channels at once. Severity: artefacts per second.
    LOST_PACKETS
        Stretches in which nothing arrives, unnoticed. Severity: fraction of the time.
    MAINS
        Mains hum crosses the threshold on all channels. Severity: fraction of its cycles.
    HOT_CHANNELS
        Channels fire far more than ever in training. Severity: fraction of the channels. Reported
        live; the R² with it is not measured.

    """

    DEAD_BANK = "dead bank"
    DEAD_CHANNELS = "dead channels"
    SWAPPED_BANKS = "swapped banks"
    SWAPPED_CHANNELS = "swapped channels"
    GAIN = "gain"
    COMMON_NOISE = "common noise"
    LOST_PACKETS = "lost packets"
    MAINS = "60 Hz"
    HOT_CHANNELS = "hot channels"

    def in_words(self, severity: float) -> str:
        """Return a severity in words, such as ``20 % of channels``."""
        if self in (Fault.DEAD_BANK, Fault.SWAPPED_BANKS):
            return f"{severity:g} bank" if severity == 1 else f"{severity:g} banks"
        if self is Fault.GAIN:
            return f"× {severity:g}"
        if self is Fault.COMMON_NOISE:
            return f"{severity:g} per second"
        return f"{100 * severity:g} % of {_WHOLE.get(self, 'channels')}"


_WHOLE = {Fault.LOST_PACKETS: "the time", Fault.MAINS: "cycles"}
