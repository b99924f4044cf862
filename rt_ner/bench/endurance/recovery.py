"""Measure the time from the first good data after a fault until the decoder is RUNNING."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pylsl

from rt_ner.bench.rig import Rig, open_rig
from rt_ner.live.states import State
from rt_ner.system.processes import ChildProcess

_STALL_S = 2.0

Progress = Callable[[str], None]


def measure_recovery(
    bundle: Path, n_channels: int, folder: Path, repeats: int, progress: Progress
) -> dict[str, list[float]]:
    """Return the seconds from the first good data to RUNNING, ``repeats`` times per fault."""
    results: dict[str, list[float]] = {}
    with open_rig(bundle, n_channels, folder) as rig:
        for fault, measure in _FAULTS.items():
            progress(fault)
            results[fault] = [measure(rig) for _ in range(repeats)]
        rig.finish()
    return results


@contextmanager
def _running_source(rig: Rig) -> Iterator[ChildProcess]:
    """Run a source, and enter the block once it is decoded."""
    n_states = len(rig.observer.states)
    with rig.noise() as source:
        rig.observer.wait_for_state(State.RUNNING, n_states)
        yield source


def _killed(rig: Rig) -> float:
    """Kill the source and start another one, with good data from its start on."""
    _kill_source(rig)
    return _recovered(rig)


def _changed(rig: Rig) -> float:
    """Put a source with other channels between, which is refused."""
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
    """Return the seconds from a new source's first data to RUNNING."""
    n_states = len(rig.observer.states)
    with rig.noise("raster", "--no-wait") as source:
        running = rig.observer.wait_for_state(State.RUNNING, n_states)
        return running.received_s - _began_s(source)


def _stalled(rig: Rig) -> float:
    """Let the source send nothing for two seconds."""
    with _running_source(rig) as source:
        n_states = len(rig.observer.states)
        source.order("stall", seconds=_STALL_S)
        ordered_s = pylsl.local_clock()
        running = rig.observer.wait_for_state(State.RUNNING, n_states)
        return float(running.received_s - ordered_s - _STALL_S)


def _stepped(rig: Rig) -> float:
    """Set the source's clock five seconds ahead; all data are good."""
    with _running_source(rig) as source:
        n_states = len(rig.observer.states)
        source.order("step", seconds=5)
        ordered_s = pylsl.local_clock()
        running = rig.observer.wait_for_state(State.RUNNING, n_states)
        return float(running.received_s - ordered_s)


def _began_s(source: ChildProcess) -> float:
    """Return the time at which a source that waits for nobody began to send."""
    return float(source.events("began")[0]["time_s"])


_FAULTS: dict[str, Callable[[Rig], float]] = {
    "source killed and restarted": _killed,
    "source with other channels between": _changed,
    "stall of 2 s": _stalled,
    "clock set 5 s ahead": _stepped,
}
