"""Run a long session in a short time, and compare memory and bins with its first pass."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from rt_ner.bench.endurance.soaking.clients import clients_of
from rt_ner.bench.rig import Rig, open_rig
from rt_ner.core.clock import NS_PER_S, nearest_grid_line_ns, ns_from_s
from rt_ner.core.contract.kinds import REPLAY_GRID_NS
from rt_ner.core.errors import RtNerError
from rt_ner.data.loading import load_session
from rt_ner.live.states import State
from rt_ner.system.processes import child_process

_MARGIN_S = 120.0

# Called with the part done, 0 to 1.
Progress = Callable[[float], None]


class SoakPlan(NamedTuple):
    """Duration in the session's own time, speed, and number of clients that read."""

    simulated_s: float
    speed: float
    n_readers: int = 0


class Grid(NamedTuple):
    """Duration of a pass of the session, and the decoder's hop."""

    pass_ns: int
    hop_ns: int


@dataclass
class Passes:
    """Velocities of a session that is played in a loop, each pass compared with the first.

    Velocities that come once ``is_over`` is set are not compared.
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
        """Add a velocity; the same place in the session must give the same bits."""
        if self.is_over:
            return
        end_ns = nearest_grid_line_ns(ns_from_s(stamp_s), self.grid.hop_ns)
        if self._newest_ns:
            self.n_missing += max((end_ns - self._newest_ns) // self.grid.hop_ns - 1, 0)
        self._newest_ns = end_ns
        self.n_hops += 1
        place = end_ns % self.grid.pass_ns
        # The very first hops are zero, because the history is not full, and are not compared.
        if not any(velocity) and place not in self._first:
            return
        known = self._first.setdefault(place, tuple(velocity))
        self.n_compared += 1
        self.n_different += known != tuple(velocity)


@dataclass(frozen=True)
class Soak:
    """Result of a long run.

    ``growth_mb`` is of resident memory after warm-up, None if unknown; ``longest_push_ms`` the
    longest time from a decoded velocity until it had been sent; ``notices`` is what the operator
    was told.
    """

    simulated_s: float
    speed: float
    hops: int
    compared: int
    different: int
    missing: int
    resident_mb: float | None
    growth_mb: float | None
    longest_push_ms: float
    notices: tuple[str, ...]
    counts: dict[str, int]


def measure_soak(
    bundle: Path,
    session: Sequence[str],
    grid: Grid,
    plan: SoakPlan,
    folder: Path,
    progress: Progress,
) -> Soak:
    """Decode a looping replay of a session.

    ``session`` holds the arguments that name it: its file, and its recipe if it has one.
    """
    passes = Passes(grid)
    n_hops = round(plan.simulated_s * NS_PER_S / grid.hop_ns)
    with open_rig(bundle, 0, folder, on_velocity=passes.add) as rig:
        arguments = ["replay", *session, "--name", rig.source, "--loop"]
        arguments += ["--speed", str(plan.speed)]
        with (
            clients_of(rig, plan.n_readers, folder),
            child_process(arguments, folder) as source,
        ):

            def check() -> None:
                if source.has_ended() or rig.decoder.has_ended():
                    words = f"{source.last_words()}; {rig.decoder.last_words()}"
                    raise RtNerError(f"the replay or the decoder ended early: {words}")
                progress(min(passes.n_hops / n_hops, 1.0))

            rig.observer.wait_for_state(State.RUNNING)
            warm_mb = _memory_after(n_hops // 10, rig, passes, check)
            end_mb = _memory_after(n_hops, rig, passes, check)
            passes.is_over = True
        observer = rig.observer
        rig.finish()
    growth_mb = None if end_mb is None or warm_mb is None else end_mb - warm_mb
    return Soak(
        simulated_s=plan.simulated_s,
        speed=plan.speed,
        hops=passes.n_hops,
        compared=passes.n_compared,
        different=passes.n_different,
        missing=passes.n_missing,
        resident_mb=end_mb,
        growth_mb=growth_mb,
        longest_push_ms=observer.longest_push_s * 1e3,
        notices=tuple(notice.text for notice in observer.notices),
        counts=observer.counts,
    )


def _memory_after(n_hops: int, rig: Rig, passes: Passes, check: Callable[[], None]) -> float | None:
    """Wait for a number of hops; return the decoder's resident memory in MB then."""

    def arrived() -> bool:
        check()
        return passes.n_hops >= n_hops

    longest_s = n_hops * passes.grid.hop_ns / NS_PER_S + _MARGIN_S
    rig.observer.wait_until(arrived, f"{n_hops} hops", longest_s)
    return resident_mb(rig.decoder.pid)


def pass_of(session: Path, recipe: Path | None, hop_ns: int) -> Grid:
    """Return a pass of a looping replay: the session, cut to whole steps of its grid."""
    end_ns = load_session(session, recipe=recipe).end_ns
    return Grid(end_ns // REPLAY_GRID_NS * REPLAY_GRID_NS, hop_ns)


def resident_mb(pid: int) -> float | None:
    """Return the resident memory of a process in MB; None on systems without /proc."""
    if not sys.platform.startswith("linux"):
        return None
    for line in (
        Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    ):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return None
