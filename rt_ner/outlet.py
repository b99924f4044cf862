"""Outlet: what the decoder says to the rest of the rig, as four LSL streams."""

from threading import Event

import numpy as np

from rt_ner.clock import s_from_ns
from rt_ner.decoder import DecoderModel
from rt_ner.messages import Decoded
from rt_ner.streams import TIMING_LABELS, Kind, open_outlet

_LINGER_S = 0.2


class DecoderOutlets:
    """Velocity, latent, timing and state of one decoder, announced under ``source``."""

    def __init__(self, source: str, model: DecoderModel) -> None:
        hop_ns = model.window.hop_ns
        latents = [f"z{dimension + 1}" for dimension in range(len(model.readout.matrix))]
        unit = model.readout.unit
        self._velocity = open_outlet(source, Kind.VELOCITY, ["vx", "vy"], unit, hop_ns)
        self._latent = open_outlet(source, Kind.LATENT, latents, "a.u.", hop_ns)
        self._timing = open_outlet(source, Kind.TIMING, TIMING_LABELS, "seconds", hop_ns)
        self._state = open_outlet(source, Kind.STATE, ["state"], "", None)
        self._zero = np.zeros(2, dtype=np.float32)

    def push_velocity(self, decoded: Decoded) -> None:
        """Send the velocity of a hop: first, because the cursor waits for it."""
        self._velocity.push_sample(decoded.velocity, s_from_ns(decoded.end_ns))

    def push_latent(self, decoded: Decoded) -> None:
        """Send the latent of a hop."""
        self._latent.push_sample(decoded.latent, s_from_ns(decoded.end_ns))

    def push_timing(self, end_ns: int, values: list[float]) -> None:
        """Send a hop's stage stamps (s) and running counts, in the order of `TIMING_LABELS`."""
        self._timing.push_sample(values, s_from_ns(end_ns))

    def push_zero_velocity(self, stamp_ns: int) -> None:
        """Stop the cursor, outside of the hops."""
        self._velocity.push_sample(self._zero, s_from_ns(stamp_ns))

    def linger(self) -> None:
        """Wait until what was pushed last has left: closing a stream cuts it off."""
        Event().wait(_LINGER_S)

    def push_state(self, state: str, stamp_ns: int) -> None:
        """Send a change of state."""
        self._state.push_sample([state], s_from_ns(stamp_ns))
