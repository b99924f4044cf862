"""Make random spikes, a millisecond at a time, in each form."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from drivers.encodings import (
    BroadbandEncoding,
    Encoding,
    EventEncoding,
    RasterEncoding,
)
from drivers.simulated.voltage import NOISE_UV, waveform_uv_at
from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.clock import NS_PER_MS, NS_PER_S, s_from_ns
from rt_ner.core.contract.kinds import BROADBAND_HZ, SpikeForm

TICK_NS = NS_PER_MS
_TICK_S = s_from_ns(TICK_NS)
# Random ticks are made once and played round and round.
_N_TICKS = 997
_N_VOLTAGE_TICKS = 499
_SAMPLES_PER_TICK = BROADBAND_HZ * TICK_NS // NS_PER_S


class Pattern(Protocol):
    """Random rows, tick by tick; a tick is a millisecond."""

    @property
    def encoding(self) -> Encoding:
        """Encoding of the rows."""

    def rows(self, tick: int, times: int) -> tuple[FloatArray, AnyArray]:
        """Return the rows of a tick at so many ``times`` the usual rate.

        Times ``(row,)`` are in seconds since the tick began, values are ``(row, column)``.
        """


def pattern_of(form: SpikeForm, channel_ids: tuple[str, ...], rate_hz: float) -> Pattern:
    """Return random spikes in a form, at a rate per channel."""
    makers: dict[SpikeForm, Callable[[tuple[str, ...], float], Pattern]] = {
        SpikeForm.RASTER: RasterPattern,
        SpikeForm.EVENTS: EventPattern,
        SpikeForm.BROADBAND: BroadbandPattern,
    }
    return makers[form](channel_ids, rate_hz)


class RasterPattern:
    """One sample of counts per tick, as float32."""

    def __init__(self, channel_ids: tuple[str, ...], rate_hz: float) -> None:
        self.encoding = RasterEncoding(channel_ids, TICK_NS, np.float32)
        rng = np.random.default_rng(0)
        shape = (_N_TICKS, len(channel_ids))
        self._counts = self.encoding.encode(rng.poisson(rate_hz * TICK_NS / 1e9, shape))
        self._ends_s = np.array([_TICK_S])

    def rows(self, tick: int, times: int) -> tuple[FloatArray, AnyArray]:
        """Return the counts of a tick."""
        return self._ends_s, self._counts[tick % _N_TICKS, None] * np.float32(times)


class EventPattern:
    """Single spikes at random moments, as float32."""

    def __init__(self, channel_ids: tuple[str, ...], rate_hz: float) -> None:
        self.encoding = EventEncoding(channel_ids, np.float32)
        rng = np.random.default_rng(0)
        per_tick = rng.poisson(rate_hz * len(channel_ids) * TICK_NS / 1e9, _N_TICKS)
        self._ends = np.cumsum(per_tick)
        n_events = int(self._ends[-1])
        channel = rng.integers(1, len(channel_ids) + 1, n_events)
        self._values = self.encoding.encode(channel, np.ones(n_events))

    def rows(self, tick: int, times: int) -> tuple[FloatArray, AnyArray]:
        """Return the events of a tick, evenly spread, so that no two have the same time."""
        last = int(self._ends[tick % _N_TICKS])
        first = int(self._ends[tick % _N_TICKS - 1]) if tick % _N_TICKS else 0
        values = np.tile(self._values[first:last], (times, 1))
        return np.linspace(0.0, _TICK_S, len(values), endpoint=False), values


class BroadbandPattern:
    """Voltage: spikes at random moments in Gaussian noise."""

    def __init__(self, channel_ids: tuple[str, ...], rate_hz: float) -> None:
        self.encoding = BroadbandEncoding(channel_ids, _SAMPLES_PER_TICK)
        shape = (_N_VOLTAGE_TICKS * _SAMPLES_PER_TICK, len(channel_ids))
        rng = np.random.default_rng(0)
        noise_uv = rng.standard_normal(shape, dtype=np.float32) * NOISE_UV
        self._noise_uv = self._in_ticks(noise_uv)
        self._spikes_uv = self._in_ticks(_random_spikes_uv(rng, shape, rate_hz))
        self._ends_s = np.arange(1, _SAMPLES_PER_TICK + 1) / BROADBAND_HZ

    def _in_ticks(self, voltage_uv: AnyArray) -> AnyArray:
        """Return voltage as ``(tick, sample, channel)``."""
        whole_uv = self.encoding.encode(voltage_uv)
        return whole_uv.reshape(_N_VOLTAGE_TICKS, _SAMPLES_PER_TICK, -1)

    def rows(self, tick: int, times: int) -> tuple[FloatArray, AnyArray]:
        """Return the voltage of a tick; at a higher rate, the spikes of other ticks are added."""
        voltage_uv = self._noise_uv[tick % _N_VOLTAGE_TICKS].copy()
        for number in range(times):
            voltage_uv += self._spikes_uv[(tick + 10 * number) % _N_VOLTAGE_TICKS]
        return self._ends_s, voltage_uv


def _random_spikes_uv(rng: np.random.Generator, shape: tuple[int, int], rate_hz: float) -> AnyArray:
    """Return spike waveforms ``(sample, channel)`` at random moments, and nothing else."""
    n_samples, n_channels = shape
    spikes_uv = np.zeros(shape, dtype=np.int16)
    waveform_uv = waveform_uv_at(np.arange(_SAMPLES_PER_TICK) / BROADBAND_HZ)[:, None]
    for channel in range(n_channels):
        n_spikes = rng.poisson(rate_hz * n_samples / BROADBAND_HZ)
        begin = rng.integers(0, n_samples, n_spikes)
        sample = (begin + np.arange(_SAMPLES_PER_TICK)[:, None]) % n_samples
        spikes_uv[sample, channel] = waveform_uv
    return spikes_uv
