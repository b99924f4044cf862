"""Time recalibration beside a decoder that runs in real time, and count its missed deadlines."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from threading import Event

import numpy as np

from drivers.simulated.subject.neurons import made_up
from offline_training.closed_loop.in_process.simulation import Reference, simulate_block
from rt_ner.bench.rig import Rig, open_rig
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.errors import RtNerError
from rt_ner.live.learning.learners import Outcome, Recalibration, Task
from rt_ner.live.states import State
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.block_file import save_block
from rt_ner.recalibration.choices import Part
from rt_ner.task.settings import TaskSettings

_WARM_UP_S, _POLL_S = 5.0, 0.05


@dataclass(frozen=True)
class Period:
    """A period of decoding: its duration, and what happened in it.

    Attributes
    ----------
    wall_s
        Duration in s: of a recalibration, from its start to the bundle on the disk.
    cpu_s
        Computing time of the recalibration's process, in s; 0 if there was none.
    hops
        Number of velocities that arrived.
    missed
        Number of deadlines that the decoder missed, by its own count.

    """

    wall_s: float
    cpu_s: float
    hops: int
    missed: int


def measure_adapting(
    bundle: Path, reaches: int, before_s: float, folder: Path, progress: Callable[[str], None]
) -> dict[str, Period]:
    """Return the periods before learning, and while each part of the bundle learns, by name."""
    channel_ids = load_bundle(bundle).manifest.channel_ids
    progress(f"simulating {reaches} reaches")
    block = folder / "block.npz"
    save_block(made_up_use(channel_ids, reaches), block)
    n_hops = 0

    def count(*_: object) -> None:
        nonlocal n_hops
        n_hops += 1

    with (
        open_rig(bundle, len(channel_ids), folder, on_velocity=count) as rig,
        rig.noise(),
    ):
        rig.observer.wait_for_state(State.RUNNING)
        rig.observer.listen_for(_WARM_UP_S)

        def period(what: str, work: Callable[[], object]) -> Period:
            progress(what)
            hops, missed, cpu_s, begun_s = n_hops, _missed(rig), _cpu_s(), time.monotonic()
            work()
            wall_s = time.monotonic() - begun_s
            return Period(wall_s, _cpu_s() - cpu_s, n_hops - hops, _missed(rig) - missed)

        found = {"before": period("decoding alone", lambda: rig.observer.listen_for(before_s))}
        for part in Part:
            learn = partial(_learn, Task((block,), bundle, folder / part), part)
            found[part] = period(f"the {part} learns", learn)
        rig.finish()
    return found


def made_up_use(channel_ids: tuple[str, ...], reaches: int) -> ClosedLoopBlock:
    """Return so many reaches of a simulated subject, as if a decoder had moved as its hand did."""
    neurons = made_up(np.random.default_rng(0), n_electrodes=len(channel_ids))
    block = simulate_block(neurons, Reference.HAND, TaskSettings(trials=reaches), seed=0).block
    end = int(np.argmax(block.reach >= reaches)) or len(block.reach)
    nowhere = np.full_like(block.hand_cm_s, np.nan)
    used = replace(block, channel_ids=channel_ids, decoded_cm_s=block.hand_cm_s, hand_cm_s=nowhere)
    return used.until(end * block.hop_ns)


def _learn(task: Task, part: Part) -> Outcome:
    """Let one part learn, as rt-ner adapt does."""
    learner, pause = Recalibration(task.out.parent, part), Event()
    try:
        learner.begin(task)
        while (outcome := learner.outcome()) is None:
            pause.wait(_POLL_S)
    finally:
        learner.end()
    if outcome.has_failed:
        raise RtNerError(outcome.text)
    return outcome


def _missed(rig: Rig) -> int:
    return rig.observer.counts["missed"]


def _cpu_s() -> float:
    """Return the computing time of all child processes that have ended, in s."""
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
