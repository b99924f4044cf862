"""Draw progress bars on a terminal of 80 columns or more."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from rt_ner.terminal.progress import Bar, clock

# A longer stage name goes on in the next line, so that the bar keeps its width.
_TEXT_WIDTHS = (12, 22)
_WIDE_TERMINAL = 100


class Bars:
    """One bar per key: stage, bar, percent, time elapsed, time left and a note."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True, highlight=False, markup=False)
        narrowest, widest = _TEXT_WIDTHS
        text_column = Column(min_width=narrowest, max_width=widest, overflow="fold")
        bar_width = 30 if console.width >= _WIDE_TERMINAL else 15
        self.progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=text_column),
            BarColumn(bar_width, table_column=Column(no_wrap=True)),
            _text_column("{task.percentage:>3.0f} %"),
            _Times(table_column=Column(no_wrap=True)),
            _text_column("{task.fields[note]}"),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def show(self, bar: Bar) -> None:
        """Show or update a bar."""
        if bar.key not in self._tasks:
            self._tasks[bar.key] = self.progress.add_task(
                bar.text, total=1.0, note="", left=bar.left
            )
        task = self._tasks[bar.key]
        note = f"{bar.count} {bar.value}".strip()
        self.progress.update(task, description=bar.text, completed=bar.fraction, note=note)

    def say(self, message: str) -> None:
        """Print a message above the bars."""
        self.progress.console.print(message, soft_wrap=True)

    def __enter__(self) -> "Bars":
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.progress.stop()


class _Times(ProgressColumn):
    """Time elapsed, and the time left unless the stage is complete."""

    def render(self, task: Task) -> Text:
        """Return both times, also while a stage reports nothing."""
        elapsed_s = (task.finished_time if task.finished else task.elapsed) or 0.0
        return Text(f"{clock(elapsed_s):>5}  {_left(task, elapsed_s)}".rstrip())


def _left(task: Task, elapsed_s: float) -> str:
    if task.finished:
        return ""
    if task.fields["left"] is not None:
        return str(task.fields["left"]())
    if not task.completed:
        return ""
    return f"{clock(elapsed_s * (1 - task.completed) / task.completed)} left"


def _text_column(text: str) -> TextColumn:
    return TextColumn(text, markup=False, table_column=Column(no_wrap=True))
