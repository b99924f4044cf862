"""Progress: how far many fits are, and the time left by what each kind of fit has taken."""

import time
from collections.abc import Callable, Mapping

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


class Forecast:
    """Time left, for so many fits of each kind. A kind not timed yet is told apart, not guessed."""

    def __init__(
        self, fits: Mapping[str, int], now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._now_s = now_s
        self._fits_left = dict(fits)
        self._taken_s: dict[str, list[float]] = {}
        self._running: str | None = None
        self._began_s = 0.0
        self._part = 0.0

    def begins(self, kind: str) -> None:
        """A fit of this kind begins."""
        self._running, self._began_s, self._part = kind, self._now_s(), 0.0

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
        """Seconds left for the kinds that are timed, and the names of those that are not."""
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


class FitBar:
    """A bar on stderr for so many fits of each kind."""

    def __init__(self, fits: Mapping[str, int]) -> None:
        self._forecast = Forecast(fits)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _TimeLeft(self._forecast),
            console=Console(stderr=True, highlight=False, markup=False),
        )
        self._n_done = 0
        self._task = self.progress.add_task("", total=sum(fits.values()))

    def begins_fit(self, kind: str, description: str) -> None:
        """Say what is being fitted."""
        self._forecast.begins(kind)
        self.progress.update(self._task, description=description)

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
        self.progress.console.print(message, soft_wrap=True)


class _TimeLeft(ProgressColumn):
    def __init__(self, forecast: Forecast) -> None:
        super().__init__()
        self._forecast = forecast

    def render(self, task: Task) -> Text:
        """The forecast, also while a fit says nothing."""
        return Text("" if task.finished else self._forecast.text())
