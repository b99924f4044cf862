"""The learners of rt-ner adapt: a recalibration in a process of its own, or step by step here."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import load_bundle
from rt_ner.recalibration.block_file import load_block
from rt_ner.recalibration.readouts.stepwise import StepwiseAdaptation
from rt_ner.system.processes import ChildProcess


@dataclass(frozen=True)
class Task:
    """A task for a learner.

    Attributes
    ----------
    blocks
        Saved blocks of the day, oldest first; the last is of the decoder in use.
    in_use
        Folder of the bundle in use, to start from.
    out
        Folder to write the new bundle to, if it is better.

    """

    blocks: tuple[Path, ...]
    in_use: Path
    out: Path


@dataclass(frozen=True)
class Outcome:
    """The outcome of a task.

    Attributes
    ----------
    text
        A sentence for the operator.
    is_better
        True if a better bundle was written.
    has_failed
        True if nothing could be learned.

    """

    text: str
    is_better: bool = False
    has_failed: bool = False


class Learner(Protocol):
    """A learner; it works on one task at a time."""

    def begin(self, task: Task) -> None:
        """Begin a task."""
        ...

    def outcome(self) -> Outcome | None:
        """Return the outcome of the task that was begun, once; None until there is one."""
        ...

    def end(self) -> None:
        """Give up."""
        ...


class Recalibration:
    """Learns from all blocks together, as `rt-ner recalibrate` does, while nothing else computes.

    The process runs at the lowest priority; its text goes into ``folder``.
    """

    def __init__(self, folder: Path, part: str) -> None:
        self._log = folder / "recalibrate.log"
        self._part = part
        self._process: ChildProcess | None = None

    def begin(self, task: Task) -> None:
        """Begin a task."""
        *earlier, newest = map(str, task.blocks)
        arguments = ["recalibrate", str(task.in_use), "--out", str(task.out), "--block", newest]
        arguments += [f"--earlier={block}" for block in earlier]
        arguments += ["--part", self._part, "--overwrite"]
        self._process = ChildProcess(arguments, self._log, in_background=True)

    def outcome(self) -> Outcome | None:
        """Return the outcome of the task that was begun, once; None until there is one."""
        process = self._process
        if process is None or not process.has_ended():
            return None
        self._process = None
        process.end()
        found = process.events("recalibrated")
        if not found:
            return Outcome(f"learning failed: {process.last_words()}", has_failed=True)
        return _outcome(
            found[-1]["reaches"],
            found[-1]["in_use_deg"],
            found[-1]["recalibrated_deg"],
            found[-1]["is_written"],
            found[-1]["notice"] or "",
        )

    def end(self) -> None:
        """Give up."""
        if self._process is not None:
            self._process.end()


class StepByStep:
    """Adapts the readout of one bundle to one block after the other; that takes no time."""

    def __init__(self, adaptation: StepwiseAdaptation) -> None:
        self._adaptation = adaptation
        self._outcome: Outcome | None = None
        self._in_use: Bundle | None = None
        self._offered = 0

    def begin(self, task: Task) -> None:
        """Do a task."""
        in_use, block = load_bundle(task.in_use), load_block(task.blocks[-1])
        now = in_use.model.fingerprint
        before = self._in_use.model.fingerprint if self._in_use else now
        if now not in (before, self._offered):
            self._adaptation.go_back(now)
        self._in_use = in_use
        step = self._adaptation.take(block, in_use)
        if step is None:
            self._outcome = Outcome("no reach to learn from")
            return
        if math.isnan(step.adapted_deg):
            self._outcome = Outcome("first use learned; the next will tell if that is better")
            return
        if step.adapted is not None:
            step.adapted.save(task.out)
            self._offered = step.adapted.model.fingerprint
        self._outcome = _outcome(
            block.n_reaches, step.in_use_deg, step.adapted_deg, step.adapted is not None
        )

    def outcome(self) -> Outcome | None:
        """Return the outcome of the task that was begun, once; None until there is one."""
        outcome, self._outcome = self._outcome, None
        return outcome

    def end(self) -> None:
        """Do nothing, because nothing goes on."""


def _outcome(
    n_reaches: int, in_use_deg: float, new_deg: float, is_better: bool, notice: str = ""
) -> Outcome:
    """Return the outcome of learning; ``notice``: a further sentence, if any."""
    verdict = "better" if is_better else "not better"
    return Outcome(
        f"{n_reaches} reaches: {verdict}; mean angle to the intended velocity on held-out reaches "
        f"{in_use_deg:.1f}° in use, {new_deg:.1f}° learned{notice and f'; {notice}'}",
        is_better,
    )
