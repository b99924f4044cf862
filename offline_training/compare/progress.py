"""Progress: how far a comparison is, and the time left by what each method's fits have taken."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from offline_training.compare.run import Job, Plan


class Forecast:
    """Time left. A method that has not been timed yet is told apart, not guessed."""

    def __init__(self, plan: Plan, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._fits_left = {method.name: plan.fits_a_method for method in plan.methods}
        self._taken_s: dict[str, list[float]] = {}
        self._running: str | None = None
        self._began_s = 0.0
        self._part = 0.0

    def begins(self, method: str) -> None:
        """A fit of the method begins."""
        self._running, self._began_s, self._part = method, self._now_s(), 0.0

    def goes_on(self, part: float) -> None:
        """The part of the running fit that is done, 0 to 1."""
        self._part = part

    def ends(self) -> None:
        """The running fit is done."""
        assert self._running is not None
        self._taken_s.setdefault(self._running, []).append(self._now_s() - self._began_s)
        self._fits_left[self._running] -= 1
        self._running = None

    def left(self) -> tuple[float, tuple[str, ...]]:
        """Seconds left for the methods that are timed, and the names of those that are not."""
        fit_s = {name: sum(taken) / len(taken) for name, taken in self._taken_s.items()}
        done_s = self._now_s() - self._began_s if self._running else 0.0
        if self._running and self._running not in fit_s and self._part > 0:
            fit_s[self._running] = done_s / self._part
        left = {name: fits for name, fits in self._fits_left.items() if fits}
        left_s = sum(fits * fit_s.get(name, 0.0) for name, fits in left.items())
        if self._running:
            left_s -= min(done_s, fit_s.get(self._running, 0.0))
        return left_s, tuple(name for name in left if name not in fit_s)

    def text(self) -> str:
        """Time left, in words."""
        left_s, untimed = self.left()
        if untimed and not left_s:
            return "time left not known yet"
        minutes, seconds = divmod(round(left_s), 60)
        least = "at least " if untimed else ""
        return f"{least}{minutes}:{seconds:02d} left"


class Bars:
    """A bar on stderr for the whole comparison."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._forecast = Forecast(plan)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _TimeLeft(self._forecast),
            console=Console(stderr=True, highlight=False, markup=False),
        )
        self._n_done = 0
        self._task = self.progress.add_task("", total=plan.fits_a_method * len(plan.methods))

    def begins(self, job: Job) -> None:
        """Say what is being fitted."""
        self._forecast.begins(job.method.name)
        what = f"{job.method.name}{' control' if job.is_control else ''}"
        seed = f"seed {job.seed + 1} of {self._plan.n_seeds}"
        self.progress.update(self._task, description=f"{job.recording.name}, {seed}: {what}")

    def goes_on(self, part: float) -> None:
        """Move the forecast on."""
        self._forecast.goes_on(part)

    def ends(self) -> None:
        """Move the bar on."""
        self._forecast.ends()
        self._n_done += 1
        self.progress.update(self._task, completed=self._n_done)

    def tell(self, message: str) -> None:
        """Print a message above the bar."""
        self.progress.console.print(message)


@contextmanager
def watching(plan: Plan) -> Iterator[Bars]:
    """Show the bar while it lasts."""
    bars = Bars(plan)
    with bars.progress:
        yield bars


class _TimeLeft(ProgressColumn):
    def __init__(self, forecast: Forecast) -> None:
        super().__init__()
        self._forecast = forecast

    def render(self, task: Task) -> Text:
        """The forecast, also while a fit says nothing."""
        return Text("" if task.finished else self._forecast.text())
