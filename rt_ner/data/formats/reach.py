"""The reach layout: counts per trial, as arrays of a NumPy archive or MATLAB file.

``counts_AREA`` is ``(trial, bin, unit)``, ``velocity`` ``(trial, bin, 2)`` in cm/s,
``direction_deg`` ``(trial,)``; ``bin_s`` and ``pad_bins`` are numbers.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.counts import checked_counts
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.data.session.trials import Trials

REACH_ARRAYS = "the arrays counts_AREA, velocity, direction_deg, bin_s and pad_bins"
_COUNTS = "counts_"


def reach_areas(arrays: Mapping[str, AnyArray]) -> tuple[str, ...]:
    """Return the areas that have counts."""
    return tuple(name.removeprefix(_COUNTS) for name in arrays if name.startswith(_COUNTS))


def reach_session(arrays: Mapping[str, AnyArray], area: str | None, path: Path) -> Session:
    """Join the trials end to end into a session; every unit is a channel.

    Velocity is known in all bins except ``pad_bins`` at either end of a trial. The go cue is at
    the start of the first bin with a velocity.
    """
    areas = reach_areas(arrays)
    chosen = areas[0] if area is None else area
    if chosen not in areas:
        raise SessionError(f"no area '{chosen}': this session holds {', '.join(areas)}")
    counts = checked_counts(arrays[_COUNTS + chosen])
    n_trials, n_bins, n_units = counts.shape
    pad, bin_ns = int(arrays["pad_bins"]), round(float(arrays["bin_s"]) * NS_PER_S)
    velocity = arrays["velocity"].astype(np.float64)
    direction_deg = arrays["direction_deg"].astype(np.float64)
    if velocity.shape != (n_trials, n_bins - 2 * pad, 2) or direction_deg.shape != (n_trials,):
        raise SessionError(
            f"velocity {velocity.shape} and direction_deg {direction_deg.shape} don't fit counts "
            f"{counts.shape} with {pad} pad bins"
        )
    start_ns = np.arange(n_trials, dtype=np.int64) * n_bins * bin_ns
    return Session(
        name=path.stem,
        area=chosen,
        channel_ids=tuple(f"{chosen}-{unit + 1:03d}" for unit in range(n_units)),
        spikes=SpikeCounts(counts.reshape(-1, n_units), bin_ns),
        behaviour=_kinematics(start_ns, velocity, pad, bin_ns),
        trials=Trials(
            start_ns=start_ns,
            go_ns=start_ns + pad * bin_ns,
            end_ns=start_ns + n_bins * bin_ns,
            direction_deg=direction_deg,
            # The file has no targets: the end point of each reach stands for its target.
            target_cm=velocity.sum(axis=1) * (bin_ns / NS_PER_S),
        ),
        provenance={"file": path.name, "layout": "reach"},
    )


def _kinematics(start_ns: Int64Array, velocity: FloatArray, pad: int, bin_ns: int) -> Behaviour:
    """Return all trials' velocities, stamped at the ends of their bins."""
    n_known = velocity.shape[1]
    bin_end_ns = start_ns[:, None] + np.arange(pad + 1, pad + n_known + 1) * bin_ns
    return Behaviour(bin_end_ns.ravel(), velocity.reshape(-1, 2))
