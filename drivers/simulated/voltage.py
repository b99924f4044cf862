"""Simulate the broadband voltage that electrodes record of a session's spikes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import BROADBAND_HZ
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeTimes
from rt_ner.decoding.chunks import VoltageChunk

_CHUNK_SAMPLES = 3000
NOISE_UV, _TROUGH_UV = 10.0, 160.0
# The noise repeats after this many samples, a little under two seconds.
_NOISE_SAMPLES = 59_999
# The trough comes shortly after the time of the spike, so that a detector finds it in time.
_TROUGH_AT_S, _TROUGH_S, _HUMP_AT_S, _HUMP_S = 0.1e-3, 0.08e-3, 0.45e-3, 0.2e-3
_SPIKE_S = 1.2e-3
# Channels of a bank share a noise whose strength wanders, with this standard deviation of its
# logarithm, from one of so many moments to the next. Channels receive it by different gains.
_BANK, _STRENGTH_SD, _N_MOMENTS, _GAINS = 32, 0.7, 10, (0.7, 1.3)


@dataclass(frozen=True)
class ElectrodeSettings:
    """The size of spikes, and the noise that a bank of electrodes shares.

    Attributes
    ----------
    trough_uv
        Smallest and largest trough of a unit, in µV.
    shared_uv
        RMS of the noise that a bank of 32 channels shares, in µV.

    """

    trough_uv: tuple[float, float] = (_TROUGH_UV, _TROUGH_UV)
    shared_uv: float = 0.0


class VoltageMaker:
    """Makes the broadband voltage of a session: ``(sample, channel)``, int16, in microvolts.

    Each spike is a waveform of two phases, with a trough of 160 µV unless told otherwise, in
    Gaussian noise of 10 µV. A part of a session gives the same samples, however it is cut.
    """

    def __init__(self, session: Session, electrodes: ElectrodeSettings | None = None) -> None:
        electrodes = electrodes or ElectrodeSettings()
        self._session = session
        self._n_channels = len(session.channel_ids)
        shape = (_NOISE_SAMPLES, self._n_channels)
        self._noise = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        self._noise *= NOISE_UV
        if electrodes.shared_uv:
            self._noise += electrodes.shared_uv * _shared_noise(self._n_channels)
        # By channel and unit, in multiples of the usual trough.
        size = np.random.default_rng(1).uniform(*electrodes.trough_uv, _units_of(session))
        self._size = (size / _TROUGH_UV).astype(np.float32)

    def chunks(self, start_ns: int, end_ns: int) -> Iterator[VoltageChunk]:
        """Yield the samples whose intervals end within ``(start_ns, end_ns]``."""
        first, last = (time_ns * BROADBAND_HZ // NS_PER_S for time_ns in (start_ns, end_ns))
        for sample in range(first, last, _CHUNK_SAMPLES):
            n_samples = min(_CHUNK_SAMPLES, last - sample)
            stamp_ns = sample_ends_ns(sample, n_samples)
            voltage = self._noise.take(np.arange(sample, sample + n_samples), axis=0, mode="wrap")
            self._add_spikes(voltage, sample)
            yield VoltageChunk(stamp_ns, np.rint(voltage).astype(np.int16))

    def _add_spikes(self, voltage: npt.NDArray[np.float32], first: int) -> None:
        """Add every spike that shows in the samples from ``first`` on."""
        longest = int(_SPIKE_S * BROADBAND_HZ)
        begin_ns = (first - longest) * NS_PER_S // BROADBAND_HZ
        end_ns = (first + len(voltage)) * NS_PER_S // BROADBAND_HZ
        for events in self._session.spikes.events(max(begin_ns, 0), end_ns):
            # Time of each sample's middle since the spike, in samples.
            onset = events.time_ns * (BROADBAND_HZ / NS_PER_S) - 0.5
            whole = np.floor(onset).astype(np.int64)
            for step in range(1, longest):
                sample = whole + step - first
                heard = (sample >= 0) & (sample < len(voltage))
                since_s = (whole + step - onset)[heard] / BROADBAND_HZ
                channel = events.channel[heard].astype(np.int64) - 1
                size = self._size[channel, events.unit[heard].astype(np.int64) - 1]
                np.add.at(voltage, (sample[heard], channel), size * waveform_uv_at(since_s))


def _units_of(session: Session) -> tuple[int, int]:
    """Return the number of channels, and the largest number of units on one of them."""
    spikes = session.spikes
    if not isinstance(spikes, SpikeTimes):
        return spikes.n_channels, 1
    units = np.bincount(spikes.unit_channel, minlength=1)
    return spikes.n_channels, max(int(units.max()), 1)


def _shared_noise(n_channels: int) -> npt.NDArray[np.float32]:
    """Return the noise that banks share, ``(sample, channel)``, before it is scaled."""
    rng = np.random.default_rng(2)
    n_banks = -(-n_channels // _BANK)
    source = rng.standard_normal((_NOISE_SAMPLES, n_banks))
    moments = np.linspace(0, _NOISE_SAMPLES, _N_MOMENTS + 1)
    for bank in range(n_banks):
        strength = rng.normal(0, _STRENGTH_SD, _N_MOMENTS)
        wave = np.interp(np.arange(_NOISE_SAMPLES), moments, np.append(strength, strength[0]))
        source[:, bank] *= np.exp(wave)
    source /= source.std(axis=0)
    gain = rng.uniform(*_GAINS, n_channels)
    return (source[:, np.arange(n_channels) // _BANK] * gain).astype(np.float32)


def sample_ends_ns(first: int, n_samples: int) -> Int64Array:
    """Return the end stamps of consecutive samples, to the nearest nanosecond."""
    number = np.arange(first + 1, first + 1 + n_samples, dtype=np.int64)
    return (number * NS_PER_S + BROADBAND_HZ // 2) // BROADBAND_HZ


def waveform_uv_at(since_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return a spike's waveform at times since the spike."""
    trough = -_TROUGH_UV * np.exp(-(((since_s - _TROUGH_AT_S) / _TROUGH_S) ** 2))
    hump = 0.3 * _TROUGH_UV * np.exp(-(((since_s - _HUMP_AT_S) / _HUMP_S) ** 2))
    return (trough + hump).astype(np.float32)
