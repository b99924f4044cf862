"""Record the streams of a decoder and a replay, as an ordinary LSL client."""

from dataclasses import dataclass

import numpy as np
import pylsl

from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.contract.markers import SESSION_END, SESSION_ZERO
from rt_ner.core.errors import StreamError
from rt_ner.lsl.discovery import find_stream, query_for
from rt_ner.system.processes import ChildProcess

_CONNECT_S = 30.0
_PULL_S = 0.05
_MAX_SAMPLES = 64


@dataclass(frozen=True, eq=False)
class Heard:
    """All samples that were received; stamps are in LSL seconds, as sent."""

    output_s: FloatArray
    values: Float32Array
    received_s: FloatArray
    latent_s: FloatArray
    latent: Float32Array
    timing_s: FloatArray
    timing: FloatArray
    pushed_s: FloatArray
    pushed_at_s: FloatArray
    states: list[tuple[float, str]]
    session_zero_s: float


class Listener:
    """LSL client of a decoder's streams, and of a replay's once it runs.

    ``output``: kind of the stream of the decoder's outputs.
    """

    def __init__(self, decoder_name: str, decoder: ChildProcess, output: Kind) -> None:
        self._output = output
        self._inlets: dict[Kind, pylsl.StreamInlet] = {}
        self._rows: dict[Kind, list[tuple[float, list[float]]]] = {}
        self._received_s: list[float] = []
        self._states: list[tuple[float, str]] = []
        self._session_zero_s: float | None = None
        self.session_ended = False
        decoder_kinds = (output, Kind.LATENT, Kind.TIMING, Kind.STATE)
        self._connect(decoder_name, decoder_kinds, decoder)

    def connect_replay(self, replay_name: str, replay: ChildProcess) -> None:
        """Open the replay's markers and push times."""
        self._connect(replay_name, (Kind.MARKERS, Kind.PUSHED), replay)

    def _connect(self, name: str, kinds: tuple[Kind, ...], process: ChildProcess) -> None:
        for kind in kinds:
            info = find_stream(query_for(name, kind), _CONNECT_S, process.has_ended)
            if info is None:
                process.finish(0.0)
                raise StreamError(f"'{name}' ended before it announced its stream '{kind}'")
            inlet = pylsl.StreamInlet(info, recover=False)
            inlet.open_stream(_CONNECT_S)
            self._inlets[kind] = inlet
            self._rows[kind] = []

    def listen(self) -> float | None:
        """Wait a moment for the next outputs, then take all that has arrived.

        Returns their stamp in seconds, or None if none came.
        """
        sample, stamp_s = self._inlets[self._output].pull_sample(_PULL_S)
        received_s = pylsl.local_clock()
        if sample is not None:
            self._received_s.append(received_s)
            self._rows[self._output].append((stamp_s, sample))
        for kind in (Kind.LATENT, Kind.TIMING, Kind.PUSHED):
            self._drain(kind)
        self._drain_markers()
        return stamp_s if sample is not None else None

    def _drain(self, kind: Kind) -> None:
        samples, stamps_s = self._inlets[kind].pull_chunk(0.0, _MAX_SAMPLES)
        self._rows[kind] += zip(stamps_s, samples, strict=True)

    def _drain_markers(self) -> None:
        for sample, stamp_s in _pulled(self._inlets[Kind.STATE]):
            self._states.append((stamp_s, sample))
        for sample, stamp_s in _pulled(self._inlets[Kind.MARKERS]):
            if sample == SESSION_ZERO:
                self._session_zero_s = stamp_s
            self.session_ended |= sample == SESSION_END

    def heard(self) -> Heard:
        """Return all that was received so far; StreamError if the replay never began."""
        if self._session_zero_s is None:
            raise StreamError("the replay never began: see the logs in the demo's output folder")
        output_s, values = self._columns(self._output)
        latent_s, latent = self._columns(Kind.LATENT)
        timing_s, timing = self._columns(Kind.TIMING)
        pushed_s, pushed_at = self._columns(Kind.PUSHED)
        return Heard(
            output_s,
            values.astype(np.float32),
            np.array(self._received_s),
            latent_s,
            latent.astype(np.float32),
            timing_s,
            timing,
            pushed_s,
            pushed_at[:, 0],
            self._states,
            self._session_zero_s,
        )

    def _columns(self, kind: Kind) -> tuple[FloatArray, FloatArray]:
        rows = self._rows[kind]
        if not rows:
            raise StreamError(f"nothing came from the stream '{kind}': is the decoder running?")
        return np.array([stamp_s for stamp_s, _ in rows]), np.array([row for _, row in rows])


def _pulled(inlet: pylsl.StreamInlet) -> list[tuple[str, float]]:
    pulled = []
    while (sample := inlet.pull_sample(0.0))[0] is not None:
        pulled.append((sample[0][0], sample[1]))
    return pulled
