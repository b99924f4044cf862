"""Join several areas that were recorded at the same time into one session."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rt_ner.core.errors import SessionError
from rt_ner.data.session.gaps import union
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes


def join_areas(sessions: Sequence[Session]) -> Session:
    """Return one session with the channels of several areas of the same recording.

    Channels are named by area and channel, such as ``M1/elec001``, unless their names begin with
    the area already. Behaviour and trials are those of the first.

    Raises SessionError if the areas differ in how their spikes are stored.
    """
    spikes = [session.spikes for session in sessions]
    channel_ids = tuple(
        name if name.startswith(session.area) else f"{session.area}/{name}"
        for session in sessions
        for name in session.channel_ids
    )
    counts = [each for each in spikes if isinstance(each, SpikeCounts)]
    times = [each for each in spikes if isinstance(each, SpikeTimes)]
    joined: SpikeCounts | SpikeTimes
    if len(counts) == len(spikes):
        joined = _join_counts(counts)
    elif len(times) == len(spikes):
        joined = _join_times(times)
    else:
        raise SessionError("some areas hold spike times, others counts: choose areas of one kind")
    area = ",".join(session.area for session in sessions)
    return replace(sessions[0], area=area, channel_ids=channel_ids, spikes=joined)


def _join_counts(parts: Sequence[SpikeCounts]) -> SpikeCounts:
    if len({(len(part.counts), part.bin_ns) for part in parts}) > 1:
        raise SessionError("the areas differ in the number or length of their bins")
    return SpikeCounts(
        np.concatenate([part.counts for part in parts], axis=1),
        parts[0].bin_ns,
        union([part.gaps_ns for part in parts]),
    )


def _join_times(parts: Sequence[SpikeTimes]) -> SpikeTimes:
    first_unit = np.cumsum([0, *(len(part.unit_ids) for part in parts)])
    first_channel = np.cumsum([0, *(part.n_channels for part in parts)])
    time_ns = np.concatenate([part.time_ns for part in parts])
    unit = np.concatenate(
        [part.unit + first for part, first in zip(parts, first_unit, strict=False)]
    )
    channel = np.concatenate(
        [part.unit_channel + first for part, first in zip(parts, first_channel, strict=False)]
    )
    in_order = np.lexsort((unit, time_ns))
    unit_ids = tuple(name for part in parts for name in part.unit_ids)
    return SpikeTimes(
        time_ns[in_order],
        unit[in_order].astype(np.int32),
        unit_ids,
        channel.astype(np.int32),
        int(first_channel[-1]),
        union([part.gaps_ns for part in parts]),
    )
