"""Join several recordings of the same electrodes into one session, one after the other."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from rt_ner.core.arrays import Int64Array
from rt_ner.core.clock import NS_PER_S, next_grid_line_ns
from rt_ner.core.contract.kinds import REPLAY_GRID_NS
from rt_ner.core.contract.outputs import names_of, outputs_in_words
from rt_ner.core.errors import SessionError
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.gaps import union
from rt_ner.data.session.session import Session, SessionPart
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.data.session.trials import Trials

_Value = TypeVar("_Value")

# Sampling intervals that differ by more would make the slower recording look full of gaps.
_MOST_UNEQUAL = 1.5


def join_files(sessions: Sequence[Session]) -> Session:
    """Return one session that holds several recordings one after the other.

    Between two recordings there is a gap, so that no history runs across. Trials, or the blocks
    that each continuous recording is cut into, keep their order.

    Raises SessionError if the recordings differ in their area, channels, outputs, in how their
    spikes are stored, or in having trials, or if one of them is there twice.
    """
    first = sessions[0]
    check_alike(sessions)
    _check_same_channels(sessions)
    starts_ns = _starts_ns(sessions)
    return replace(
        first,
        name=f"{first.name} + {len(sessions) - 1} more",
        spikes=_joined_spikes(sessions, starts_ns),
        behaviour=_joined_behaviour([session.behaviour for session in sessions], starts_ns),
        trials=_joined_trials([session.trials for session in sessions], starts_ns),
        provenance={"files": ", ".join(session.name for session in sessions)},
        parts=tuple(
            SessionPart(session.name, session.spikes_sha256, len(session.trials))
            for session in sessions
        ),
    )


def check_alike(sessions: Sequence[Session]) -> None:
    """Raise SessionError unless recordings hold the same quantities, in the same form."""
    _check_same(sessions, "area", lambda session: session.area)
    _check_same(sessions, "outputs", lambda session: ", ".join(names_of(session.behaviour.outputs)))
    _check_same(
        sessions,
        "units or kinds of outputs",
        lambda session: outputs_in_words(session.behaviour.outputs),
    )
    _check_same(sessions, "channel values", lambda session: str(session.voltage))
    _check_same(
        sessions,
        "kind of spikes",
        lambda session: "times" if isinstance(session.spikes, SpikeTimes) else "counts",
    )
    _check_same(sessions, "bin length in ms", lambda session: session.spikes.raster_period_ns / 1e6)
    _check_same(sessions, "trials", lambda session: "none" if session.trials.are_blocks else "some")
    if len({session.spikes_sha256 for session in sessions}) < len(sessions):
        names = ", ".join(session.name for session in sessions)
        raise SessionError(f"a recording is there twice ({names}): name each once")


def _check_same_channels(sessions: Sequence[Session]) -> None:
    """Raise SessionError unless the recordings are of the same channels."""
    first = sessions[0]
    for session in sessions[1:]:
        if different := set(session.channel_ids) ^ set(first.channel_ids):
            some = ", ".join(sorted(different)[:5])
            raise SessionError(
                f"'{session.name}' and '{first.name}' differ in {len(different)} channels ({some}"
                f"{', …' if len(different) > 5 else ''}): join recordings of the same electrodes"
            )


def _check_same(
    sessions: Sequence[Session], quality: str, value_of: Callable[[Session], _Value]
) -> None:
    """Raise SessionError unless the recordings agree in a quality."""
    first = value_of(sessions[0])
    for session in sessions[1:]:
        if (value := value_of(session)) != first:
            raise SessionError(
                f"'{sessions[0].name}' and '{session.name}' differ in their {quality}: {first} "
                f"and {value}; join recordings that agree"
            )


def _starts_ns(sessions: Sequence[Session]) -> list[int]:
    """Return the start of each recording on the joined clock.

    It lies on a grid that all usual bins divide, so that a recording's bins are those that it has
    alone, and a step of the grid or more after the recording before.
    """
    starts_ns = [0]
    for session in sessions[:-1]:
        last_ns = max(session.end_ns, session.spikes.end_ns, int(session.behaviour.time_ns[-1]))
        grid_ns = math.lcm(REPLAY_GRID_NS, session.spikes.raster_period_ns)
        starts_ns.append(next_grid_line_ns(starts_ns[-1] + last_ns + grid_ns, grid_ns))
    return starts_ns


def _joined_spikes(
    sessions: Sequence[Session], starts_ns: Sequence[int]
) -> SpikeTimes | SpikeCounts:
    """Return all spikes, on the channels in the order of the first recording."""
    order = sessions[0].channel_ids
    columns = [[session.channel_ids.index(name) for name in order] for session in sessions]
    spikes = [session.spikes for session in sessions]
    ends_ns = [
        start_ns + max(session.end_ns, session.spikes.end_ns)
        for session, start_ns in zip(sessions, starts_ns, strict=True)
    ]
    own_ns = [each.gaps_ns + start_ns for each, start_ns in zip(spikes, starts_ns, strict=True)]
    gaps_ns = union([np.stack([ends_ns[:-1], starts_ns[1:]], axis=1).astype(np.int64), *own_ns])
    counts = [each for each in spikes if isinstance(each, SpikeCounts)]
    if counts:
        return _joined_counts(counts, columns, starts_ns, gaps_ns)
    times = [each for each in spikes if isinstance(each, SpikeTimes)]
    return _joined_times(times, columns, starts_ns, gaps_ns)


def _joined_counts(
    parts: Sequence[SpikeCounts],
    columns: Sequence[Sequence[int]],
    starts_ns: Sequence[int],
    gaps_ns: Int64Array,
) -> SpikeCounts:
    bin_ns = parts[0].bin_ns
    n_bins = starts_ns[-1] // bin_ns + len(parts[-1].counts)
    dtype = np.result_type(*(part.counts.dtype for part in parts))
    counts = np.zeros((n_bins, parts[0].n_channels), dtype=dtype)
    for part, column, start_ns in zip(parts, columns, starts_ns, strict=True):
        begin = start_ns // bin_ns
        counts[begin : begin + len(part.counts)] = part.counts[:, column]
    return SpikeCounts(counts, bin_ns, gaps_ns)


def _joined_times(
    parts: Sequence[SpikeTimes],
    columns: Sequence[Sequence[int]],
    starts_ns: Sequence[int],
    gaps_ns: Int64Array,
) -> SpikeTimes:
    """Return the spikes of all parts; units of one name and channel are one."""
    units: dict[tuple[str, int], int] = {}
    time_ns, unit = [], []
    for part, column, start_ns in zip(parts, columns, starts_ns, strict=True):
        channel = np.argsort(column)[part.unit_channel].tolist()
        known = zip(part.unit_ids, channel, strict=True)
        joined_unit = np.array([units.setdefault(each, len(units)) for each in known], np.int32)
        time_ns.append(part.time_ns + start_ns)
        unit.append(joined_unit[part.unit])
    return SpikeTimes(
        np.concatenate(time_ns),
        np.concatenate(unit),
        tuple(name for name, _ in units),
        np.array([channel for _, channel in units], np.int32),
        parts[0].n_channels,
        gaps_ns,
    )


def _joined_behaviour(parts: Sequence[Behaviour], starts_ns: Sequence[int]) -> Behaviour:
    intervals_ns = [np.median(np.diff(part.time_ns)) for part in parts if len(part.time_ns) > 1]
    if intervals_ns and max(intervals_ns) > _MOST_UNEQUAL * min(intervals_ns):
        rates = " and ".join(
            f"{NS_PER_S / each:.0f}" for each in (max(intervals_ns), min(intervals_ns))
        )
        raise SessionError(
            f"the recordings' behaviour was sampled at {rates} Hz: resample it to one rate first"
        )
    return Behaviour(
        np.concatenate(
            [part.time_ns + start_ns for part, start_ns in zip(parts, starts_ns, strict=True)]
        ),
        np.concatenate([part.values for part in parts]),
        parts[0].outputs,
    )


def _joined_trials(parts: Sequence[Trials], starts_ns: Sequence[int]) -> Trials:
    pairs = list(zip(parts, starts_ns, strict=True))
    return Trials(
        start_ns=np.concatenate([part.start_ns + start_ns for part, start_ns in pairs]),
        go_ns=np.concatenate([part.go_ns + start_ns for part, start_ns in pairs]),
        end_ns=np.concatenate([part.end_ns + start_ns for part, start_ns in pairs]),
        direction_deg=np.concatenate([part.direction_deg for part in parts]),
        target_cm=np.concatenate([part.target_cm for part in parts]),
        are_blocks=parts[0].are_blocks,
    )
