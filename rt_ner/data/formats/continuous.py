"""The continuous layout: counts and behaviour of consecutive bins, as arrays of a NumPy archive.

``counts`` is ``(bin, channel)`` and ``bin_s`` a number. Behaviour is ``(bin, axis)``, each value at
the *start* of its bin: ``velocity_cm_s``, ``cursor_cm``, ``hand_cm``, ``force`` (any unit),
``joint_deg``; one of them is enough. ``channel`` may number the channels.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.outputs import Output, OutputKind
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.counts import checked_counts
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts

CONTINUOUS_ARRAYS = (
    "the arrays counts, bin_s and one of velocity_cm_s, cursor_cm, hand_cm, force, joint_deg"
)
TRIALS_UNUSED = "trials in files of the continuous layout are ignored: the whole recording is used"
# Array, first part of its outputs' names, unit and kind.
_BEHAVIOUR = (
    ("velocity_cm_s", "v", "cm/s", OutputKind.VELOCITY),
    ("cursor_cm", "cursor_", "cm", OutputKind.POSITION),
    ("hand_cm", "hand_", "cm", OutputKind.POSITION),
    ("force", "force_", "a.u.", OutputKind.FORCE),
    ("joint_deg", "joint_", "deg", OutputKind.ANGLE),
)
_AXES = "xyz"
_AREA = "array"


def is_continuous(arrays: Mapping[str, AnyArray]) -> bool:
    """Return True if an archive has the continuous layout."""
    return {"counts", "bin_s"} <= arrays.keys() and any(name in arrays for name, *_ in _BEHAVIOUR)


def continuous_session(arrays: Mapping[str, AnyArray], area: str | None, path: Path) -> Session:
    """Return the session of an archive in the continuous layout, without trials."""
    if area not in (None, _AREA):
        raise SessionError(f"no area '{area}': this file does not name areas; leave out --area")
    counts = checked_counts(arrays["counts"])
    if counts.ndim != 2:
        raise SessionError(f"counts has shape {counts.shape}, expected (bin, channel)")
    bin_ns = round(float(arrays["bin_s"]) * NS_PER_S)
    numbers = arrays.get("channel", np.arange(1, counts.shape[1] + 1))
    return Session(
        name=path.stem,
        area=_AREA,
        channel_ids=tuple(f"elec{int(number):03d}" for number in numbers),
        spikes=SpikeCounts(counts, bin_ns),
        behaviour=_behaviour(arrays, len(counts), bin_ns),
        provenance={"file": path.name, "layout": "continuous"},
    )


def _behaviour(arrays: Mapping[str, AnyArray], n_bins: int, bin_ns: int) -> Behaviour:
    """Return all behaviour of an archive."""
    outputs: list[Output] = []
    values: list[FloatArray] = []
    for array, prefix, unit, kind in _BEHAVIOUR:
        if array not in arrays:
            continue
        columns = arrays[array].astype(np.float64).reshape(len(arrays[array]), -1)
        if len(columns) != n_bins:
            raise SessionError(f"{array} has {len(columns)} rows, counts has {n_bins} bins")
        axes = _AXES if columns.shape[1] <= len(_AXES) else [*map(str, range(columns.shape[1]))]
        outputs += [Output(f"{prefix}{axes[k]}", unit, kind) for k in range(columns.shape[1])]
        values.append(columns)
    time_ns = np.arange(n_bins, dtype=np.int64) * bin_ns
    return Behaviour(time_ns, np.concatenate(values, axis=1), tuple(outputs))
