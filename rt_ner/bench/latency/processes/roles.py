"""Play the parts of a latency measurement: relay, sink, drain and load.

Each runs in a process of its own (`rt-ner bench relay`, `rt-ner bench sink`, …), so that what is
measured has the cores that it would have in a rig.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event

import numpy as np
import pylsl

from rt_ner.core.clock import NS_PER_S, ns_from_s
from rt_ner.core.contract.kinds import TIMING_LABELS, Kind
from rt_ner.lsl.discovery import StreamQuery, find_stream, query_for
from rt_ner.lsl.sending.outlet import open_sender
from rt_ner.lsl.streams import announce
from rt_ner.system.processes import tell_parent
from rt_ner.system.scheduling import behind_lsl, no_garbage_collection

_PULL_S = 0.1
_AT_ONCE = 1024


def relay(spikes: StreamQuery, name: str, hop_ns: int, at_once: bool, stop: Event) -> None:
    """Send a velocity as soon as the last sample of a hop comes: the floor of any decoder.

    Shapes, rates and priority are a decoder's, the pull blocks, and nothing is computed.
    ``at_once``: the velocity leaves in the relay's own thread.
    """
    info = announce(name, Kind.VELOCITY, ["vx", "vy"], "cm/s", NS_PER_S / hop_ns)
    outlet = open_sender(info, at_once)
    inlet = _connected(spikes, stop)
    if inlet is None:
        return
    values = np.zeros((_AT_ONCE, inlet.channel_count), dtype=inlet.np_dtype)
    hop = 0
    with no_garbage_collection(), behind_lsl(), suppress(pylsl.util.LostError):
        while not stop.is_set():
            n = min(max(inlet.samples_available(), 1), _AT_ONCE)
            _, stamps_s = inlet.pull_chunk(_PULL_S, n, values, as_numpy=True)
            for stamp_s in stamps_s.tolist():
                if (now := ns_from_s(stamp_s) // hop_ns) > hop:
                    hop = now
                    outlet.push_sample([0.0, 0.0], stamp_s)


def save_times(decoder: str, with_timing: bool, out: Path, stop: Event) -> None:
    """Save the arrival time of each velocity, and the decoder's own stamps of it.

    ``out`` is an .npz with ``received``, rows of stamp and arrival time in s, and ``timing``, rows
    of stamp and `TIMING_LABELS`.
    """
    # By name, because a peer chooses its own source_id.
    types = query_for(decoder, Kind.VELOCITY).lsl_types
    velocity = _connected(StreamQuery(types, name=f"{decoder}-{Kind.VELOCITY}"), stop)
    timing = _connected(query_for(decoder, Kind.TIMING), stop) if with_timing else None
    received: list[tuple[float, float]] = []
    rows: list[list[float]] = []
    with no_garbage_collection(), behind_lsl(), suppress(pylsl.util.LostError):
        while velocity is not None and not stop.is_set():
            sample, stamp_s = velocity.pull_sample(_PULL_S)
            now_s = pylsl.local_clock()
            if sample is None:
                continue
            received.append((stamp_s, now_s))
            if timing is not None:
                values, stamps_s = timing.pull_chunk(0.0, _AT_ONCE)
                rows += ([s, *row] for s, row in zip(stamps_s, values, strict=True))
    np.savez(
        out,
        received=np.array(received).reshape(-1, 2),
        timing=np.array(rows).reshape(-1, 1 + len(TIMING_LABELS)),
    )


def drain(decoder: str, kinds: Sequence[Kind], stop: Event) -> None:
    """Pull streams of a decoder, as a recorder does, until stopped."""
    inlets = [_connected(query_for(decoder, kind), stop) for kind in kinds]
    tell_parent("connected")
    with suppress(pylsl.util.LostError):
        while not stop.wait(_PULL_S):
            for inlet in inlets:
                if inlet is not None:
                    inlet.pull_chunk(0.0, _AT_ONCE)


def load(stop: Event) -> None:
    """Keep a core busy until stopped."""
    while not stop.is_set():
        sum(range(10_000))


def _connected(query: StreamQuery, stop: Event) -> pylsl.StreamInlet | None:
    """Return an open inlet of a stream; None if stopped before there is one."""
    info = find_stream(query, np.inf, stop.is_set)
    if info is None:
        return None
    inlet = pylsl.StreamInlet(info, recover=False)
    inlet.open_stream()
    return inlet
