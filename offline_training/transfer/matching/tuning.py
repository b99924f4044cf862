"""Compare units of two days by their tuning to reach direction and time in the trial."""

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_MS
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels

# Time resolution of the tuning within a trial.
_STEP_NS = 120 * NS_PER_MS


def tuning_similarity(source: Dataset, target: Dataset) -> FloatArray:
    """Correlate tuning over conditions (direction, time) of both days, ``(source, target)``.

    Silent units, and days without a condition in common, give 0.
    """
    tunings = [_tuning(day) for day in (source, target)]
    common = sorted(tunings[0].keys() & tunings[1].keys())
    ours, theirs = (
        _unit_columns(np.array([tuning[condition] for condition in common]).reshape(-1, n_units))
        for tuning, n_units in zip(
            tunings, (source.windows.shape[2], target.windows.shape[2]), strict=True
        )
    )
    similarity: FloatArray = ours.T @ theirs
    return similarity


def _tuning(day: Dataset) -> dict[tuple[float, int], FloatArray]:
    """Return the mean square-root count ``(unit,)`` in the newest bin per direction and step."""
    root = np.sqrt(day.windows[:, -1].astype(np.float64))
    conditions = np.stack([day.labels.direction_deg, _steps_in_trial(day.labels)], axis=1)
    unique, row = np.unique(conditions, axis=0, return_inverse=True)
    means = [root[row == index].mean(axis=0) for index in range(len(unique))]
    return {
        (float(direction), int(step)): mean
        for (direction, step), mean in zip(unique, means, strict=True)
    }


def _steps_in_trial(labels: Labels) -> Int64Array:
    """Return each hop's time step since the first labelled hop of its trial."""
    _, first_hop, trial = np.unique(labels.trial, return_index=True, return_inverse=True)
    return (labels.end_ns - labels.end_ns[first_hop][trial]) // _STEP_NS


def _unit_columns(values: FloatArray) -> FloatArray:
    """Centre columns and scale them to unit length; constant columns become zero."""
    centred = values - values.mean(axis=0) if len(values) else values
    length = np.linalg.norm(centred, axis=0)
    columns: FloatArray = centred / np.where(length > 1e-9, length, np.inf)
    return columns
