"""Parts whose processes are only noted, and end when the test says so."""

from collections.abc import Collection

from rt_ner.core.errors import RtNerError
from rt_ner.record.rig_events import Happened
from rt_ner.rig.plan.part import Part
from rt_ner.rig.supervision.supervisor import Supervisor


class FakeProcess:
    """A process that ends when it is interrupted, unless it is stubborn."""

    # Above what any system gives to a real process.
    pid = 2**31 - 2

    def __init__(self, part: Part, lab: "FakeLab") -> None:
        self.part = part
        self.lab = lab
        self.code: int | None = None
        self.over = False

    def has_ended(self) -> bool:
        return self.over

    def wait(self, timeout_s: float) -> int | None:
        if not self.over:
            raise RtNerError("did not end")
        return self.code

    def interrupt(self) -> None:
        self.lab.log.append(f"interrupt {self.part.name}")
        if self.part.name not in self.lab.stubborn:
            self.die(0)

    def end(self) -> None:
        self.lab.log.append(f"gone {self.part.name}")
        self.over = True

    def die(self, code: int | None) -> None:
        self.code, self.over = code, True

    def events(self, name: str) -> list[dict[str, object]]:
        return []

    def last_words(self) -> str:
        return "its last line: oh"


class FakeTeller:
    """Keeps what was told, and what happened to whom."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.happened: list[tuple[Happened, str]] = []

    def __call__(self, text: str) -> None:
        self.told.append(text)

    def note(self, kind: Happened, of: str, text: str) -> None:
        self.happened.append((kind, of))
        self(f"{of}: {text}")


class FakeLab:
    """Streams that are there, processes that were started, and what was told."""

    def __init__(self, *parts: Part) -> None:
        self.streams: set[str] = set()
        self.started: list[FakeProcess] = []
        self.log: list[str] = []
        self.teller = FakeTeller()
        self.told = self.teller.told
        self.stubborn: set[str] = set()
        self.has_disk = True
        self.supervisor = Supervisor(parts, self._start, self._answering, self.teller)

    def names(self) -> list[str]:
        return [process.part.name for process in self.started]

    def newest(self, name: str) -> FakeProcess:
        return next(each for each in reversed(self.started) if each.part.name == name)

    def _start(self, part: Part) -> FakeProcess:
        if not self.has_disk:
            raise OSError(28, "No space left on device")
        self.started.append(FakeProcess(part, self))
        return self.started[-1]

    def _answering(self, needs: Collection[str]) -> set[str]:
        return self.streams & set(needs)
