"""Send very many events or samples per second, and account for every one of them."""

from dataclasses import dataclass
from pathlib import Path

from rt_ner.bench.rig import counted_by, open_rig
from rt_ner.core.contract.input_counts import FATES
from rt_ner.core.contract.kinds import SpikeForm
from rt_ner.live.states import State

# A source that sends more than LSL carries takes several times as long.
_MARGIN_S = 240.0
# Every event that arrived has exactly one of these fates.
_FATES = [fate.name.lower() for fate in FATES]


@dataclass(frozen=True)
class Flood:
    """Fates of ``sent`` events or samples. Those that are in none of them are ``unaccounted``.

    ``largest_lag_ms`` is the longest time from the end of a hop to its velocity. ``refused``: the
    decoder refused the source, because its spikes came ever later.
    """

    sent: int
    fates: dict[str, int]
    unaccounted: int
    refused: bool
    overloads: int
    largest_lag_ms: float
    latency_p50_us: float
    latency_p99_us: float


@dataclass(frozen=True)
class FloodPlan:
    """The form of the flood, spikes per second and channel, and its duration in s."""

    form: SpikeForm
    rate: float
    seconds: float


def measure_flood(bundle: Path, n_channels: int, folder: Path, plan: FloodPlan) -> Flood:
    """Send events or voltage, and compare the decoder's counts with their number."""
    sizes = ("--rate", str(plan.rate), "--seconds", str(plan.seconds))
    with open_rig(bundle, n_channels, folder, plan.form.kind, grace_ms=20.0) as rig:
        with rig.noise(plan.form, *sizes) as source:
            rig.observer.wait_for_state(State.RUNNING)
            source.finish(plan.seconds + _MARGIN_S)
            sent = counted_by(source)["rows"]
        ends = (State.CONNECTING, State.FAULT)
        rig.observer.wait_until(lambda: rig.observer.state in ends, "the source's end")
        refused = rig.observer.state == State.FAULT
        largest_lag_ms = rig.observer.largest_lag_s * 1e3
        rig.finish()
        counted = rig.logged()
    fates = {name: int(counted[name]) for name in _FATES}
    return Flood(
        sent=sent,
        fates=fates,
        unaccounted=sent - sum(fates.values()),
        refused=refused,
        overloads=int(counted["overloads"]),
        largest_lag_ms=largest_lag_ms,
        latency_p50_us=counted["latency_p50_us"],
        latency_p99_us=counted["latency_p99_us"],
    )
