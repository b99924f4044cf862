"""Build a session from plain arrays, as a notebook has them."""

from collections.abc import Mapping, Sequence

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.contract.names import electrode_names
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, OutputKind
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.counts import checked_counts
from rt_ner.data.formats.common.spike_trains import merge_trains
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.data.session.trials import UNCUT, Trials


def session_from_arrays(  # noqa: PLR0913 - a constructor
    counts: AnyArray,
    behaviour: FloatArray,
    bin_s: float,
    *,
    name: str = "session",
    area: str = "array",
    channel_ids: Sequence[str] = (),
    outputs: Sequence[Output] = (),
    trials: Trials | None = None,
) -> Session:
    """Return a session of counts and behaviour in the same bins.

    Parameters
    ----------
    counts : array, shape (n_bins, n_channels)
        Spikes per bin, whole numbers from 0 to 255.
    behaviour : array, shape (n_bins, n_outputs)
        Values at the end of each bin; rows with NaN are left out.
    bin_s : float
        Length of a bin in s.
    name, area : str
        Name of the session, and brain area.
    channel_ids : sequence of str
        Name of each channel. Default: ``elec001``, ``elec002``, …
    outputs : sequence of Output
        Name, unit and kind of each column of behaviour. Default: velocity along x and y in cm/s
        for two columns.
    trials : Trials, optional
        Reaches. Default: none, and the recording is cut into blocks.

    Returns
    -------
    Session
        The session.

    Raises
    ------
    SessionError
        If the shapes don't fit, or counts are no counts.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> counts, velocity = rng.poisson(0.5, (1000, 96)), rng.normal(size=(1000, 2))
    >>> session_from_arrays(counts, velocity, 0.03)
    <Session session array: 96 channels, 20 blocks, 30 s>

    """
    counts, values = np.asarray(counts), _columns(behaviour)
    if counts.ndim != 2 or len(counts) != len(values):
        raise SessionError(
            f"counts {counts.shape} and behaviour {values.shape}: expected the same number of bins"
        )
    bin_ns = round(bin_s * NS_PER_S)
    end_s = np.arange(1.0, len(counts) + 1.0, dtype=np.float64) * (bin_ns / NS_PER_S)
    return Session(
        name=name,
        area=area,
        channel_ids=tuple(channel_ids) or electrode_names(counts.shape[1]),
        spikes=SpikeCounts(checked_counts(counts), bin_ns),
        behaviour=behaviour_of(end_s, values, outputs),
        trials=UNCUT if trials is None else trials,
    )


def session_from_spike_times(
    spikes: Mapping[str, AnyArray],
    time_s: FloatArray,
    behaviour: FloatArray,
    *,
    name: str = "session",
    area: str = "array",
    outputs: Sequence[Output] = (),
    trials: Trials | None = None,
) -> Session:
    """Return a session of spike times, and behaviour sampled at times of its own.

    Parameters
    ----------
    spikes : mapping of str to array, shape (n_spikes,)
        Spike times in s of each channel, by its name. Times count from the session's start.
    time_s : array, shape (n_samples,)
        Times of the behaviour's samples in s, ascending.
    behaviour : array, shape (n_samples, n_outputs)
        Values at these times; rows with NaN are left out.
    name, area, outputs, trials
        As for `session_from_arrays`.

    Returns
    -------
    Session
        The session.

    Raises
    ------
    SessionError
        If the shapes don't fit, or a time is negative or NaN.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> spikes = {f"elec{k:03d}": np.sort(rng.uniform(0, 60, 500)) for k in range(1, 4)}
    >>> time_s = np.arange(1, 6000) * 0.01
    >>> session_from_spike_times(spikes, time_s, np.stack([np.sin(time_s), np.cos(time_s)], axis=1))
    <Session session array: 3 channels, 20 blocks, 60 s>

    """
    trains = [np.asarray(train, dtype=np.float64) for train in spikes.values()]
    if not all((train >= 0).all() for train in trains):
        raise SessionError("spike times hold NaN or negative values: expected s from the start on")
    channel = np.arange(len(trains), dtype=np.int32)
    return Session(
        name=name,
        area=area,
        channel_ids=tuple(spikes),
        spikes=merge_trains(
            [ns_array_from_s(train) for train in trains], tuple(spikes), channel, len(trains)
        ),
        behaviour=behaviour_of(np.asarray(time_s, dtype=np.float64), _columns(behaviour), outputs),
        trials=UNCUT if trials is None else trials,
    )


def _columns(behaviour: FloatArray) -> FloatArray:
    """Return behaviour ``(sample, output)``; a single output may come without its axis."""
    values = np.asarray(behaviour, dtype=np.float64)
    return values[:, None] if values.ndim == 1 else values


def behaviour_of(time_s: FloatArray, values: FloatArray, outputs: Sequence[Output]) -> Behaviour:
    """Return the samples that have a value; without outputs, two columns are a velocity."""
    if values.ndim != 2 or len(time_s) != len(values):
        raise SessionError(f"behaviour {values.shape} does not fit {len(time_s)} times")
    known = np.isfinite(values).all(axis=1)
    n_outputs = values.shape[1]
    named = tuple(outputs) or (
        VELOCITY_XY
        if n_outputs == len(VELOCITY_XY)
        else tuple(Output(f"output_{k + 1}", "", OutputKind.OTHER) for k in range(n_outputs))
    )
    return Behaviour(ns_array_from_s(time_s[known]), values[known], named)
