"""Read the spikes' band of broadband voltage, causally and across chunks.

The voltage is band-pass filtered, and what a bank of channels has in common is subtracted from it.
That is done after the filter, so that offsets and slow potentials, which differ between channels
and are far larger than spikes, decide nothing. The result depends on the samples before and never
on where a chunk ends: any split of a stream gives the same values, to the bit.
"""

from copy import deepcopy

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.contract.kinds import ReferenceKind
from rt_ner.decoding.binning.kernels.filter import (
    FILTERED,
    N_ROWS,
    BandPass,
    Front,
    band_pass,
)
from rt_ner.decoding.binning.voltage.kernels.reference import (
    NONE,
    REGRESSION,
    Reference,
    learn_reference,
    subtract_references,
)
from rt_ner.decoding.binning.voltage.settings import VoltageSettings

_SETTLE_S = 0.05
_MAX_LEARN_SAMPLES = 4096


class BandReader:
    """A reader of the spikes' band of all channels, which learns from the start of the stream.

    It learns from the first ``learn_s``, less the 50 ms in which the filter settles: which channels
    are dead, the regression's weights, and all that a subclass learns. Then all that is frozen.

    Parameters
    ----------
    n_channels
        Number of channels of the voltage.
    rate_hz
        Sample rate, in Hz.
    band_hz
        Edges of the pass band, in Hz.
    learn_s
        Length of the stretch to learn from, in s; 0 if there is nothing to learn.
    voltage
        Reference that is subtracted.

    Attributes
    ----------
    dtype
        Type of the values that are read.
    n_saturated
        Number of samples so far with a value that was too large, and was limited.

    """

    dtype: np.dtype[np.generic] = np.dtype(np.int8)

    def __init__(
        self,
        n_channels: int,
        rate_hz: float,
        band_hz: tuple[float, float],
        learn_s: float,
        voltage: VoltageSettings,
    ) -> None:
        self.n_channels = n_channels
        self.n_saturated = 0
        self._settle = round(_SETTLE_S * rate_hz)
        n_learn = max(1, round(learn_s * rate_hz) - self._settle) if learn_s else 0
        self._spacing = -(-n_learn // _MAX_LEARN_SAMPLES) or 1
        n_kept = -(-n_learn // self._spacing)
        self._learn_end = self._settle + (n_kept - 1) * self._spacing + 1
        self._learning = np.zeros((n_kept, n_channels))
        self._learned = not n_kept
        self._filter = BandPass(band_pass(*band_hz, rate_hz), np.zeros((N_ROWS, n_channels)))
        self._reference = _unlearned(voltage, n_channels)
        self._front = Front(self._filter, self._reference._replace(kind=NONE))
        self.interrupt()

    @property
    def n_blind(self) -> int:
        """Number of next samples without values, while the reader learns or settles."""
        return max(0, (self._settle if self._learned else self._learn_end) - self._seen)

    @property
    def learned(self) -> bool:
        """True if all is learned."""
        return self._learned

    def interrupt(self) -> None:
        """Start over after lost samples; keep what was learned, but restart unfinished learning.

        There are no values in the 50 ms in which the filter settles.
        """
        self._seen = 0
        self._keep_at = self._settle + 1
        self._filter.state[:] = 0

    def warm_up(self, voltage: AnyArray) -> None:
        """Compile for voltages ``(sample, channel)`` of this type; leave no trace."""
        trial = deepcopy(self)
        trial.read(voltage, np.zeros(voltage.shape, dtype=self.dtype))
        trial._learn_reference(np.zeros((2, self.n_channels)))

    def read(self, voltage: AnyArray, values: AnyArray) -> int:
        """Read the values of some samples.

        Parameters
        ----------
        voltage
            Voltage, ``(sample, channel)``, of any real type. A value that is not finite, or beyond
            the range of float32, is taken as unchanged from the sample before.
        values
            The result, ``(≥ sample, channel)``, of the reader's type.

        Returns
        -------
        int
            Number of samples with a value that can't be a voltage.

        """
        n_samples = voltage.shape[0]
        assert voltage.shape[1] == values.shape[1] == self.n_channels
        assert n_samples <= values.shape[0]
        start, n_invalid = 0, 0
        while start < n_samples:
            stop = n_samples
            if not self._learned:
                stop = min(stop, start + self._keep_at - self._seen)
            n_invalid += self._read(voltage[start:stop], values[start:stop])
            self._seen += stop - start
            start = stop
            if not self._learned and self._seen == self._keep_at:
                self._keep()
        return n_invalid

    def _read(self, voltage: AnyArray, values: AnyArray) -> int:
        """Write the values of samples from number ``_seen`` on; return how many are invalid."""
        raise NotImplementedError

    def _learn(self, filtered: FloatArray) -> None:
        """Learn from filtered samples ``(sample, channel)``, less their reference."""

    def _keep(self) -> None:
        """Keep the newest sample to learn from; learn with the last one."""
        newest = self._seen - 1
        row = (newest - self._settle) // self._spacing
        self._learning[row] = self._filter.state[FILTERED + newest % 2]
        self._keep_at += self._spacing
        if self._seen == self._learn_end:
            self._learn_reference(self._learning)
            self._learn(self._learning)
            self._learning = self._learning[:0].copy()
            self._learned = True

    def _learn_reference(self, samples: FloatArray) -> None:
        """Learn the reference, and subtract it from the samples and from the newest two."""
        learn_reference(samples, self._reference)
        self._front = self._front._replace(reference=self._reference)
        subtract_references(samples, self._reference)
        subtract_references(self._filter.state[FILTERED:], self._reference)


def _unlearned(voltage: VoltageSettings, n_channels: int) -> Reference:
    kind = list(ReferenceKind).index(voltage.reference)
    bank = min(voltage.bank, n_channels)
    n_rows = n_channels if kind == REGRESSION else 0
    used = np.zeros(n_channels, dtype=np.bool_)
    return Reference(kind, bank, used, np.zeros((n_rows, bank)), np.zeros(bank))
