"""Detect spikes in broadband voltage as threshold crossings, causally and across chunks.

The voltage is band-pass filtered, and a spike begins where it falls below a robust threshold per
channel. The result depends on the samples before and never on where a chunk ends: any split of a
stream gives the same crossings, to the bit.
"""

from copy import deepcopy

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.kernels.filter import (
    FILTERED,
    GAUSSIAN_MEDIAN,
    N_ROWS,
    BandPass,
    band_pass,
    mark_crossings,
)

_SETTLE_S = 0.05
_MAX_LEARN_SAMPLES = 4096


class DetectorSettings(BaseModel):
    """The filter and threshold that find spikes in broadband voltage.

    Attributes
    ----------
    low_hz, high_hz
        Edges of the pass band, in Hz.
    threshold_rms
        Distance of the threshold below zero, in multiples of the channel's robust RMS.
    learn_s
        Length of the start of the stream, in s, from which the RMS is learned.
    refractory_ms
        Shortest time between two crossings of a channel, in ms.

    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    low_hz: float = Field(default=300.0, gt=0)
    high_hz: float = Field(default=6000.0, gt=0)
    threshold_rms: float = Field(default=4.5, gt=0, le=50)
    learn_s: float = Field(default=2.0, ge=0.1, le=60)
    refractory_ms: float = Field(default=1.0, ge=0, le=100)

    @model_validator(mode="after")
    def _low_below_high(self) -> "DetectorSettings":
        if self.low_hz >= self.high_hz:
            raise ValueError(
                f"low_hz = {self.low_hz:g} is not below high_hz = {self.high_hz:g}: "
                "choose a band that has a width"
            )
        return self


class Detector:
    """A spike detector for all channels: the filtered voltage falling below a threshold.

    The threshold is ``-threshold_rms · median(|filtered|) / 0.6745`` (Quiroga, Nadasdy and
    Ben-Shaul 2004, Neural Computation 16:1661), which the spikes themselves hardly move. It is
    learned from the first ``learn_s`` of the stream, less the 50 ms in which the filter settles,
    and then frozen. Until then no channel crosses it; one that is flat while learning never does.

    Parameters
    ----------
    n_channels
        Number of channels of the voltage.
    rate_hz
        Sample rate, in Hz.
    settings
        Filter and threshold.

    Raises
    ------
    StreamError
        If the pass band reaches half the sample rate.

    """

    def __init__(self, n_channels: int, rate_hz: float, settings: DetectorSettings) -> None:
        if settings.high_hz >= rate_hz / 2:
            raise StreamError(
                f"high_hz = {settings.high_hz:g} is not below half of the stream's rate of "
                f"{rate_hz:g} Hz: lower high_hz in [detector] of the config, or use a stream "
                "with a higher rate"
            )
        self._threshold_rms = settings.threshold_rms
        self._refractory = round(settings.refractory_ms * rate_hz / 1000)
        self._settle = round(_SETTLE_S * rate_hz)
        n_learn = max(1, round(settings.learn_s * rate_hz) - self._settle)
        self._spacing = -(-n_learn // _MAX_LEARN_SAMPLES)
        n_kept = -(-n_learn // self._spacing)
        self._learn_end = self._settle + (n_kept - 1) * self._spacing + 1
        self._learning = np.zeros((n_kept, n_channels))
        self._rms = np.full(n_channels, np.nan)
        self._threshold = np.full(n_channels, np.nan)
        self._learned = False
        coefficients = band_pass(settings.low_hz, settings.high_hz, rate_hz)
        self._filter = BandPass(coefficients, np.zeros((N_ROWS, n_channels)))
        self._due = np.zeros(n_channels, dtype=np.int64)
        self.interrupt()

    @property
    def n_channels(self) -> int:
        """Number of channels of the voltage."""
        return self._due.size

    @property
    def n_blind(self) -> int:
        """Number of next samples without crossings, while the detector learns or settles."""
        return max(0, (self._settle if self._learned else self._learn_end) - self._seen)

    @property
    def learned(self) -> bool:
        """True if the thresholds are known."""
        return self._learned

    @property
    def rms(self) -> FloatArray:
        """Robust RMS of the filtered voltage, ``(channel,)``, in its unit; NaN until learned."""
        return self._rms

    def interrupt(self) -> None:
        """Start over after lost samples; keep learned thresholds, but restart unfinished learning.

        Nothing crosses in the 50 ms in which the filter settles.
        """
        self._seen = 0
        self._keep_at = self._settle + 1
        self._filter.state[:] = 0
        self._due[:] = self._settle

    def warm_up(self, voltage: AnyArray) -> None:
        """Compile for voltages ``(sample, channel)`` of this type; leave no trace."""
        deepcopy(self).detect(voltage, np.zeros(voltage.shape, dtype=np.int8))

    def detect(self, voltage: AnyArray, crossings: npt.NDArray[np.int8]) -> int:
        """Mark the samples at which spikes begin.

        Parameters
        ----------
        voltage
            Voltage, ``(sample, channel)``, of any real type. A value that is not finite, or beyond
            the range of float32, is taken as unchanged from the sample before.
        crossings
            The result, ``(≥ sample, channel)``: 1 where a spike begins, else 0.

        Returns
        -------
        int
            Number of samples with a value that can't be a voltage.

        """
        n_samples = voltage.shape[0]
        assert voltage.shape[1] == crossings.shape[1] == self.n_channels
        assert n_samples <= crossings.shape[0]
        start, n_invalid = 0, 0
        while start < n_samples:
            stop = n_samples
            if not self._learned:
                stop = min(stop, start + self._keep_at - self._seen)
            n_invalid += mark_crossings(
                voltage[start:stop],
                self._filter,
                self._seen,
                self._threshold,
                self._due,
                self._refractory,
                crossings[start:stop],
            )
            self._seen += stop - start
            start = stop
            if not self._learned and self._seen == self._keep_at:
                self._keep()
        return n_invalid

    def _keep(self) -> None:
        """Keep the newest sample to learn from; set the thresholds with the last one."""
        newest = self._seen - 1
        row = (newest - self._settle) // self._spacing
        self._learning[row] = self._filter.state[FILTERED + newest % 2]
        self._keep_at += self._spacing
        if self._seen == self._learn_end:
            self._rms = np.median(np.abs(self._learning), axis=0) / GAUSSIAN_MEDIAN
            self._threshold = np.where(self._rms > 0, -self._threshold_rms * self._rms, -np.inf)
            self._learning = self._learning[:0].copy()
            self._learned = True
