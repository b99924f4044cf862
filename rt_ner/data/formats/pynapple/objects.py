"""Find the package pynapple, and define the objects and columns that stand for a session."""

from importlib import import_module
from typing import Any, NamedTuple

from rt_ner.core.errors import SessionError

# Columns of metadata besides those that our NWB files have too: pynapple reads their tables.
UNIT_OF_OUTPUT, KIND_OF_OUTPUT = "unit", "kind"
GO_COLUMN = "go_cue_time"
TARGET_COLUMNS = ("target_x_cm", "target_y_cm")
# Intervals of pynapple never touch: it takes so much, in ns, from the end of one that would.
APART_NS = 1000


class PynappleObjects(NamedTuple):
    """A session as objects of pynapple; all times in s since the session's start.

    Attributes
    ----------
    spikes : TsGroup or TsdFrame
        Spike times of each unit, with the columns ``channel`` and ``unit_name``; a channel without
        units has one without a name, which never fires. Or counts, each row at the middle of its
        bin, with a column per channel. The time support is the time in which spikes were recorded.
    behaviour : TsdFrame
        Values of each output, with its unit and kind as metadata.
    trials : IntervalSet, optional
        Reaches, with the columns ``go_cue_time`` (s), ``direction_deg``, ``target_x_cm`` and
        ``target_y_cm``; None for a recording without trials. Where one trial begins as another
        ends, pynapple wants the end a microsecond earlier.
    support : IntervalSet
        Time in which spikes were recorded, without the gaps.

    """

    spikes: Any
    behaviour: Any
    trials: Any
    support: Any


def pynapple() -> Any:
    """Return the package. Raise SessionError with the remedy if it is not installed."""
    try:
        return import_module("pynapple")
    except ImportError as error:
        raise SessionError(
            f"pynapple's objects need that package ({error}): pip install 'rt-ner[pynapple]'"
        ) from error
