"""Spike counts, as a file's numbers give them: counts, or rates that were made of counts."""

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.errors import SessionError

# Rates times the bin's length may be off a whole number by this, through rounding.
_ROUNDING = 1e-3
_MOST = 255


def checked_counts(counts: AnyArray) -> npt.NDArray[np.uint8]:
    """Return counts as bytes. Raise SessionError if they can't be spike counts."""
    known = counts[np.isfinite(counts)] if counts.dtype.kind == "f" else counts
    if known.size < counts.size:
        raise SessionError(
            f"counts hold {counts.size - known.size:,} NaN or infinite values: expected whole "
            "numbers from 0 to 255; remove these bins or channels first"
        )
    whole = counts.astype(np.uint8)
    if not np.array_equal(whole, counts):
        low, high = (float(edge) for edge in (known.min(), known.max()))
        raise SessionError(
            f"counts are not whole numbers from 0 to {_MOST}, but from {low:g} to {high:g}: they "
            "can't be spike counts; if they were smoothed, give the counts before smoothing"
        )
    return whole


def counts_of(values: AnyArray, bin_s: float) -> tuple[npt.NDArray[np.uint8], str]:
    """Return counts of values ``(bin, unit)`` that are counts or rates in Hz, and a note.

    Rates are whole counts once multiplied by the bin's length. Raise SessionError if values are
    neither.
    """
    made: FloatArray = np.asarray(values, dtype=np.float64) * bin_s
    whole = np.rint(made)
    are_rates = bin_s < 1.0 and made.any() and bool((np.abs(made - whole) < _ROUNDING).all())
    if not are_rates:
        return checked_counts(np.asarray(values)), ""
    if whole.max() > _MOST:
        raise SessionError(
            f"rates of {values.max():g} Hz: expected at most {_MOST} spikes in a bin of {bin_s:g} s"
        )
    note = f"spikes are rates in Hz: multiplied by the bin's length of {bin_s * 1000:g} ms"
    return checked_counts(whole), note
