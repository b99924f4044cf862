"""Doubts about a recording: values that no subject, array or amplifier gives."""

from collections.abc import Iterator

import numpy as np

from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.outputs import VELOCITY_XY
from rt_ner.data.formats.common.trials.directions import AGREES, FEWEST_REACHES, way_deg
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.data.summary import rates_hz

# A hand that reaches, or the cursor that it moves, is so fast in cm/s at its fastest.
_SLOWEST_CM_S, _FASTEST_CM_S = 1.0, 1000.0
# A channel fires at most so often in Hz, and a bin is at most so long in s.
_FASTEST_HZ, _LONGEST_BIN_S = 1000.0, 1.0
# Labels and movement that differ by more degrees throughout are told.
_TOLD_DEG = 20.0


def doubts(recording: RecordingFile) -> list[str]:
    """Return what looks wrong with a recording, one line each, with the likeliest reason."""
    return [*_of_speed(recording), *_of_spikes(recording), *_of_directions(recording)]


def _of_speed(recording: RecordingFile) -> Iterator[str]:
    behaviour = recording.behaviour
    if behaviour is None or behaviour.outputs != VELOCITY_XY:
        return
    fast_cm_s = float(np.percentile(np.hypot(*behaviour.values.T), 99))
    if not _SLOWEST_CM_S <= fast_cm_s <= _FASTEST_CM_S:
        yield (
            f"the 99th percentile of speed is {fast_cm_s:.3g} cm/s, expected {_SLOWEST_CM_S:g} to "
            f"{_FASTEST_CM_S:g}: check the unit of the movement (m, mm, pixels?)"
        )


def _of_spikes(recording: RecordingFile) -> Iterator[str]:
    fast = rates_hz(recording)
    if fast.size and fast.max() > _FASTEST_HZ:
        channel = recording.channel_ids[int(fast.argmax())]
        yield (
            f"{channel} fires {fast.max():,.0f} spikes per second, expected at most "
            f"{_FASTEST_HZ:,.0f}: check that spikes are counts (not rates), and the bins' length"
        )
    spikes = recording.spikes
    if isinstance(spikes, SpikeCounts) and spikes.bin_ns > _LONGEST_BIN_S * NS_PER_S:
        yield (
            f"bins are {spikes.bin_ns / NS_PER_S:g} s long, expected at most {_LONGEST_BIN_S:g} s: "
            "check the bins' unit (ms?)"
        )


def _of_directions(recording: RecordingFile) -> Iterator[str]:
    trials, behaviour = recording.trials, recording.behaviour
    if trials is None or trials.are_blocks or behaviour is None or trials.n_directions < 2:
        return
    if behaviour.outputs != VELOCITY_XY:
        return
    turn = np.deg2rad(way_deg(trials.go_ns, trials.end_ns, behaviour) - trials.direction_deg)
    turn = turn[np.isfinite(turn)]
    if turn.size < FEWEST_REACHES:
        return
    mean = np.exp(1j * turn).mean()
    if abs(mean) < AGREES:
        yield (
            f"reaches went {np.rad2deg(np.abs(np.angle(np.exp(1j * turn)))).mean():.0f}° off their "
            "directions on average: check the directions, and the axes of the movement"
        )
    elif abs(off_deg := float(np.rad2deg(np.angle(mean)))) > _TOLD_DEG:
        side = "counterclockwise" if off_deg > 0 else "clockwise"
        yield (
            f"reaches went {abs(off_deg):.0f}° {side} of their directions throughout: check that "
            "both have the same axes"
        )
