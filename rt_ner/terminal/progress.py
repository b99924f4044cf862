"""Show the progress of a long job: bars in a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a stage, from 0 to 1, and one number that shows its quality."""

    def __call__(self, stage: str, fraction: float, value: float | None = None, /) -> None:
        """Report a stage, by its name."""


def no_progress(_stage: str, _fraction: float, _value: float | None = None, /) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Bar:
    """One bar on display; ``value`` and ``count`` are in words, as they are shown."""

    key: str
    text: str
    fraction: float
    value: str = ""
    count: str = ""
    left: Callable[[], str] | None = None


class Display(Protocol):
    """Show bars, and messages above them."""

    def show(self, bar: Bar) -> None:
        """Show or update a bar."""

    def say(self, message: str) -> None:
        """Print a message."""


class PlainLines:
    """A line on stderr where a stage begins and where it ends, for log files and pipes."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._began_s: dict[str, float] = {}
        self._complete: set[str] = set()

    def show(self, bar: Bar) -> None:
        """Print a line if the stage is new or complete."""
        now_s = time.monotonic()
        began_s = self._began_s.setdefault(bar.key, now_s)
        if bar.fraction >= 1 and bar.key not in self._complete:
            self._complete.add(bar.key)
            value = f", {bar.value}" if bar.value else ""
            self.say(f"{bar.text}: done in {clock(now_s - began_s)}{value}")
        elif bar.fraction < 1 and self._texts.get(bar.key) != bar.text:
            self._texts[bar.key] = bar.text
            self.say(f"{bar.text} ({bar.count})" if bar.count else bar.text)

    def say(self, message: str) -> None:
        """Print a message."""
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()


class StageProgress:
    """Progress of named stages; ``value_name`` is written before each number, e.g. R²."""

    def __init__(self, display: Display, value_name: str = "") -> None:
        self._display = display
        self._value_name = value_name

    def __call__(self, stage: str, fraction: float, value: float | None = None, /) -> None:
        """Show the progress of a stage."""
        words = "" if value is None else f"{self._value_name} {value:.3f}".strip()
        self._display.show(Bar(stage, stage, fraction, words))

    def say(self, message: str) -> None:
        """Print a message above the bars."""
        self._display.say(message)

    def warn(self, message: str) -> None:
        """Print a warning above the bars."""
        self.say(f"warning: {message}")


class FitProgress:
    """Progress of many fits of several kinds, each of which takes its own time."""

    def __init__(self, display: Display, fits: Mapping[str, int]) -> None:
        self._display = display
        self._forecast = Forecast(fits)
        self._n_fits = sum(fits.values())
        self._n_done = 0
        self._n_at_once = 1
        self._text = ""

    def begins_fit(self, kind: str, description: str) -> None:
        """Start the next fit."""
        self._forecast.begins(kind)
        self._text = description
        self._show(0.0)

    def goes_on(self, part: float) -> None:
        """Report the part of the running fit that is done, from 0 to 1."""
        self._forecast.goes_on(part)
        self._show(part)

    def ends(self) -> None:
        """End the running fit."""
        self._forecast.ends()
        self._count()

    def counts(self, kind: str, description: str, seconds: float, n_at_once: int) -> None:
        """Count a fit that was done elsewhere in so many seconds, one of so many at once."""
        self._forecast.took(kind, seconds)
        self._n_at_once = n_at_once
        self._text = description
        self._count()

    def _count(self) -> None:
        self._n_done += 1
        if self._n_done == self._n_fits:
            self._text = "all fits"
        self._show(0.0)

    def tell(self, message: str) -> None:
        """Print a message above the bar."""
        self._display.say(message)

    def _show(self, part: float) -> None:
        count = f"fit {min(self._n_done + 1, self._n_fits)}/{self._n_fits}"
        fraction = (self._n_done + part) / self._n_fits if self._n_fits else 1.0
        left = partial(self._forecast.text, self._n_at_once)
        self._display.show(Bar("fits", self._text, fraction, count=count, left=left))


@contextmanager
def show_progress(value_name: str = "") -> Iterator[StageProgress]:
    """Show stages on stderr while the block runs."""
    with display() as shown:
        yield StageProgress(shown, value_name)


@contextmanager
def show_fits(fits: Mapping[str, int]) -> Iterator[FitProgress]:
    """Show on stderr how many fits of each kind are done while the block runs."""
    with display() as shown:
        yield FitProgress(shown, fits)


@contextmanager
def display() -> Iterator[Display]:
    """Open the display that suits stderr: bars in a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        yield PlainLines()
        return
    from rt_ner.terminal.bars import Bars  # noqa: PLC0415 - rich only where bars are drawn

    with Bars() as bars:
        yield bars


class Forecast:
    """Time left for a number of fits of each kind, from the time that such fits have taken."""

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
        """Start a fit of this kind."""
        self._running, self._began_s, self._part = kind, self._now_s(), 0.0

    def goes_on(self, part: float) -> None:
        """Note the fraction of the running fit that is done, from 0 to 1."""
        self._part = part

    def ends(self) -> None:
        """End the running fit."""
        assert self._running is not None
        self.took(self._running, self._now_s() - self._began_s)
        self._running = None

    def took(self, kind: str, seconds: float) -> None:
        """Note that a fit of this kind is done, and the seconds that it took."""
        self._taken_s.setdefault(kind, []).append(seconds)
        self._fits_left[kind] -= 1

    def leave_out(self, kind: str) -> None:
        """Note that a fit of this kind need not be done."""
        self._fits_left[kind] -= 1

    def left(self) -> tuple[float, tuple[str, ...]]:
        """Return the seconds left for the kinds timed so far, and the kinds not timed yet."""
        fit_s = {name: sum(taken) / len(taken) for name, taken in self._taken_s.items()}
        done_s = self._now_s() - self._began_s if self._running else 0.0
        if self._running and self._running not in fit_s and self._part > 0:
            fit_s[self._running] = done_s / self._part
        left = {name: fits for name, fits in self._fits_left.items() if fits}
        left_s = sum(fits * fit_s.get(name, 0.0) for name, fits in left.items())
        if self._running:
            left_s -= min(done_s, fit_s.get(self._running, 0.0))
        return left_s, tuple(name for name in left if name not in fit_s)

    def text(self, n_at_once: int = 1) -> str:
        """Return the time left in words; empty while it is not known."""
        left_s, untimed = self.left()
        if untimed and not left_s:
            return ""
        return f"{'over ' if untimed else ''}{clock(left_s / n_at_once)} left"


def clock(seconds: float) -> str:
    """Return a duration as 1:05 or, from an hour on, 1:02:03."""
    minutes, whole_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{whole_s:02d}" if hours else f"{minutes}:{whole_s:02d}"
