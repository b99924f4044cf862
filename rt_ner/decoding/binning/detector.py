"""Detect spikes in broadband voltage as threshold crossings, causally and across chunks.

A spike begins where the spikes' band of the voltage falls below a robust threshold per channel.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.kernels.filter import GAUSSIAN_MEDIAN, mark_crossings
from rt_ner.decoding.binning.voltage.band import BandReader
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings


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


class Detector(BandReader):
    """A spike detector for all channels: the filtered voltage falling below a threshold.

    The threshold is ``-threshold_rms · median(|filtered|) / 0.6745`` (Quiroga, Nadasdy and
    Ben-Shaul 2004, Neural Computation 16:1661), which the spikes themselves hardly move. It is
    learned from the first ``learn_s`` of the stream, less the 50 ms in which the filter settles,
    and then frozen. Until then no channel crosses it; one that is flat while learning never does.
    `read` gives 1 where a spike begins, else 0.

    Parameters
    ----------
    n_channels
        Number of channels of the voltage.
    rate_hz
        Sample rate, in Hz.
    settings
        Filter and threshold.
    voltage
        Reference that is subtracted before the threshold.

    Raises
    ------
    StreamError
        If the pass band reaches half the sample rate.

    """

    def __init__(
        self,
        n_channels: int,
        rate_hz: float,
        settings: DetectorSettings,
        voltage: VoltageSettings = CROSSINGS,
    ) -> None:
        if settings.high_hz >= rate_hz / 2:
            raise StreamError(
                f"high_hz = {settings.high_hz:g} is not below half of the stream's rate of "
                f"{rate_hz:g} Hz: lower high_hz in [detector] of the config, or use a stream "
                "with a higher rate"
            )
        self._threshold_rms = settings.threshold_rms
        self._refractory = round(settings.refractory_ms * rate_hz / 1000)
        self._rms = np.full(n_channels, np.nan)
        self._threshold = np.full(n_channels, np.nan)
        self._due = np.zeros(n_channels, dtype=np.int64)
        band_hz = (settings.low_hz, settings.high_hz)
        super().__init__(n_channels, rate_hz, band_hz, settings.learn_s, voltage)

    @property
    def rms(self) -> FloatArray:
        """Robust RMS of the filtered voltage, ``(channel,)``, in its unit; NaN until learned."""
        return self._rms

    def interrupt(self) -> None:
        """Start over after lost samples; keep learned thresholds, but restart unfinished learning.

        Nothing crosses in the 50 ms in which the filter settles.
        """
        super().interrupt()
        self._due[:] = self._settle

    def _read(self, voltage: AnyArray, values: AnyArray) -> int:
        n_invalid: int = mark_crossings(
            voltage, self._front, self._seen, self._threshold, self._due, self._refractory, values
        )
        return n_invalid

    def _learn(self, filtered: FloatArray) -> None:
        self._rms = np.median(np.abs(filtered), axis=0) / GAUSSIAN_MEDIAN
        self._threshold = np.where(self._rms > 0, -self._threshold_rms * self._rms, -np.inf)
