"""Soak: a long session in a short time; memory must not grow, nor bins drift from the truth."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from rt_ner.bench.rig import Rig, open_rig
from rt_ner.core.clock import NS_PER_S, nearest_grid_line_ns, ns_from_s
from rt_ner.core.contract.kinds import REPLAY_GRID_NS
from rt_ner.core.errors import RtNerError
from rt_ner.data.loading import load_session
from rt_ner.live.states import State
from rt_ner.system.processes import ChildProcess, child_process

_MARGIN_S = 120.0

# Told: the part done, 0 to 1.
Progress = Callable[[float], None]


class Grid(NamedTuple):
    """How long a pass of the session lasts, and the decoder's hop."""

    pass_ns: int
    hop_ns: int


@dataclass
class Passes:
    """Velocities of a session that is played round and round, each pass held against the first.

    ``is_over``: what comes from now on is the end, and not compared.
    """

    grid: Grid
    n_hops: int = 0
    n_compared: int = 0
    n_different: int = 0
    n_missing: int = 0
    is_over: bool = False
    _first: dict[int, tuple[float, ...]] = field(default_factory=dict)
    _newest_ns: int = 0

    def add(self, stamp_s: float, velocity: list[float]) -> None:
        """Take a velocity; equal places in the session must give equal bits."""
        if self.is_over:
            return
        end_ns = nearest_grid_line_ns(ns_from_s(stamp_s), self.grid.hop_ns)
        if self._newest_ns:
            self.n_missing += max((end_ns - self._newest_ns) // self.grid.hop_ns - 1, 0)
        self._newest_ns = end_ns
        self.n_hops += 1
        place = end_ns % self.grid.pass_ns
        # The very first hops are of a history that is not yet full: zero, and not compared.
        if not any(velocity) and place not in self._first:
            return
        known = self._first.setdefault(place, tuple(velocity))
        self.n_compared += 1
        self.n_different += known != tuple(velocity)


@dataclass(frozen=True)
class Soak:
    """How a long run went. ``growth_mb``: of resident memory after warm-up; None if unknown."""

    simulated_s: float
    speed: float
    hops: int
    compared: int
    different: int
    missing: int
    resident_mb: float | None
    growth_mb: float | None
    counts: dict[str, int]


def measure_soak(
    bundle: Path,
    session: Path,
    grid: Grid,
    plan: tuple[float, float],
    folder: Path,
    progress: Progress,
) -> Soak:
    """Decode a looping replay of ``session``; ``plan``: seconds of it, and how much faster."""
    simulated_s, speed = plan
    passes = Passes(grid)
    n_hops = round(simulated_s * NS_PER_S / grid.hop_ns)
    with open_rig(bundle, 0, folder, on_velocity=passes.add) as rig:
        arguments = ["replay", str(session), "--name", rig.source, "--loop"]
        with child_process([*arguments, "--speed", str(speed)], folder) as source:
            rig.observer.wait_for_state(State.RUNNING)
            warm_mb = _run_until(rig, passes, source, n_hops // 10, progress, n_hops)
            end_mb = _run_until(rig, passes, source, n_hops, progress, n_hops)
            passes.is_over = True
        counts = rig.observer.counts
        rig.finish()
    return Soak(
        simulated_s=simulated_s,
        speed=speed,
        hops=passes.n_hops,
        compared=passes.n_compared,
        different=passes.n_different,
        missing=passes.n_missing,
        resident_mb=end_mb,
        growth_mb=None if end_mb is None or warm_mb is None else end_mb - warm_mb,
        counts=counts,
    )


def _run_until(
    rig: Rig,
    passes: Passes,
    source: ChildProcess,
    n_hops: int,
    progress: Progress,
    n_all: int,
) -> float | None:
    """Go on until so many hops were heard; the decoder's resident memory (MB) then."""

    def arrived() -> bool:
        if source.has_ended() or rig.decoder.has_ended():
            raise RtNerError("the replay or the decoder ended too early: see its log")
        progress(min(passes.n_hops / n_all, 1.0))
        return passes.n_hops >= n_hops

    rig.observer.wait_until(
        arrived, f"{n_hops} hops", n_hops * passes.grid.hop_ns / 1e9 + _MARGIN_S
    )
    return resident_mb(rig.decoder.pid)


def pass_of(session: Path, hop_ns: int) -> Grid:
    """A pass of a looping replay: the session, cut to whole steps of the replay's grid."""
    end_ns = load_session(session).end_ns
    return Grid(end_ns // REPLAY_GRID_NS * REPLAY_GRID_NS, hop_ns)


def resident_mb(pid: int) -> float | None:
    """Resident memory of a process; None where the system has no /proc (Linux only)."""
    if not sys.platform.startswith("linux"):
        return None
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return None
