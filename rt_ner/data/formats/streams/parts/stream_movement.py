"""Movement of a recorded stream: the velocity that it holds, or that of its position."""

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NEVER_NS, NS_PER_S
from rt_ner.core.contract.kinds import CLICK_LABEL
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, OutputKind
from rt_ner.core.errors import StreamError
from rt_ner.data.formats.streams.samples import Samples
from rt_ner.data.formats.streams.stream_info import StreamInfo
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.decoding.timing.recorded import sample_times_ns

# If the true rate is off the announced one by more, the stamps alone say when samples were taken.
_RATE_ERROR = 0.04
_PAUSE_NS = NS_PER_S


def kinematics_of(
    movement: StreamInfo, samples: Samples, origin_ns: int
) -> tuple[Behaviour | None, list[str]]:
    """Return the velocity from ``origin_ns`` on, and warnings; None if nothing is left.

    A hand's button is kept too, as the column ``click``, if it was ever pressed.
    """
    times_ns, velocity_cm_s, warnings = _velocity(movement, samples)
    outputs: tuple[Output, ...] = VELOCITY_XY
    if CLICK_LABEL in movement.columns and (pressed := _button(movement, samples)).any():
        outputs = (*VELOCITY_XY, Output(CLICK_LABEL, "", OutputKind.OTHER))
        velocity_cm_s = np.column_stack([velocity_cm_s, pressed])
    kept = np.isfinite(velocity_cm_s).all(axis=1) & (times_ns >= origin_ns)
    if n_lost := int((~kept).sum()):
        warnings.append(f"samples of '{movement.name}' without a value, left out: {n_lost:,}")
    if not kept.any():
        return None, warnings
    return Behaviour(times_ns[kept] - origin_ns, velocity_cm_s[kept], outputs), warnings


def _velocity(movement: StreamInfo, samples: Samples) -> tuple[Int64Array, FloatArray, list[str]]:
    """Return times and velocity in cm/s of a stream of velocity or position, and warnings."""
    is_velocity = "vx" in movement.columns
    columns = [movement.columns[label] for label in (("vx", "vy") if is_velocity else ("x", "y"))]
    values = np.asarray(samples.values, dtype=np.float64)[:, columns]
    values *= movement.cm_per_unit or 1.0
    times_ns, first = _distinct_times(movement, samples)
    warnings = []
    if n_same := len(values) - len(times_ns):
        warnings.append(
            f"samples of '{movement.name}' with the same time as another, left out: {n_same:,}"
        )
    values = values[first]
    if not is_velocity:
        values = np.gradient(values, times_ns / NS_PER_S, axis=0)
        warnings.append(f"velocity is the derivative of '{movement.name}'")
    if movement.cm_per_unit is None:
        unit = "cm/s" if is_velocity else "cm"
        warnings.append(f"'{movement.name}' has no known unit: assumed to be {unit}")
    return times_ns, values, warnings


def _button(movement: StreamInfo, samples: Samples) -> FloatArray:
    """Return the button of a hand at each distinct time, ``(sample,)``."""
    _, first = _distinct_times(movement, samples)
    pressed: FloatArray = np.asarray(samples.values, dtype=np.float64)[
        :, movement.columns[CLICK_LABEL]
    ]
    return pressed[first]


def _distinct_times(movement: StreamInfo, samples: Samples) -> tuple[Int64Array, Int64Array]:
    """Return the times in order, and the first sample at each."""
    return np.unique(_times_ns(movement, samples.stamps_ns), return_index=True)


def _times_ns(movement: StreamInfo, stamps_ns: Int64Array) -> Int64Array:
    """Return the time of each sample: that of a regular stream as live, else as it was stamped."""
    if not movement.rate_hz or stamps_ns.size < 2:
        return stamps_ns
    period_ns = NS_PER_S / movement.rate_hz
    step_ns = np.diff(stamps_ns)
    going_on = np.abs(step_ns) < _PAUSE_NS
    if not going_on.any() or abs(step_ns[going_on].mean() / period_ns - 1.0) > _RATE_ERROR:
        return stamps_ns
    try:
        times_ns = sample_times_ns(stamps_ns, period_ns)
    except StreamError:
        return stamps_ns
    return np.where(times_ns == NEVER_NS, stamps_ns, times_ns)
