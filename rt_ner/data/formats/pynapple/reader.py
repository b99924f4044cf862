"""Build a session from objects of pynapple."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.contract.kinds import REPLAY_GRID_NS
from rt_ner.core.contract.names import electrode_names
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, OutputKind, names_of
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.counts import checked_counts
from rt_ner.data.formats.common.spike_trains import merge_trains
from rt_ner.data.formats.from_arrays import behaviour_of
from rt_ner.data.formats.nwb.datasets import CHANNEL_COLUMN, TARGET_COLUMN, UNIT_COLUMN
from rt_ner.data.formats.pynapple.objects import (
    APART_NS,
    KIND_OF_OUTPUT,
    TARGET_COLUMNS,
    UNIT_OF_OUTPUT,
    pynapple,
)
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.gaps import union
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.data.session.trials import UNCUT, Trials

# A row of counts may stand off its place by this part of a bin, through rounding.
_OFF = 0.01


def session_from_pynapple(  # noqa: PLR0913 - a constructor
    spikes: Any,
    behaviour: Any,
    trials: Any = None,
    *,
    epochs: Any = None,
    name: str = "session",
    area: str = "array",
    outputs: Sequence[Output] = (),
    tell: Callable[[str], object] = warnings.warn,
) -> Session:
    """Return a session of pynapple's objects.

    Parameters
    ----------
    spikes : TsGroup or TsdFrame
        Spike times of units. Units with the same text in the column ``channel`` are counted
        together; without that column, each unit is a channel. Or counts in bins, one column per
        channel and each row at the middle of its bin, as ``TsGroup.count`` gives them. Time
        outside of the time support is a gap.
    behaviour : TsdFrame or Tsd
        Values to decode. Rows with NaN are left out.
    trials : IntervalSet, optional
        Reaches, with columns named as in NWB's trials tables: ``go_cue_time``,
        ``direction_deg`` (or ``target_dir``), ``success``. Default: none, and the recording is
        cut into blocks.
    epochs : IntervalSet, optional
        Part of the recording to use. Default: the time support of ``spikes``.
    name, area : str
        Name of the session, and brain area.
    outputs : sequence of Output
        Name, unit and kind of each column of behaviour. Default: from the columns ``unit`` and
        ``kind`` of its metadata; else velocity along x and y in cm/s for two columns ``vx`` and
        ``vy``, or two without names.
    tell : callable, optional
        Called with each note on what was assumed or left out. Default: Python's warnings.

    Returns
    -------
    Session
        The session. Its time is pynapple's, unless anything lies before 0. Counts begin at 0.

    Raises
    ------
    SessionError
        If pynapple is not installed, or the objects are of other types or don't fit together.

    Examples
    --------
    >>> import numpy as np
    >>> import pynapple as nap
    >>> rng = np.random.default_rng(0)
    >>> units = nap.TsGroup({k: nap.Ts(np.sort(rng.uniform(0, 60, 500))) for k in range(3)})
    >>> velocity = nap.TsdFrame(np.arange(1, 6000) * 0.01, rng.normal(size=(5999, 2)))
    >>> session_from_pynapple(units, velocity)
    <Session session array: 3 channels, 20 blocks, 60 s>

    """
    nap = pynapple()
    _check_types(nap, spikes, behaviour, trials)
    if epochs is not None:
        spikes, behaviour = spikes.restrict(epochs), behaviour.restrict(epochs)
    values = np.asarray(behaviour.d, dtype=np.float64).reshape(len(behaviour.t), -1)
    if n_lost := int((~np.isfinite(values).all(axis=1)).sum()):
        tell(f"samples of behaviour without a value, left out: {n_lost:,}")
    read = _units if isinstance(spikes, nap.TsGroup) else _counts
    found = read(spikes, _begin_ns(spikes, behaviour, trials))
    times_s = behaviour.t + found.shift_ns / NS_PER_S
    moved = behaviour_of(times_s, values, outputs or _outputs(behaviour, values.shape[1]))
    reaches = _reaches(trials, moved, found.shift_ns, tell)
    end_ns = max([*moved.time_ns[-1:].tolist(), *reaches.end_ns[-1:].tolist()])
    return Session(
        name=name,
        area=area,
        channel_ids=found.channel_ids,
        spikes=replace(found.spikes, gaps_ns=_gaps_ns(found.recorded_ns, end_ns)),
        behaviour=moved,
        trials=reaches,
    )


class _Found(NamedTuple):
    """Spikes with their channels, the time in which they were recorded, and the shift of time."""

    channel_ids: tuple[str, ...]
    spikes: SpikeTimes | SpikeCounts
    recorded_ns: Int64Array
    shift_ns: int


def _check_types(nap: Any, spikes: Any, behaviour: Any, trials: Any) -> None:
    """Raise SessionError unless these are objects of the types that are read."""
    expected = (
        ("spikes", spikes, (nap.TsGroup, nap.TsdFrame)),
        ("behaviour", behaviour, (nap.TsdFrame, nap.Tsd)),
        ("trials", trials, (nap.IntervalSet,)),
    )
    for what, given, types in expected:
        if not isinstance(given, types) and (given is not None or what != "trials"):
            names = " or ".join(kind.__name__ for kind in types)
            raise SessionError(f"{what}: {type(given).__name__}, expected pynapple's {names}")


def _begin_ns(spikes: Any, behaviour: Any, trials: Any) -> int:
    """Return the time at which the first of the objects begins."""
    begins_s = [*spikes.time_support.start[:1], *behaviour.t[:1]]
    begins_s += [] if trials is None else list(trials.start[:1])
    return round(float(min(begins_s, default=0.0)) * NS_PER_S)


def _units(units: Any, begin_ns: int) -> _Found:
    """Return spike times; time is shifted only if anything lies before 0."""
    shift_ns = -min(begin_ns // REPLAY_GRID_NS, 0) * REPLAY_GRID_NS
    keys = list(units.keys())
    named = _texts(units, UNIT_COLUMN) or [f"unit{key}" for key in keys]
    labels = _texts(units, CHANNEL_COLUMN) or named
    channel_ids = tuple(dict.fromkeys(labels))
    # A unit without a name stands for a channel that has no units.
    real = [at for at, unit in enumerate(named) if unit]
    spikes = merge_trains(
        [ns_array_from_s(units[keys[at]].t) + shift_ns for at in real],
        tuple(named[at] for at in real),
        np.array([channel_ids.index(labels[at]) for at in real], dtype=np.int32),
        len(channel_ids),
    )
    recorded_ns = ns_array_from_s(np.asarray(units.time_support.values)) + shift_ns
    return _Found(channel_ids, spikes, recorded_ns, shift_ns)


def _counts(frame: Any, begin_ns: int) -> _Found:
    """Return counts; the first bin begins at 0, or later by whole bins if behaviour does not."""
    middle_s = np.asarray(frame.t)
    if len(middle_s) < 2:
        raise SessionError(f"{len(middle_s)} bins of counts: expected two or more")
    bin_ns = round(float(np.median(np.diff(middle_s))) * NS_PER_S)
    first_ns = round(middle_s[0] * NS_PER_S - bin_ns / 2)
    n_before = max(-((begin_ns - first_ns) // bin_ns), 0)
    row = _rows(middle_s, bin_ns) + n_before
    values = checked_counts(np.asarray(frame.d))
    counts = np.zeros((int(row[-1]) + 1, values.shape[1]), dtype=np.uint8)
    counts[row] = values
    ends = np.flatnonzero(np.diff(row, append=row[-1] + 2) > 1)
    begins = np.append(0, ends[:-1] + 1)
    recorded_ns = np.stack([row[begins], row[ends] + 1], axis=1) * bin_ns
    are_named = not all(isinstance(column, int | np.integer) for column in frame.columns)
    channel_ids = tuple(map(str, frame.columns)) if are_named else electrode_names(len(counts.T))
    shift_ns = n_before * bin_ns - first_ns
    return _Found(channel_ids, SpikeCounts(counts, bin_ns), recorded_ns, shift_ns)


def _rows(middle_s: FloatArray, bin_ns: int) -> Int64Array:
    """Return the number of each bin since the first; SessionError if they are not even."""
    place = (middle_s - middle_s[0]) * NS_PER_S / bin_ns
    row: Int64Array = np.rint(place).astype(np.int64)
    if np.abs(place - row).max() > _OFF or (np.diff(row) < 1).any():
        raise SessionError(
            f"counts don't stand in even bins of {bin_ns / NS_PER_S:g} s: count in one epoch, or "
            "give the spike times (TsGroup)"
        )
    return row


def _gaps_ns(recorded_ns: Int64Array, end_ns: int) -> Int64Array:
    """Return the gaps between stretches ``(n, 2)`` that were recorded, from 0 to the end."""
    edges_ns = np.concatenate([[0], recorded_ns.ravel(), [end_ns]])
    return union([edges_ns.reshape(-1, 2)])


def _texts(kept: Any, column: str) -> list[str]:
    """Return a column of metadata as texts; none if it is absent."""
    return [str(value) for value in kept[column]] if column in kept.metadata_columns else []


def _outputs(behaviour: Any, n_outputs: int) -> tuple[Output, ...]:
    """Return the outputs that the columns tell; none if they tell no more than their number."""
    columns = getattr(behaviour, "columns", range(n_outputs))
    names = [str(column) for column in columns]
    if all(isinstance(column, int | np.integer) for column in columns):
        return ()
    units, kinds = (_texts(behaviour, column) for column in (UNIT_OF_OUTPUT, KIND_OF_OUTPUT))
    if units and kinds:
        try:
            told = [OutputKind(kind) for kind in kinds]
        except ValueError as error:
            raise SessionError(f"behaviour: {error}; expected {', '.join(OutputKind)}") from error
        return tuple(map(Output, names, units, told))
    if tuple(names) == names_of(VELOCITY_XY):
        return VELOCITY_XY
    return tuple(Output(name, "", OutputKind.OTHER) for name in names)


def _reaches(trials: Any, moved: Behaviour, shift_ns: int, tell: Callable[[str], object]) -> Trials:
    """Return the trials that can be used, and tell which can't."""
    from rt_ner.data.formats.nwb.parts.trials import trials_of  # noqa: PLC0415 - an extra

    reaches, notes = trials_of(_table(trials), moved, shift_ns)
    for note in notes:
        tell(note)
    return UNCUT if reaches is None else reaches


def _table(trials: Any) -> dict[str, Any]:
    """Return the columns of trials by their names in NWB; none without trials."""
    if trials is None:
        return {}
    start_s, stop_s = (np.array(each, dtype=np.float64) for each in (trials.start, trials.end))
    touches = start_s[1:] - stop_s[:-1] < 1.5 * APART_NS / NS_PER_S
    stop_s[:-1] = np.where(touches, start_s[1:], stop_s[:-1])
    table = {name: np.asarray(trials[name]) for name in trials.metadata_columns}
    if set(TARGET_COLUMNS) <= set(table):
        table[TARGET_COLUMN] = np.stack([table[name] for name in TARGET_COLUMNS], axis=1)
    return {"start_time": start_s, "stop_time": stop_s, **table}
