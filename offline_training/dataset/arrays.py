"""Make a dataset from plain arrays of counts, outputs, direction and trial."""

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_array

from rt_ner.core.arrays import AnyArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.contract.outputs import MOST_OUTPUTS, VELOCITY_XY, Output, OutputKind
from rt_ner.offline.dataset import Dataset, windows_of
from rt_ner.offline.labels import Labels

# Labels need times. Only their order matters, because targets of the training are standardised.
ROW_NS = 30 * NS_PER_MS


def training_rows(counts: AnyArray, labels: Labels, history_bins: int) -> Dataset:
    """Return the rows in trials that have a full history; ValueError if they are too few."""
    n_rows, n_before = len(counts), history_bins - 1
    if n_rows < history_bins + 1:
        raise ValueError(
            f"n_samples = {n_rows}: expected {history_bins + 1} rows or more for history_bins = "
            f"{history_bins}"
        )
    has_history = np.arange(n_rows) >= n_before
    whole = Dataset(windows_of(counts, history_bins), labels.where(has_history))
    dataset = whole.where(whole.labels.trial >= 0)
    if not len(dataset.labels):
        raise ValueError("trial: no row with a full history lies in a trial; lower history_bins")
    if not np.ptp(dataset.labels.values, axis=0).any():
        raise ValueError("y never changes: there is nothing to decode")
    return dataset


def unlabelled_rows(counts: AnyArray, history_bins: int) -> Dataset:
    """Return all rows; the history before the first is filled with copies of the first."""
    before = np.repeat(counts[:1], history_bins - 1, axis=0)
    windows = windows_of(np.concatenate([before, counts]), history_bins)
    return Dataset(windows, labels_of(np.zeros(len(counts)), None, None))


def labels_of(
    velocity: FloatArray, direction_deg: npt.ArrayLike | None, trial: npt.ArrayLike | None
) -> Labels:
    """Return the labels of all rows; ValueError if the arrays don't fit together.

    One or two columns are a velocity, more are outputs of any kind, each with a scale of its own.
    """
    n_rows = len(velocity)
    columns = velocity.reshape(n_rows, -1)
    n_columns = columns.shape[1]
    if n_columns > MOST_OUTPUTS:
        raise ValueError(f"y has {n_columns} columns: expected 1 to {MOST_OUTPUTS}")
    outputs: tuple[Output, ...] = VELOCITY_XY
    if n_columns > len(VELOCITY_XY):
        outputs = tuple(Output(f"y{k}", "", OutputKind.OTHER) for k in range(n_columns))
    values = np.zeros((n_rows, len(outputs)))
    values[:, :n_columns] = columns
    direction = np.zeros(n_rows) if direction_deg is None else _column(direction_deg, n_rows)
    end_ns = np.arange(1, n_rows + 1, dtype=np.int64) * ROW_NS
    return Labels(end_ns, values, direction, _trials(trial, n_rows), outputs)


def _trials(trial: npt.ArrayLike | None, n_rows: int) -> Int64Array:
    """Return each row's trial, numbered in order; −1 between trials."""
    if trial is None:
        return np.zeros(n_rows, dtype=np.int64)
    given = _column(trial, n_rows)
    is_first = np.diff(given, prepend=np.nan) != 0
    names = given[is_first & (given >= 0)]
    if np.unique(names).size < names.size:
        raise ValueError("trial: expected the rows of a trial next to each other")
    return np.where(given >= 0, np.cumsum(is_first) - 1, -1).astype(np.int64)


def _column(values: npt.ArrayLike, n_rows: int) -> FloatArray:
    """Return one finite number per row."""
    column: FloatArray = check_array(values, ensure_2d=False, dtype=np.float64)
    if column.shape != (n_rows,):
        raise ValueError(f"array of shape {column.shape}: expected one number per row, ({n_rows},)")
    return column
