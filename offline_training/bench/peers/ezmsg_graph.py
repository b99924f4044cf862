"""Decode with ezmsg: its LSL inlet, a unit that decodes, and its LSL outlet."""

import signal
from collections.abc import AsyncGenerator
from threading import Event

import ezmsg.core as ez
import numpy as np
import pylsl
from ezmsg.lsl.units import (
    LSLInfo,
    LSLInletSettings,
    LSLInletUnit,
    LSLOutletSettings,
    LSLOutletUnit,
)
from ezmsg.util.messages.axisarray import AxisArray

from offline_training.bench.peers.job import VELOCITY_TYPE, Hops, Job


class DecodeSettings(ez.Settings):
    """Settings of the decoding unit."""

    n_channels: int
    hop_ns: int


class DecodeState(ez.State):
    """State of the decoding unit between messages."""

    job: Job
    hops: Hops


class Decode(ez.Unit):
    """Unit that takes counts and sends a velocity at the end of each hop."""

    SETTINGS = DecodeSettings
    STATE = DecodeState
    INPUT = ez.InputStream(AxisArray)
    OUTPUT = ez.OutputStream(AxisArray)

    async def initialize(self) -> None:
        """Build the network."""
        self.STATE.job = Job(self.SETTINGS.n_channels)
        self.STATE.hops = Hops(self.SETTINGS.n_channels, self.SETTINGS.hop_ns)

    @ez.subscriber(INPUT)
    @ez.publisher(OUTPUT)
    async def decode(self, message: AxisArray) -> AsyncGenerator[tuple[ez.OutputStream, AxisArray]]:
        """Decode the samples of a message."""
        time_axis = message.axes["time"]
        for row, sample in enumerate(message.data):
            stamp_s = float(time_axis.value(row))
            counts = self.STATE.hops.take(sample, stamp_s)
            if counts is None:
                continue
            velocity = self.STATE.job.take(counts)[None]
            # With a regular axis, the outlet would stamp samples with the end of their period.
            time = AxisArray.CoordinateAxis(data=np.array([stamp_s]), dims=["time"], unit="s")
            yield self.OUTPUT, AxisArray(velocity, dims=["time", "ch"], axes={"time": time})


def run_ezmsg(source_id: str, name: str, n_channels: int, hop_ns: int, stop: Event) -> None:
    """Decode until ``stop`` is set."""
    (info,) = pylsl.resolve_byprop("source_id", source_id, 1, 60.0)
    parts = {
        "INLET": LSLInletUnit(
            LSLInletSettings(
                info=LSLInfo(name=info.name(), type=info.type()),
                use_lsl_clock=True,
                processing_flags=pylsl.proc_none,
            )
        ),
        "DECODE": Decode(DecodeSettings(n_channels=n_channels, hop_ns=hop_ns)),
        "OUTLET": LSLOutletUnit(
            LSLOutletSettings(stream_name=name, stream_type=VELOCITY_TYPE, assume_lsl_clock=True)
        ),
    }
    wires = (
        (parts["INLET"].OUTPUT_SIGNAL, parts["DECODE"].INPUT),
        (parts["DECODE"].OUTPUT, parts["OUTLET"].INPUT_SIGNAL),
    )
    # ezmsg ends on Python's own keyboard interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not stop.is_set():
        ez.run(components=parts, connections=wires)
