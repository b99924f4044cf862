"""Hand a session over as objects of pynapple."""

from typing import Any

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.outputs import names_of
from rt_ner.data.formats.nwb.datasets import CHANNEL_COLUMN, DIRECTION_COLUMN, UNIT_COLUMN
from rt_ner.data.formats.pynapple.objects import (
    APART_NS,
    GO_COLUMN,
    KIND_OF_OUTPUT,
    TARGET_COLUMNS,
    UNIT_OF_OUTPUT,
    PynappleObjects,
    pynapple,
)
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.gaps import recorded
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.data.session.trials import Trials


def pynapple_of(session: Session) -> PynappleObjects:
    """Return spikes, behaviour, trials and recorded time of a session."""
    nap = pynapple()
    spikes = session.spikes
    end_ns = spikes.end_ns
    if isinstance(spikes, SpikeTimes):
        # Up to the end of all that there is, channels were silent, but for the gaps.
        end_ns = max(end_ns, int(session.behaviour.time_ns[-1]), session.end_ns)
    stretches_ns = np.array(list(recorded(spikes.gaps_ns, 0, end_ns)), dtype=np.int64)
    support = nap.IntervalSet(stretches_ns.reshape(-1, 2) / NS_PER_S)
    return PynappleObjects(
        spikes=_units(nap, spikes, session.channel_ids, support)
        if isinstance(spikes, SpikeTimes)
        else _counts(nap, spikes, session.channel_ids, support),
        behaviour=_behaviour(nap, session.behaviour),
        trials=None if session.trials.are_blocks else _trials(nap, session.trials),
        support=support,
    )


def _units(nap: Any, spikes: SpikeTimes, channel_ids: tuple[str, ...], support: Any) -> Any:
    """Return the units' spike times as a TsGroup, channel by channel.

    A unit without name and spikes stands for a channel that has no units.
    """
    n_units = len(spikes.unit_ids)
    pairs = [
        (label, unit)
        for channel, label in enumerate(channel_ids)
        for unit in np.flatnonzero(spikes.unit_channel == channel).tolist() or [n_units]
    ]
    named, trains = [*spikes.unit_ids, ""], _trains_s(spikes)
    return nap.TsGroup(
        {number: nap.Ts(trains[unit]) for number, (_, unit) in enumerate(pairs)},
        time_support=support,
        metadata={
            CHANNEL_COLUMN: [label for label, _ in pairs],
            UNIT_COLUMN: [named[unit] for _, unit in pairs],
        },
    )


def _trains_s(spikes: SpikeTimes) -> list[FloatArray]:
    """Return the spike times of each unit in s, and none at the end."""
    in_order = np.argsort(spikes.unit, kind="stable")
    edges = np.searchsorted(spikes.unit[in_order], np.arange(1, len(spikes.unit_ids) + 1))
    return np.split(spikes.time_ns[in_order] / NS_PER_S, edges)


def _counts(nap: Any, spikes: SpikeCounts, channel_ids: tuple[str, ...], support: Any) -> Any:
    """Return counts as a TsdFrame, each row at the middle of its bin."""
    chunks = list(spikes.raster(0, spikes.end_ns))
    ends_ns = np.concatenate([chunk.stamp_ns for chunk in chunks])
    return nap.TsdFrame(
        t=(ends_ns - spikes.bin_ns / 2) / NS_PER_S,
        d=np.concatenate([chunk.counts for chunk in chunks]),
        columns=list(channel_ids),
        time_support=support,
    )


def _behaviour(nap: Any, behaviour: Behaviour) -> Any:
    """Return the outputs as a TsdFrame."""
    outputs = behaviour.outputs
    return nap.TsdFrame(
        t=behaviour.time_ns / NS_PER_S,
        d=behaviour.values,
        columns=list(names_of(outputs)),
        metadata={
            UNIT_OF_OUTPUT: [output.unit for output in outputs],
            KIND_OF_OUTPUT: [str(output.kind) for output in outputs],
        },
    )


def _trials(nap: Any, trials: Trials) -> Any:
    """Return the reaches as an IntervalSet."""
    end_ns: Int64Array = trials.end_ns.copy()
    end_ns[:-1] -= np.where(trials.start_ns[1:] - end_ns[:-1] < APART_NS, APART_NS, 0)
    columns = dict(zip(TARGET_COLUMNS, trials.target_cm.T, strict=True))
    return nap.IntervalSet(
        start=trials.start_ns / NS_PER_S,
        end=end_ns / NS_PER_S,
        metadata={
            GO_COLUMN: trials.go_ns / NS_PER_S,
            DIRECTION_COLUMN: trials.direction_deg,
            **columns,
        },
    )
