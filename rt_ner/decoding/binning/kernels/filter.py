"""Filter voltage causally, and mark where it crosses a threshold."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import AnyArray, FloatArray, Int64Array
from rt_ner.core.compiled.njit import njit
from rt_ner.decoding.binning.voltage.kernels.reference import NONE, Reference, subtract_reference

# median(|x|) / std(x) of Gaussian noise.
GAUSSIAN_MEDIAN = 0.6745

# A float64 beyond the range of float32 can't be a voltage, and could overflow the filter for good.
MAX_VOLTAGE = float(np.finfo(np.float32).max)

# Below any voltage in any unit, yet above the denormal numbers, which are slow to compute with.
_SILENCE = 1e-30


class BandPass(NamedTuple):
    """The filter: its coefficients (see `band_pass`) and its state ``(7, channel)``, as below."""

    coefficients: FloatArray
    state: FloatArray


class Front(NamedTuple):
    """The way of a sample before spikes are looked for: the filter, then the reference."""

    band_pass: BandPass
    reference: Reference


# Rows of the state: two for the high-pass and two for the low-pass, the newest voltage, and the
# newest two filtered samples, which take turns.
HIGH_PASS, LOW_PASS, VOLTAGE, FILTERED, N_ROWS = 0, 2, 4, 5, 7


def band_pass(low_hz: float, high_hz: float, rate_hz: float) -> FloatArray:
    """Return a high-pass and a low-pass, second-order Butterworth: ``(2, 5)``, b0 b1 b2 a1 a2.

    The bilinear transform with pre-warping, in closed form: R. Bristow-Johnson, "Cookbook formulae
    for audio EQ biquad filter coefficients", HPF and LPF with Q = 1/√2. The high-pass's numerator,
    b0 (1 − z⁻¹)², lacks one factor 1 − z⁻¹: `filter_sample` gives it the differences of the
    voltage, so that an offset, however large, leaves exactly zero rather than a rounding error.
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
def filter_sample(voltage: AnyArray, band_pass: BandPass, number: int) -> bool:
    """Filter sample ``number``, ``(channel,)``; return True if all its values are voltages.

    The first sample is taken to have lasted for ever, so that an offset is not a step.
    """
    coefficients, state = band_pass
    filtered = state[FILTERED + number % 2]
    all_valid = True
    for channel in range(filtered.size):
        value = float(voltage[channel])
        if not abs(value) <= MAX_VOLTAGE:
            # As if nothing had changed: a zero would be a step, and ring like a spike.
            value = state[VOLTAGE, channel]
            all_valid = False
        step = value - state[VOLTAGE, channel] if number > 0 else 0.0
        state[VOLTAGE, channel] = value
        high_passed = _biquad(step, coefficients[0], state[HIGH_PASS:LOW_PASS], channel)
        filtered[channel] = _biquad(high_passed, coefficients[1], state[LOW_PASS:], channel)
    return all_valid


@njit(cache=True)
def mark_crossings(
    voltage: AnyArray,
    front: Front,
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
    band_pass, reference = front
    n_invalid = 0
    for sample in range(voltage.shape[0]):
        number = seen + sample
        n_invalid += not filter_sample(voltage[sample], band_pass, number)
        now = band_pass.state[FILTERED + number % 2]
        before = band_pass.state[FILTERED + (number + 1) % 2]
        if reference.kind != NONE:
            subtract_reference(now, reference)
        for channel in range(threshold.size):
            falls = now[channel] < threshold[channel] <= before[channel]
            crosses = falls and number >= due[channel]
            crossings[sample, channel] = crosses
            if crosses:
                due[channel] = number + refractory
    return n_invalid
