"""Keep each channel's newest spikes and its tuning, beside its rate."""

from rt_ner.core.arrays import FloatArray
from rt_ner.live.observed.channels import ObservedChannels
from rt_ner.lsl.ring import Ring
from rt_ner.view.signals.tuning import Tuning

# Number of hops whose spikes are kept: ten seconds of hops of 10 ms.
_ROWS = 1000


class Channels(ObservedChannels):
    """Firing rate of each channel, with dead and hot ones, the newest spikes, and the tuning."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        super().__init__(labels)
        self.spikes = Ring(_ROWS, len(labels))
        self.tuning = Tuning()

    def take(self, stamps_s: FloatArray, counts: FloatArray) -> bool:
        """Take counts ``(hop, channel)``; return False if they are none, or of other channels."""
        if not super().take(stamps_s, counts):
            return False
        self.spikes.extend(stamps_s, counts)
        self.tuning.take(self.spikes)
        return True
