"""Measure spike-band power in broadband voltage, causally and across chunks."""

import numpy as np

from rt_ner.core.arrays import AnyArray
from rt_ner.core.contract.kinds import ReferenceKind
from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.voltage.band import BandReader
from rt_ner.decoding.binning.voltage.kernels.power import measure_sizes
from rt_ner.decoding.binning.voltage.settings import VoltageSettings

BAND_HZ = (250.0, 5000.0)
# A size is counted in microvolts for the length of one sample at this rate, so that any other rate
# gives the same sums.
UNIT_HZ = 30_000.0


class PowerReader(BandReader):
    """A reader of the size of each sample, whose sum over a bin is the bin's spike-band power.

    Spike-band power is the mean absolute value of the band-passed voltage (Nason et al. 2020,
    Nature Biomedical Engineering 4:973), here of the band 250 to 5000 Hz. A size is that absolute
    value in whole microvolts, if the rate is 30 kHz. So sizes add up to hops, and hops to bins, as
    spikes do: a bin's mean is their sum, divided by its number of samples.

    Parameters
    ----------
    n_channels
        Number of channels of the voltage.
    rate_hz, microvolts
        Sample rate, in Hz, and microvolts in one unit of the voltage.
    learn_s
        Length of the start of the stream, in s, from which a reference is learned.
    voltage
        Reference that is subtracted.

    Raises
    ------
    StreamError
        If the pass band reaches half the sample rate.

    """

    dtype: np.dtype[np.generic] = np.dtype(np.int16)

    def __init__(
        self,
        n_channels: int,
        rate_hz: float,
        microvolts: float,
        learn_s: float,
        voltage: VoltageSettings,
    ) -> None:
        if BAND_HZ[1] >= rate_hz / 2:
            raise StreamError(
                f"spike-band power needs a sample rate above {2 * BAND_HZ[1]:g} Hz, the stream has "
                f"{rate_hz:g} Hz: use a stream with a higher rate, or a bundle of crossings"
            )
        has_reference = voltage.reference is not ReferenceKind.NONE
        super().__init__(n_channels, rate_hz, BAND_HZ, learn_s if has_reference else 0.0, voltage)
        self._scale = microvolts * UNIT_HZ / rate_hz

    def _read(self, voltage: AnyArray, values: AnyArray) -> int:
        n_invalid, n_saturated = measure_sizes(
            voltage, self._front, self._seen, self._scale, values
        )
        self.n_saturated += n_saturated
        return n_invalid
