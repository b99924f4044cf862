"""Accompany a running decoder: hear its use, learn from it, and offer what is better."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Protocol

from rt_ner.bundle.storage import load_bundle
from rt_ner.core.errors import RtNerError
from rt_ner.live.learning.learners import Learner, Task
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.block_file import save_block

_POLL_S = 0.2


class Listener(Protocol):
    """Hears a running loop; ``bundle`` is the fingerprint of the model in use, None if unknown."""

    bundle: int | None

    def poll(self) -> list[str]:
        """Take all that has arrived, and return which streams are missing."""
        ...

    def n_shown(self) -> int:
        """Return how many targets have been shown since the last cut."""
        ...

    def cut(self) -> ClosedLoopBlock | None:
        """Return the block since the last cut; None if a stream has sent nothing yet."""
        ...


@dataclass
class Day:
    """All that was heard and learned: saved blocks, and bundles by fingerprint.

    ``n_tasks``: number of times that something was to be learned.
    """

    folder: Path
    blocks: list[Path] = field(default_factory=list)
    bundles: dict[int, Path] = field(default_factory=dict)
    n_tasks: int = 0

    def keep(self, block: ClosedLoopBlock) -> None:
        """Save a block."""
        path = self.folder / f"block-{len(self.blocks) + 1:03d}.npz"
        save_block(block, path)
        self.blocks.append(path)

    def know(self, bundle: Path) -> None:
        """Remember a bundle."""
        self.bundles[load_bundle(bundle).model.fingerprint] = bundle

    def next_bundle(self) -> Path:
        """Return the folder for the bundle that is learned next."""
        self.n_tasks += 1
        return self.folder / f"bundle-{self.n_tasks:03d}"


class Companion:
    """Learns from all blocks of the day, every so many reaches with one decoder.

    A block ends when the decoder swaps to another bundle, and when learning begins. Learning starts
    from the bundle in use; if that is another one when it is over, the outcome is dropped.

    Parameters
    ----------
    day
        The day so far; it must know the bundle that the decoder starts with.
    listener, learner
        The listener to the loop, and the learner.
    every_reaches
        Number of reaches with one decoder, after which to learn.
    offer
        Called with the folder of a better bundle.
    tell
        Called with a sentence for the operator.

    """

    def __init__(
        self,
        day: Day,
        listener: Listener,
        learner: Learner,
        every_reaches: int,
        offer: Callable[[Path], None],
        tell: Callable[[str], None],
    ) -> None:
        self._day = day
        self._listener = listener
        self._learner = learner
        self._every_reaches = every_reaches
        self._offer = offer
        self._tell = tell
        self._in_use: int | None = None
        self._task: Task | None = None
        self._missing = ""

    def run(self, stop: Event) -> None:
        """Accompany the decoder until ``stop``."""
        try:
            while not stop.wait(_POLL_S):
                self.step()
        finally:
            self._learner.end()
            self._keep_block()

    def step(self) -> None:
        """Take what has come, and do what is due."""
        # A stream that was not looked for yet has no problem to tell.
        self._tell_missing("; ".join(filter(None, self._listener.poll())))
        if self._listener.bundle != self._in_use:
            self._follow(self._listener.bundle)
        if self._task is not None:
            self._take_outcome(self._task)
        # The newest reach is not over.
        elif self._listener.n_shown() > self._every_reaches:
            self._begin()

    def _tell_missing(self, missing: str) -> None:
        if missing != self._missing:
            self._missing = missing
            self._tell(missing or "all streams are there")

    def _follow(self, bundle: int | None) -> None:
        """Begin a new block, because another bundle decodes now."""
        self._keep_block()
        is_first, self._in_use = self._in_use is None, bundle
        if bundle not in self._day.bundles:
            self._tell(
                f"the decoder uses a bundle that is not known here (number {bundle} in rt-ner "
                "inspect): nothing is learned with it; start rt-ner adapt with the bundle in use"
            )
        elif not is_first:
            self._tell(f"the decoder uses {self._day.bundles[bundle]} now")

    def _keep_block(self) -> None:
        """Save the reaches since the last block, so that nothing heard is lost."""
        block = self._listener.cut()
        if block is not None and block.n_reaches:
            self._day.keep(block)

    def _begin(self) -> None:
        """Learn from all blocks, if it is known what to start from."""
        before = len(self._day.blocks)
        self._keep_block()
        if self._in_use is None:
            self._tell("the decoder does not say which bundle it uses: update rt-ner there")
        if self._in_use in self._day.bundles and len(self._day.blocks) > before:
            in_use = self._day.bundles[self._in_use]
            self._task = Task(tuple(self._day.blocks), in_use, self._day.next_bundle())
            self._attempt(self._task)

    def _attempt(self, task: Task) -> None:
        try:
            self._learner.begin(task)
        except RtNerError as error:
            self._task = None
            self._tell(f"learning failed: {error}")

    def _take_outcome(self, task: Task) -> None:
        outcome = self._learner.outcome()
        if outcome is None:
            return
        self._task = None
        self._tell(outcome.text)
        if not outcome.is_better:
            return
        self._day.know(task.out)
        if self._in_use is None or self._day.bundles.get(self._in_use) != task.in_use:
            self._tell("not offered, because another bundle has come into use meanwhile")
            return
        self._offer(task.out)
