"""Recovery: how long it takes, from the first good data after a fault, to RUNNING."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pylsl

from rt_ner.bench.rig import Rig, open_rig
from rt_ner.live.states import State
from rt_ner.system.processes import ChildProcess

_STALL_S = 2.0

# Told: what is being measured.
Progress = Callable[[str], None]


def measure_recovery(
    bundle: Path, n_channels: int, folder: Path, repeats: int, progress: Progress
) -> dict[str, list[float]]:
    """Seconds from the first good data to RUNNING, for each fault, ``repeats`` times."""
    results: dict[str, list[float]] = {}
    with open_rig(bundle, n_channels, folder) as rig:
        for fault, measure in _FAULTS.items():
            progress(fault)
            results[fault] = [measure(rig) for _ in range(repeats)]
        rig.finish()
    return results


@contextmanager
def _running_source(rig: Rig) -> Iterator[ChildProcess]:
    """A source that is being decoded."""
    n_states = len(rig.observer.states)
    with rig.noise() as source:
        rig.observer.wait_for_state(State.RUNNING, n_states)
        yield source


def _killed(rig: Rig) -> float:
    """The source is killed, and another one starts; good data begin as soon as it does."""
    _kill_source(rig)
    return _recovered(rig)


def _changed(rig: Rig) -> float:
    """A source with other channels comes between, and is refused."""
    _kill_source(rig)
    n_states = len(rig.observer.states)
    with rig.noise("raster", "--channels", str(rig.n_channels + 1)):
        rig.observer.wait_for_state(State.FAULT, n_states)
    return _recovered(rig)


def _kill_source(rig: Rig) -> None:
    with _running_source(rig) as source:
        n_states = len(rig.observer.states)
        source.kill()
        rig.observer.wait_for_state(State.CONNECTING, n_states)


def _recovered(rig: Rig) -> float:
    """Seconds from a new source's first data to RUNNING."""
    n_states = len(rig.observer.states)
    with rig.noise("raster", "--no-wait") as source:
        running = rig.observer.wait_for_state(State.RUNNING, n_states)
        return running.heard_s - _began_s(source)


def _stalled(rig: Rig) -> float:
    """The source sends nothing for two seconds."""
    with _running_source(rig) as source:
        n_states = len(rig.observer.states)
        source.order("stall", seconds=_STALL_S)
        ordered_s = pylsl.local_clock()
        running = rig.observer.wait_for_state(State.RUNNING, n_states)
        return float(running.heard_s - ordered_s - _STALL_S)


def _stepped(rig: Rig) -> float:
    """The source's clock is set five seconds ahead: all data are good, but of another time."""
    with _running_source(rig) as source:
        n_states = len(rig.observer.states)
        source.order("step", seconds=5)
        ordered_s = pylsl.local_clock()
        running = rig.observer.wait_for_state(State.RUNNING, n_states)
        return float(running.heard_s - ordered_s)


def _began_s(source: ChildProcess) -> float:
    """When a source that did not wait for listeners began to send."""
    return float(source.events("began")[0]["time_s"])


_FAULTS: dict[str, Callable[[Rig], float]] = {
    "source killed and restarted": _killed,
    "source of another array between": _changed,
    "stall of 2 s": _stalled,
    "clock set 5 s ahead": _stepped,
}
