"""Send outputs in the form that the cursor program needs, and announce the classes."""

from collections.abc import Callable, Sequence
from threading import Event, Thread

import numpy as np
import pylsl

from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.core.clock import NS_PER_S, ns_from_ms, s_from_ns
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, held_at_rest, stream_of
from rt_ner.decoding.readouts.classifier import Classifier
from rt_ner.live.rules.ticks import TickedOutputs
from rt_ner.live.settings import DecodeSettings, VelocitySettings
from rt_ner.lsl.sending.outlet import open_sender
from rt_ner.lsl.streams import announce, describe, local_now_ns

_PROBABILITY = "probability"
_PER_CM = {"cm/s": 1.0, "mm/s": 10.0, "m/s": 0.01, "a.u.": 1.0}


# The largest number that both float32 and int32 hold; a larger one would turn negative.
_LARGEST_WHOLE = 2**31 - 128


_FORMATS = {
    "float32": pylsl.cf_float32,
    "double64": pylsl.cf_double64,
    "int32": pylsl.cf_int32,
}


class OutputOutlet:
    """The stream of outputs, with the axes, unit, format and rate that the settings ask for.

    It has one sample per hop; or ``rate_hz`` samples per second of the local clock, each with the
    newest outputs, or those at rest once they are older than ``stale_ms``, whatever the loop is
    doing. A velocity along x and y is the stream ``velocity``; anything else is ``output``.
    ``alarm`` is called with a sentence on each client that is cut off, from a thread of its own.
    """

    def __init__(
        self,
        settings: DecodeSettings,
        hop_ns: int,
        alarm: Callable[[str], object],
        outputs: tuple[Output, ...] = VELOCITY_XY,
    ) -> None:
        wanted = settings.velocity
        self._transform: list[tuple[float, ...]] = _transform(wanted, outputs).tolist()
        lsl_format = _FORMATS[wanted.format]
        self._is_whole = wanted.format == "int32"
        info = _stream_info(settings, lsl_format, hop_ns, outputs)
        self.outlet = open_sender(info, settings.output.at_once, alarm)
        self._closed = Event()
        self._ticks: TickedOutputs | None = None
        self._thread: Thread | None = None
        if wanted.rate_hz:
            tick_ns = round(NS_PER_S / wanted.rate_hz)
            stale_ns = ns_from_ms(settings.safety.stale_ms)
            is_held = held_at_rest(outputs, settings.safety.hold)
            self._ticks = TickedOutputs(tick_ns, stale_ns, local_now_ns(), is_held)
            self._thread = Thread(target=self._tick, args=(self._ticks,), daemon=True)
            self._thread.start()

    def push(self, values: Float32Array, stamp_ns: int) -> None:
        """Send outputs, or keep them for the next tick."""
        if self._ticks:
            self._ticks.set(tuple(values.tolist()), local_now_ns())
        else:
            self._send(values.tolist(), stamp_ns)

    def close(self) -> None:
        """Stop sending."""
        self._closed.set()
        if self._thread:
            self._thread.join()

    def _send(self, values: Sequence[float], stamp_ns: int) -> None:
        self.outlet.push_sample(self._sample(values), s_from_ns(stamp_ns))

    def warm_caches(self, values: Float32Array) -> None:
        """Make a sample as if to send it, without sending it."""
        self._sample(values.tolist())

    def _sample(self, values: Sequence[float]) -> list[float]:
        # For a few numbers, plain Python is several times as fast as arrays.
        sample = [
            sum([factor * value for factor, value in zip(row, values, strict=True)])  # noqa: C419
            for row in self._transform
        ]
        if self._is_whole:
            return [max(-_LARGEST_WHOLE, min(round(value), _LARGEST_WHOLE)) for value in sample]
        return sample

    def _tick(self, ticks: TickedOutputs) -> None:
        """Send one sample per tick until closed."""
        while not self._closed.wait(s_from_ns(max(ticks.due_ns - local_now_ns(), 0))):
            due_ns, values = ticks.tick(local_now_ns())
            self._send(values, due_ns)


def open_classes(
    settings: DecodeSettings, classifier: Classifier, hop_ns: int
) -> pylsl.StreamOutlet:
    """Announce the stream of the classes' probabilities under the name of the settings; open it."""
    plain = announce(
        settings.output.source,
        Kind.CLASSES,
        classifier.classes,
        _PROBABILITY,
        NS_PER_S / hop_ns,
    )
    info = pylsl.StreamInfo(
        settings.classes.name or plain.name(),
        settings.classes.type,
        len(classifier.classes),
        plain.nominal_srate(),
        plain.channel_format(),
        plain.source_id(),
    )
    describe(info, classifier.classes, _PROBABILITY, classifier.of)
    return pylsl.StreamOutlet(info, chunk_size=1)


def _transform(wanted: VelocitySettings, outputs: tuple[Output, ...]) -> FloatArray:
    """Return the matrix ``(output, output)`` that swaps, flips and scales a velocity for sending.

    Other outputs are sent as they are.
    """
    if outputs != VELOCITY_XY:
        return np.eye(len(outputs))
    axes = np.eye(2)[[1, 0]] if wanted.swap_xy else np.eye(2)
    signs = np.array([-1.0 if wanted.flip_x else 1.0, -1.0 if wanted.flip_y else 1.0])
    scale = wanted.gain * _PER_CM[wanted.unit]
    matrix: FloatArray = signs[:, None] * axes * scale
    return matrix


def _stream_info(
    settings: DecodeSettings, lsl_format: int, hop_ns: int, outputs: tuple[Output, ...]
) -> pylsl.StreamInfo:
    """Return the stream's announcement."""
    wanted, source = settings.velocity, settings.output.source
    is_velocity = outputs == VELOCITY_XY
    labels = wanted.labels if is_velocity else [output.name for output in outputs]
    plain = announce(
        source, stream_of(outputs), labels, wanted.unit, wanted.rate_hz or NS_PER_S / hop_ns
    )
    info = pylsl.StreamInfo(
        wanted.name or plain.name(),
        wanted.type if is_velocity else plain.type(),
        len(labels),
        pylsl.IRREGULAR_RATE if wanted.irregular else plain.nominal_srate(),
        lsl_format,
        plain.source_id(),
    )
    if is_velocity:
        describe(info, labels, wanted.unit)
    else:
        units, kinds = ([str(output[column]) for output in outputs] for column in (1, 2))
        describe(info, labels, units, kinds)
    return info
