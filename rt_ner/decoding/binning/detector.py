"""Detect spikes in broadband voltage as threshold crossings, causally and across chunks.

The voltage is band-pass filtered, and a spike begins where it falls below a robust threshold per
channel. The result depends on the samples before and never on where a chunk ends: any split of a
stream gives the same crossings, to the bit.
"""

import math
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rt_ner.core.arrays import AnyArray, FloatArray, Int64Array
from rt_ner.core.errors import StreamError

_SETTLE_S = 0.05
_MAX_LEARN_SAMPLES = 4096
# median(|x|) / std(x) of Gaussian noise.
_GAUSSIAN_MEDIAN = 0.6745
# A float64 beyond the range of float32 can't be a voltage, and could overflow the filter for good.
MAX_VOLTAGE = float(np.finfo(np.float32).max)
# Below any voltage in any unit, yet above the denormal numbers, which are slow to compute with.
_SILENCE = 1e-30


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


class _BandPass(NamedTuple):
    """The filter: its coefficients (see `_band_pass`) and its state ``(7, channel)``, as below."""

    coefficients: FloatArray
    state: FloatArray


# Rows of the state: two for the high-pass and two for the low-pass, the newest voltage, and the
# newest two filtered samples, which take turns.
_HIGH_PASS, _LOW_PASS, _VOLTAGE, _FILTERED, _N_ROWS = 0, 2, 4, 5, 7


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
        coefficients = _band_pass(settings.low_hz, settings.high_hz, rate_hz)
        self._filter = _BandPass(coefficients, np.zeros((_N_ROWS, n_channels)))
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
            n_invalid += _detect(
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
        self._learning[row] = self._filter.state[_FILTERED + newest % 2]
        self._keep_at += self._spacing
        if self._seen == self._learn_end:
            self._rms = np.median(np.abs(self._learning), axis=0) / _GAUSSIAN_MEDIAN
            self._threshold = np.where(self._rms > 0, -self._threshold_rms * self._rms, -np.inf)
            self._learning = self._learning[:0].copy()
            self._learned = True


def _band_pass(low_hz: float, high_hz: float, rate_hz: float) -> FloatArray:
    """Return a high-pass and a low-pass, second-order Butterworth: ``(2, 5)``, b0 b1 b2 a1 a2.

    The bilinear transform with pre-warping, in closed form: R. Bristow-Johnson, "Cookbook formulae
    for audio EQ biquad filter coefficients", HPF and LPF with Q = 1/√2. The high-pass's numerator,
    b0 (1 − z⁻¹)², lacks one factor 1 − z⁻¹: `_filter` gives it the differences of the voltage, so
    that an offset, however large, leaves exactly zero rather than a rounding error.
    """
    low, high = 2 * math.pi * low_hz / rate_hz, 2 * math.pi * high_hz / rate_hz
    rows = []
    for angle, gain, numerator in (
        (low, (1 + math.cos(low)) / 2, (1, -1, 0)),
        (high, (1 - math.cos(high)) / 2, (1, 2, 1)),
    ):
        alpha = math.sin(angle) / math.sqrt(2)
        row = [*(gain * b for b in numerator), -2 * math.cos(angle), 1 - alpha]
        rows.append(np.array(row) / (1 + alpha))
    return np.stack(rows)


@njit(cache=True)
def _biquad(value: float, coefficients: FloatArray, memory: FloatArray, channel: int) -> float:
    """Take one step of a filter in transposed direct form II. ``memory``: ``(2, channel)``."""
    b0, b1, b2, a1, a2 = coefficients
    out: float = b0 * value + memory[0, channel]
    if abs(out) < _SILENCE:
        out = 0.0
    memory[0, channel] = b1 * value - a1 * out + memory[1, channel]
    memory[1, channel] = b2 * value - a2 * out
    return out


@njit(cache=True)
def _filter(voltage: AnyArray, band_pass: _BandPass, number: int) -> bool:
    """Filter sample ``number``, ``(channel,)``; return True if all its values are voltages.

    The first sample is taken to have lasted for ever, so that an offset is not a step.
    """
    coefficients, state = band_pass
    filtered = state[_FILTERED + number % 2]
    all_valid = True
    for channel in range(filtered.size):
        value = float(voltage[channel])
        if not abs(value) <= MAX_VOLTAGE:
            # As if nothing had changed: a zero would be a step, and ring like a spike.
            value = state[_VOLTAGE, channel]
            all_valid = False
        step = value - state[_VOLTAGE, channel] if number > 0 else 0.0
        state[_VOLTAGE, channel] = value
        high_passed = _biquad(step, coefficients[0], state[_HIGH_PASS:_LOW_PASS], channel)
        filtered[channel] = _biquad(high_passed, coefficients[1], state[_LOW_PASS:], channel)
    return all_valid


@njit(cache=True)
def _detect(
    voltage: AnyArray,
    band_pass: _BandPass,
    seen: int,
    threshold: FloatArray,
    due: Int64Array,
    refractory: int,
    crossings: npt.NDArray[np.int8],
) -> int:
    """Filter samples from number ``seen`` on and mark crossings; return the number of invalid ones.

    ``threshold``: ``(channel,)``, NaN where nothing may cross. ``due``: ``(channel,)``, the
    number of the first sample that may cross again.
    """
    n_invalid = 0
    for sample in range(voltage.shape[0]):
        number = seen + sample
        n_invalid += not _filter(voltage[sample], band_pass, number)
        now = band_pass.state[_FILTERED + number % 2]
        before = band_pass.state[_FILTERED + (number + 1) % 2]
        for channel in range(threshold.size):
            falls = now[channel] < threshold[channel] <= before[channel]
            crosses = falls and number >= due[channel]
            crossings[sample, channel] = crosses
            if crosses:
                due[channel] = number + refractory
    return n_invalid
