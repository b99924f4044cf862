"""Noise: random spikes at a stated rate, with faults on demand, to try a rig and to measure it.

What was really sent, withheld, repeated, … is counted exactly, so that a decoder's own counts can
be held against it.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Event
from typing import Protocol

import numpy as np
import pylsl

from drivers.simulated.voltage import NOISE_UV, RATE_HZ, waveform_uv_at
from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.clock import NS_PER_MS, NS_PER_S, next_grid_line_ns, s_from_ns
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import ConfigError
from rt_ner.lsl.streams import add_electrodes, announce, local_now_ns

_TICK_NS = NS_PER_MS
_TICK_S = s_from_ns(_TICK_NS)
# Random ticks are made once and played round and round.
_N_TICKS = 997
_N_VOLTAGE_TICKS = 499
_SAMPLES_A_TICK = RATE_HZ * _TICK_NS // NS_PER_S
_LISTENER_POLL_S, _LINGER_S = 0.1, 0.5


@dataclass
class Sent:
    """What was done so far, in rows: samples of a raster, or events.

    ``rows``: sent, repeats included. ``withheld``: of a raster, that should have been sent.
    """

    rows: int = 0
    withheld: int = 0
    repeated: int = 0
    reordered: int = 0
    bad: int = 0
    steps: int = 0


class NoiseForm(Protocol):
    """Random rows for one tick of a millisecond."""

    def open(self, source: str) -> pylsl.StreamOutlet:
        """Announce the stream."""
        ...

    def rows(self, tick: int, times: int) -> tuple[FloatArray, AnyArray]:
        """Times ``(row,)`` in seconds since the tick began, and values ``(row, column)``.

        ``times``: so many times the usual rate.
        """
        ...


class RasterNoise:
    """One sample a tick, counts a channel, as float32."""

    def __init__(self, channel_ids: tuple[str, ...], rate_hz: float) -> None:
        self._channel_ids = channel_ids
        rng = np.random.default_rng(0)
        shape = (_N_TICKS, len(channel_ids))
        self._counts = rng.poisson(rate_hz * _TICK_NS / 1e9, shape).astype(np.float32)
        self._ends_s = np.array([_TICK_S])

    def open(self, source: str) -> pylsl.StreamOutlet:
        """Announce the raster."""
        rate_hz = 1e9 / _TICK_NS
        info = announce(source, Kind.SPIKES, self._channel_ids, "spikes", rate_hz, pylsl.cf_float32)
        return pylsl.StreamOutlet(info, chunk_size=1)

    def rows(self, tick: int, times: int) -> tuple[FloatArray, AnyArray]:
        """The counts of a tick."""
        return self._ends_s, self._counts[tick % _N_TICKS, None] * np.float32(times)


class EventNoise:
    """Single spikes at random moments; columns for channel and unit, as float32."""

    def __init__(self, channel_ids: tuple[str, ...], rate_hz: float) -> None:
        self._channel_ids = channel_ids
        rng = np.random.default_rng(0)
        per_tick = rng.poisson(rate_hz * len(channel_ids) * _TICK_NS / 1e9, _N_TICKS)
        self._ends = np.cumsum(per_tick)
        n_events = int(self._ends[-1])
        channel = rng.integers(1, len(channel_ids) + 1, n_events)
        self._values = np.stack([channel, np.ones(n_events)], axis=1).astype(np.float32)

    def open(self, source: str) -> pylsl.StreamOutlet:
        """Announce the events."""
        info = announce(source, Kind.EVENTS, ["channel", "unit"], "", 0.0, pylsl.cf_float32)
        add_electrodes(info, self._channel_ids)
        return pylsl.StreamOutlet(info, chunk_size=1)

    def rows(self, tick: int, times: int) -> tuple[FloatArray, AnyArray]:
        """The events of a tick, evenly spread, so that no two have the same time."""
        last = int(self._ends[tick % _N_TICKS])
        first = int(self._ends[tick % _N_TICKS - 1]) if tick % _N_TICKS else 0
        values = np.tile(self._values[first:last], (times, 1))
        return np.linspace(0.0, _TICK_S, len(values), endpoint=False), values


class BroadbandNoise:
    """Voltage at 30 kHz, as int16 microvolts: spikes at random moments in Gaussian noise."""

    def __init__(self, channel_ids: tuple[str, ...], rate_hz: float) -> None:
        self._channel_ids = channel_ids
        n_samples = _N_VOLTAGE_TICKS * _SAMPLES_A_TICK
        rng = np.random.default_rng(0)
        shape = (n_samples, len(channel_ids))
        noise_uv = rng.standard_normal(shape, dtype=np.float32) * NOISE_UV
        self._noise_uv = self._in_ticks(noise_uv)
        spikes_uv = np.zeros(shape, dtype=np.int16)
        waveform_uv = waveform_uv_at(np.arange(_SAMPLES_A_TICK) / RATE_HZ)[:, None]
        for channel in range(len(channel_ids)):
            n_spikes = rng.poisson(rate_hz * n_samples / RATE_HZ)
            begin = rng.integers(0, n_samples, n_spikes)
            sample = (begin + np.arange(_SAMPLES_A_TICK)[:, None]) % n_samples
            spikes_uv[sample, channel] = waveform_uv
        self._spikes_uv = self._in_ticks(spikes_uv)
        self._ends_s = np.arange(1, _SAMPLES_A_TICK + 1) / RATE_HZ

    def _in_ticks(self, voltage_uv: AnyArray) -> AnyArray:
        whole = np.rint(voltage_uv).astype(np.int16)
        return whole.reshape(_N_VOLTAGE_TICKS, _SAMPLES_A_TICK, len(self._channel_ids))

    def open(self, source: str) -> pylsl.StreamOutlet:
        """Announce the voltage."""
        info = announce(source, Kind.BROADBAND, self._channel_ids, "microvolts", RATE_HZ)
        return pylsl.StreamOutlet(info, chunk_size=_SAMPLES_A_TICK)

    def rows(self, tick: int, times: int) -> tuple[FloatArray, AnyArray]:
        """The voltage of a tick; at so many times the rate, other ticks' spikes are added."""
        voltage_uv = self._noise_uv[tick % _N_VOLTAGE_TICKS].copy()
        for number in range(times):
            voltage_uv += self._spikes_uv[(tick + 10 * number) % _N_VOLTAGE_TICKS]
        return self._ends_s, voltage_uv


