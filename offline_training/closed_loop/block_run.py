"""Run one block: subject, task and decoder in processes of their own."""

import math
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from offline_training.closed_loop.in_process.simulation import Reference
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.errors import RtNerError
from rt_ner.live.learning.block_recorder import BlockRecorder
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.system.processes import ChildProcess, child_process

_POLL_S = 0.2
_END_S = 15.0
# The longest that a trial may take on average, and the start.
_MOST_S_A_TRIAL, _START_S = 12.0, 60.0


@dataclass(frozen=True)
class BlockPlan:
    """Plan of a block.

    Attributes
    ----------
    name
        Name of the block, for messages and its folder.
    trials
        Number of trials.
    mover
        Folder of the bundle that moves the cursor, or a reference.
    subject
        Options of `rt-ner subject`.
    speed
        Times faster than real time.
    with_view
        True to open the live window.
    """

    name: str
    trials: int
    mover: Path | Reference
    subject: tuple[str, ...]
    speed: float = 1.0
    with_view: bool = False


def run_block(
    plan: BlockPlan, folder: Path, progress: Callable[[float], None]
) -> tuple[dict[str, float], ClosedLoopBlock]:
    """Run a block, and return the task's scores and the recording."""
    tag = uuid.uuid4().hex[:8]
    subject, task, decoder = (f"{part}-{tag}" for part in ("subject", "task", "decoder"))
    folder.mkdir(parents=True)
    speed = ["--speed", str(plan.speed)]
    others = [["subject", "--name", subject, "--task", task, *speed, *plan.subject]]
    view = ["view", "--task", task]
    if isinstance(plan.mover, Path):
        decode = ["decode", str(plan.mover), "--name", decoder, "--no-view"]
        others.append([*decode, "--source", source_id_of(subject, Kind.SPIKES)])
        view += [str(plan.mover), "--decoder", decoder]
        mover, recorder = ["--decoder", decoder], BlockRecorder(task, decoder=decoder)
    else:
        mover = ["--hand" if plan.mover is Reference.HAND else "--decoder", subject]
        recorder = BlockRecorder(task, subject=subject)
    trials = ["--trials", str(plan.trials)]
    task_arguments = ["task", "--name", task, *trials, *speed, *mover]
    with ExitStack() as stack:
        living = [stack.enter_context(child_process(each, folder)) for each in others]
        if plan.with_view:
            # Closing the window ends nothing.
            stack.enter_context(child_process(view, folder))
        scores = _run_task(task_arguments, plan, folder, recorder, living, progress)
        block = recorder.close()
    return scores, block


def _run_task(
    arguments: list[str],
    plan: BlockPlan,
    folder: Path,
    recorder: BlockRecorder,
    others: Sequence[ChildProcess],
    progress: Callable[[float], None],
) -> dict[str, float]:
    pause, polls = Event(), math.ceil((_START_S + _MOST_S_A_TRIAL * plan.trials) / _POLL_S)
    with child_process(arguments, folder) as task:
        for _ in range(polls):
            if task.has_ended():
                break
            recorder.poll()
            for other in others:
                if other.has_ended():
                    other.finish(0.0)
                    raise RtNerError(
                        f"a process of block '{plan.name}' ended early: see the logs in {folder}"
                    )
            progress(len(task.events("trial")) / plan.trials)
            pause.wait(_POLL_S)
        task.finish(_END_S)
        progress(len(task.events("trial")) / plan.trials)
        (scores,) = task.events("scores")
    return scores
