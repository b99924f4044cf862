"""Send the velocity stream in the form that the cursor program needs."""

from threading import Event, Thread

import numpy as np
import pylsl

from rt_ner.core.arrays import AnyArray, Float32Array, FloatArray
from rt_ner.core.clock import NS_PER_S, ns_from_ms, s_from_ns
from rt_ner.core.contract.kinds import Kind
from rt_ner.live.rules.ticks import TickedVelocity
from rt_ner.live.settings import DecodeSettings, VelocitySettings
from rt_ner.lsl.streams import announce, describe, local_now_ns

_PER_CM = {"cm/s": 1.0, "mm/s": 10.0, "m/s": 0.01, "a.u.": 1.0}


# The largest number that both float32 and int32 hold; a larger one would turn negative.
_LARGEST_WHOLE = 2**31 - 128


_FORMATS = {
    "float32": pylsl.cf_float32,
    "double64": pylsl.cf_double64,
    "int32": pylsl.cf_int32,
}


class VelocityOutlet:
    """The velocity stream, with the axes, unit, format and rate that the settings ask for.

    It has one sample per hop; or ``rate_hz`` samples per second of the local clock, each with the
    newest velocity, or zero once that is older than ``stale_ms``, whatever the loop is doing.
    """

    def __init__(self, settings: DecodeSettings, hop_ns: int) -> None:
        wanted = settings.velocity
        self._transform: list[tuple[float, float]] = _transform(wanted).tolist()
        lsl_format = _FORMATS[wanted.format]
        self._is_whole = wanted.format == "int32"
        self.outlet = pylsl.StreamOutlet(_velocity_info(settings, lsl_format, hop_ns), chunk_size=1)
        self._closed = Event()
        self._ticks: TickedVelocity | None = None
        self._thread: Thread | None = None
        if wanted.rate_hz:
            tick_ns, stale_ns = (
                round(NS_PER_S / wanted.rate_hz),
                ns_from_ms(settings.safety.stale_ms),
            )
            self._ticks = TickedVelocity(tick_ns, stale_ns, local_now_ns())
            self._thread = Thread(target=self._tick, args=(self._ticks,), daemon=True)
            self._thread.start()

    def push(self, velocity_cm_s: Float32Array, stamp_ns: int) -> None:
        """Send a velocity, or keep it for the next tick."""
        if self._ticks:
            x_cm_s, y_cm_s = velocity_cm_s.tolist()
            self._ticks.set(x_cm_s, y_cm_s, local_now_ns())
        else:
            self._send(velocity_cm_s, stamp_ns)

    def close(self) -> None:
        """Stop sending."""
        self._closed.set()
        if self._thread:
            self._thread.join()

    def _send(self, velocity_cm_s: AnyArray, stamp_ns: int) -> None:
        self.outlet.push_sample(self._sample(velocity_cm_s), s_from_ns(stamp_ns))

    def warm_caches(self, velocity_cm_s: AnyArray) -> None:
        """Make a sample as if to send it, without sending it."""
        self._sample(velocity_cm_s)

    def _sample(self, velocity_cm_s: AnyArray) -> list[float]:
        # For two numbers, plain Python is several times as fast as arrays.
        x, y = velocity_cm_s.tolist()
        sample = [to_x * x + to_y * y for to_x, to_y in self._transform]
        if self._is_whole:
            return [max(-_LARGEST_WHOLE, min(round(value), _LARGEST_WHOLE)) for value in sample]
        return sample

    def _tick(self, ticks: TickedVelocity) -> None:
        """Send one sample per tick until closed."""
        while not self._closed.wait(s_from_ns(max(ticks.due_ns - local_now_ns(), 0))):
            due_ns, velocity_cm_s = ticks.tick(local_now_ns())
            self._send(np.array(velocity_cm_s), due_ns)


def _transform(wanted: VelocitySettings) -> FloatArray:
    """Return the matrix ``(2, 2)`` that swaps, flips and scales velocity in cm/s for sending."""
    axes = np.eye(2)[[1, 0]] if wanted.swap_xy else np.eye(2)
    signs = np.array([-1.0 if wanted.flip_x else 1.0, -1.0 if wanted.flip_y else 1.0])
    scale = wanted.gain * _PER_CM[wanted.unit]
    matrix: FloatArray = signs[:, None] * axes * scale
    return matrix


def _velocity_info(settings: DecodeSettings, lsl_format: int, hop_ns: int) -> pylsl.StreamInfo:
    """Return the velocity stream's announcement."""
    wanted, source = settings.velocity, settings.output.source
    plain = announce(
        source, Kind.VELOCITY, wanted.labels, wanted.unit, wanted.rate_hz or NS_PER_S / hop_ns
    )
    info = pylsl.StreamInfo(
        wanted.name or plain.name(),
        wanted.type,
        len(wanted.labels),
        pylsl.IRREGULAR_RATE if wanted.irregular else plain.nominal_srate(),
        lsl_format,
        plain.source_id(),
    )
    describe(info, wanted.labels, wanted.unit)
    return info