NOISE_FORMS: dict[str, Callable[[tuple[str, ...], float], NoiseForm]] = {
    "raster": RasterNoise,
    "events": EventNoise,
    "broadband": BroadbandNoise,
}


class NoiseSource:
    """Sends noise under the source name ``source``, tick by tick on absolute deadlines.

    `order` asks for a fault; what was done is in ``sent``. ``pushes``: None, or filled with the
    last stamp of each push and its moment, in LSL seconds.
    """

    def __init__(self, form: NoiseForm, source: str, stop: Event) -> None:
        self._form = form
        self._stop = stop
        self._outlet = form.open(source)
        self._rng = np.random.default_rng(1)
        self._shift_s = 0.0
        self._withhold = 0.0
        self._times = 1
        self._n_stalled = self._n_odd = self._n_bad = self._n_gathered = 0
        self._then_reverse = False
        self._gathered: list[tuple[FloatArray, AnyArray]] = []
        self.sent = Sent()
        self.pushes: list[tuple[float, float]] | None = None

    def wait_for_listener(self) -> None:
        """Return once the stream has a listener (or on stop)."""
        while not self._stop.is_set() and not self._outlet.wait_for_consumers(_LISTENER_POLL_S):
            pass

    def order(self, fault: str) -> None:
        """Ask for a fault, in one line; ConfigError if it is none.

        ``stall S``: nothing for S seconds. ``withhold P S``: each row is lost with probability P
        for S seconds. ``burst K S``: K times the rate for S seconds. ``repeat N``: the next N ticks
        are sent together, and then again. ``reverse N``: they are sent together, the last first.
        ``bad N``: in the next N ticks the first value is NaN or −1 by turns; broadband has none.
        ``step S``: from now on stamps are S seconds ahead.
        """
        words = fault.split()
        try:
            self._order(words[0], [float(word) for word in words[1:]])
        except (ValueError, IndexError, KeyError) as error:
            raise ConfigError(
                f"'{fault}' is no fault: expected stall S, withhold P S, burst K S, repeat N, "
                "reverse N, bad N or step S"
            ) from error

    def _order(self, name: str, numbers: list[float]) -> None:
        ticks_per_s = 1e9 / _TICK_NS
        if name in ("withhold", "burst"):
            how_much, seconds = numbers
            self._n_odd = round(seconds * ticks_per_s)
            self._withhold = how_much if name == "withhold" else 0.0
            self._times = int(how_much) if name == "burst" else 1
            return
        (number,) = numbers
        if name == "step":
            self._shift_s += number
            self.sent.steps += 1
        elif name == "stall":
            self._n_stalled = round(number * ticks_per_s)
        elif name == "bad":
            if isinstance(self._form, BroadbandNoise):
                raise ConfigError("'bad': broadband noise is of whole numbers, none of them bad")
            self._n_bad = int(number)
        elif name in ("repeat", "reverse"):
            self._n_gathered, self._then_reverse = int(number), name == "reverse"
        else:
            raise KeyError(name)

    def run(self, n_ticks: int | None, orders: Callable[[], list[str]]) -> None:
        """Send ``n_ticks`` ticks (None: for ever), or until stopped; obey ``orders`` meanwhile."""
        begin_ns = next_grid_line_ns(local_now_ns(), _TICK_NS)
        tick = 0
        while n_ticks is None or tick < n_ticks:
            wait_ns = begin_ns + (tick + 1) * _TICK_NS - local_now_ns()
            if self._stop.wait(s_from_ns(wait_ns)) if wait_ns > 0 else self._stop.is_set():
                break
            for fault in orders():
                self.order(fault)
            self._send(tick, s_from_ns(begin_ns + tick * _TICK_NS))
            tick += 1
        self._stop.wait(_LINGER_S)

    def _send(self, tick: int, begin_s: float) -> None:
        """Send the rows of a tick, with what was ordered done to them."""
        since_s, values = self._form.rows(tick, self._times if self._n_odd else 1)
        stamps_s = begin_s + self._shift_s + since_s
        if self._n_stalled:
            self._n_stalled -= 1
            self.sent.withheld += len(values)
            return
        if self._n_odd:
            self._n_odd -= 1
            kept = self._rng.random(len(values)) >= self._withhold
            self.sent.withheld += int(len(values) - kept.sum())
            stamps_s, values = stamps_s[kept], values[kept]
        if self._n_bad:
            self._n_bad -= 1
            values = values.copy()
            values[:, 0] = -1 if self._n_bad % 2 else np.nan
            self.sent.bad += len(values)
        if self._n_gathered:
            self._gather(stamps_s, values)
        else:
            self._push(stamps_s, values)

    def _gather(self, stamps_s: FloatArray, values: AnyArray) -> None:
        """Keep the rows of some ticks, then send them together, repeated or reversed."""
        self._gathered.append((stamps_s, values))
        self._n_gathered -= 1
        if self._n_gathered:
            return
        ticks = self._gathered
        if self._then_reverse:
            self.sent.reordered += sum(len(rows) for _, rows in ticks[:-1])
            ticks = ticks[::-1]
        else:
            self.sent.repeated += sum(len(rows) for _, rows in ticks)
            ticks = ticks * 2
        self._gathered = []
        for rows in ticks:
            self._push(*rows)

    def _push(self, stamps_s: FloatArray, values: AnyArray) -> None:
        if len(values):
            if self.pushes is not None:
                self.pushes.append((float(stamps_s[-1]), s_from_ns(local_now_ns())))
            self._outlet.push_chunk(np.ascontiguousarray(values), stamps_s.tolist())
            self.sent.rows += len(values)

    def summary(self) -> dict[str, int]:
        """What was done so far, by name."""
        return asdict(self.sent)
