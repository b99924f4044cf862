"""Make and undo changes to the computer, and measure their effect."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from rt_ner.doctor.computer.files.system_files import SystemFiles, is_kernels
from rt_ner.doctor.computer.ledger import Entry, Ledger
from rt_ner.doctor.computer.proposal import Proposal
from rt_ner.system.computer.wake_ups import WakeUps
from rt_ner.terminal.progress import Progress

# Other programs come and go: without and with a change are measured in turns.
TURNS = 3

Measure = Callable[[Callable[[float], None]], WakeUps | None]


class ChangedSinceError(Exception):
    """Somebody else has changed a file meanwhile."""


@dataclass(frozen=True)
class Left:
    """A file that was left as it is, and the reason."""

    file: str
    reason: str


@dataclass(frozen=True)
class Applied:
    """The result of one proposal; ``without`` and ``with_it`` are None if not measured."""

    name: str
    changed: tuple[str, ...]
    left: tuple[Left, ...]
    without: WakeUps | None = None
    with_it: WakeUps | None = None


@dataclass(frozen=True)
class Undone:
    """The result of undoing; what is ``refused`` can still be undone, as root."""

    put_back: tuple[str, ...]
    left: tuple[Left, ...]
    refused: tuple[Left, ...]
    n_restarted: int


class Repair:
    """Makes the changes of proposals, and undoes them.

    Parameters
    ----------
    files
        The system's files.
    ledger
        Gets each change before it is made.

    """

    def __init__(self, files: SystemFiles, ledger: Ledger) -> None:
        self._files = files
        self._ledger = ledger

    def apply(self, proposal: Proposal, measure: Measure, show: Progress) -> Applied | None:
        """Make the changes, and measure wake-ups without and with them, in turns.

        Returns None if a measurement was stopped: then everything is as it was before.
        """
        entries = [
            Entry(name=proposal.name, boot=self._files.boot(), **vars(change))
            for change in proposal.changes
        ]
        self._ledger.add(entries)
        left: dict[str, str] = {}
        measured: list[WakeUps] = []
        n = 2 * TURNS if proposal.works_at_once else 0
        for done in range(n):
            self._switch(entries, left, forth=done % 2 == 1)
            wake_ups = measure(partial(_show_part, show, proposal.name, done, n))
            if wake_ups is None:
                self._switch(entries, left, forth=False)
                self._forget_unchanged(entries)
                return None
            measured.append(wake_ups)
        self._switch(entries, left, forth=True)
        self._forget_unchanged(entries)
        show(proposal.name, 1.0)
        return Applied(
            proposal.name,
            tuple(entry.file for entry in entries if entry.file not in left),
            tuple(Left(file, reason) for file, reason in left.items()),
            median_of(measured[0::2]),
            median_of(measured[1::2]),
        )

    def undo(self) -> Undone:
        """Put back what was there before all changes, the newest change first."""
        put_back: dict[str, None] = {}
        left: dict[str, Left] = {}
        refused: dict[str, Left] = {}
        n_restarted = 0
        for entry in reversed(self._ledger.entries()):
            if is_kernels(entry.file) and entry.boot != self._files.boot():
                n_restarted += 1
            else:
                try:
                    if self._put(entry.file, entry.after, entry.before):
                        put_back[entry.file] = None
                except ChangedSinceError as error:
                    left[entry.file] = Left(entry.file, str(error))
                except OSError as error:
                    refused[entry.file] = Left(entry.file, _reason(error))
                    continue
            self._ledger.drop(entry)
        return Undone(tuple(put_back), tuple(left.values()), tuple(refused.values()), n_restarted)

    def _switch(self, entries: Sequence[Entry], left: dict[str, str], forth: bool) -> None:
        """Make all changes, or unmake them; what can't be changed is left alone from then on."""
        for entry in entries:
            if entry.file in left:
                continue
            old, new = (entry.before, entry.after) if forth else (entry.after, entry.before)
            try:
                self._put(entry.file, old, new)
            except ChangedSinceError as error:
                left[entry.file] = str(error)
            except OSError as error:
                left[entry.file] = _reason(error)

    def _put(self, file: str, old: str | None, new: str | None) -> bool:
        """Change a file from ``old`` to ``new``; return False if that was so already."""
        now = self._files.read(file)
        if now == new:
            return False
        if now != old:
            raise ChangedSinceError(f"changed by somebody else, to {_shown(now)}")
        self._files.write(file, new)
        if (taken := self._files.read(file)) != new:
            self._files.write(file, old)
            raise OSError(f"the kernel made {_shown(taken)} of {_shown(new)}")
        return True

    def _forget_unchanged(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if self._files.read(entry.file) != entry.after:
                self._ledger.drop(entry)


def median_of(measured: Sequence[WakeUps]) -> WakeUps | None:
    """Return the median of each number over several measurements; None without any."""
    if not measured:
        return None
    return WakeUps(
        sum(each.n for each in measured),
        median(each.p50_us for each in measured),
        median(each.p99_us for each in measured),
        median(each.max_us for each in measured),
        measured[0].refused,
    )


def _show_part(show: Progress, name: str, done: int, n: int, part: float) -> None:
    show(name, (done + part) / n)


def _reason(error: OSError) -> str:
    return f"refused: {error.strerror or error}"


def _shown(content: str | None) -> str:
    return "nothing" if content is None else f"'{content.strip()}'"
