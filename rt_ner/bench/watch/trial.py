"""Watch a session in a loop, with and without faults, and count the faults that are reported."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np

from rt_ner.bench.watch.injection import DRAWS, Array
from rt_ner.core.arrays import AnyArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.decoding.watch.expectation import Expectation
from rt_ner.live.watch.banks import banks_of
from rt_ner.live.watch.channel_watch import ChannelWatch

# A fault must be named within this time, in s.
IN_TIME_S = 10.0
# Longest limit of a silence that is named by then: the watch looks once per second.
_TOLD_S = IN_TIME_S - 1.5
# Time to watch before the first fault, in s: the watch learns the rates of the day first.
_SETTLING_S = 120.0


@dataclass(frozen=True, eq=False)
class Watched:
    """Counts ``(hop, channel)`` to watch in a loop, and the expected firing of the channels."""

    name: str
    channel_ids: tuple[str, ...]
    hop_ns: int
    counts: AnyArray
    expectation: Expectation

    @property
    def hop_s(self) -> float:
        """Width of a hop, in s."""
        return self.hop_ns / NS_PER_S

    def watch(self) -> ChannelWatch:
        """Return a watch that has just begun."""
        return ChannelWatch(self.channel_ids, self.hop_ns, self.expectation)

    def hops(self, first: int, n_hops: int) -> AnyArray:
        """Return hops of the loop, from number ``first`` on."""
        rows = np.arange(first, first + n_hops) % len(self.counts)
        return self.counts[rows].astype(np.float32)


@dataclass
class Outcome:
    """Number of faults added, of those named in time, and of those with a wrong name besides."""

    n: int = 0
    named: int = 0
    with_wrong_names: int = 0
    delays_s: list[float] = field(default_factory=list)


def count_alarms(
    watched: Watched, hours: float, show: Callable[[float], None] = lambda _: None
) -> Counter[str]:
    """Return the false alarms by kind, in some hours of the loop without any fault."""
    watch, alarms = watched.watch(), Counter[str]()
    n_hops, chunk = round(hours * 3600 / watched.hop_s), round(60 / watched.hop_s)
    for first in range(0, n_hops, chunk):
        for hop in watched.hops(first, chunk):
            before = watch.faults
            watch.take(hop)
            if watch.faults is not before:
                alarms.update(fault.kind.value for fault in watch.faults - before)
        show(first / n_hops)
    return alarms


def try_faults(
    watched: Watched, n_trials: int, seed: int, show: Callable[[float], None] = lambda _: None
) -> dict[str, Outcome]:
    """Add ``n_trials`` faults of each kind to the loop, at random times; return the outcomes."""
    rng = np.random.default_rng(seed)
    outcomes = {kind: Outcome() for kind in DRAWS}
    watch, now = watched.watch(), 0
    mean_hops = len(watched.counts) / n_trials
    for trial in range(n_trials):
        wait = round(rng.uniform(0, 2 * mean_hops)) + (0 if trial else _hops(watched, _SETTLING_S))
        for hop in watched.hops(now, wait):
            watch.take(hop)
        now += wait
        for kind, outcome in outcomes.items():
            _try(watched, deepcopy(watch), now, kind, outcome, rng)
        show((trial + 1) / n_trials)
    return outcomes


def _try(
    watched: Watched,
    watch: ChannelWatch,
    now: int,
    kind: str,
    outcome: Outcome,
    rng: np.random.Generator,
) -> None:
    """Add one fault from hop ``now`` on, and count it, and if it is named."""
    array = Array(banks_of(watched.channel_ids), watch.silence_limit_s(), watched.hop_s, _TOLD_S)
    injection = DRAWS[kind](array, rng)
    if injection is None:
        return
    before, told = watch.faults, set(watch.faults)
    outcome.n += 1
    is_named = False
    hops = injection.spoil(watched.hops(now, _hops(watched, IN_TIME_S)))
    for number, hop in enumerate(hops, 1):
        watch.take(hop)
        told |= watch.faults
        if not is_named and injection.expected <= watch.faults:
            is_named = True
            outcome.delays_s.append(number * watched.hop_s)
    outcome.named += is_named
    outcome.with_wrong_names += bool(told - before - injection.expected - injection.allowed)


def _hops(watched: Watched, seconds: float) -> int:
    return round(seconds / watched.hop_s)
