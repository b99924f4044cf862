"""Send very many events per second, and account for every one of them."""

from dataclasses import dataclass
from pathlib import Path

from rt_ner.bench.rig import counted_by, open_rig
from rt_ner.core.contract.input_counts import FATES
from rt_ner.core.contract.kinds import Kind
from rt_ner.live.states import State

_MARGIN_S = 60.0
# Every event that arrived has exactly one of these fates.
_FATES = [fate.name.lower() for fate in FATES]


@dataclass(frozen=True)
class Flood:
    """Fates of ``sent`` events. Those that are in none of them are ``unaccounted``.

    ``largest_lag_ms`` is the longest time from the end of a hop to its velocity.
    """

    sent: int
    fates: dict[str, int]
    unaccounted: int
    overloads: int
    largest_lag_ms: float
    latency_p50_us: float
    latency_p99_us: float


def measure_flood(
    bundle: Path, n_channels: int, folder: Path, events_per_s: float, seconds: float
) -> Flood:
    """Send events at this rate, and compare the decoder's counts with their number."""
    rate = str(events_per_s / n_channels)
    with open_rig(bundle, n_channels, folder, Kind.EVENTS, grace_ms=20.0) as rig:
        with rig.noise("events", "--rate", rate, "--seconds", str(seconds)) as source:
            rig.observer.wait_for_state(State.RUNNING)
            n_states = len(rig.observer.states)
            source.finish(seconds + _MARGIN_S)
            sent = counted_by(source)["rows"]
        rig.observer.wait_for_state(State.CONNECTING, n_states)
        largest_lag_ms = rig.observer.largest_lag_s * 1e3
        rig.finish()
        counted = rig.logged()
    fates = {name: int(counted[name]) for name in _FATES}
    return Flood(
        sent=sent,
        fates=fates,
        unaccounted=sent - sum(fates.values()),
        overloads=int(counted["overloads"]),
        largest_lag_ms=largest_lag_ms,
        latency_p50_us=counted["latency_p50_us"],
        latency_p99_us=counted["latency_p99_us"],
    )
