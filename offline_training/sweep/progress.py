"""Show the progress of a sweep over all of its fits, with the time left."""

from collections.abc import Mapping

from offline_training.sweep.fitting.job import Outcome, State
from rt_ner.terminal.progress import Bar, Display, Forecast


class SweepProgress:
    """One bar over all fits, done before or now.

    The time left follows from the times that fits of the same method have taken in this run, and
    from the number of workers.
    """

    def __init__(self, display: Display, fits: Mapping[str, int]) -> None:
        self._display = display
        self._forecast = Forecast(fits)
        self._n_fits = sum(fits.values())
        self._n_ended = 0
        self._n_failed = 0
        self.n_at_once = 1

    def was_ended(self, method: str) -> None:
        """Count a fit that had ended before this run."""
        self._forecast.leave_out(method)
        self._n_ended += 1

    def ended(self, method: str, outcome: Outcome) -> None:
        """Count a fit that has ended."""
        self._forecast.took(method, outcome.seconds)
        self._n_ended += 1
        self._n_failed += outcome.state == State.FAILED
        self.show()

    def show(self) -> None:
        """Show the bar."""
        failed = f", {self._n_failed} failed" if self._n_failed else ""
        count = f"{self._n_ended}/{self._n_fits}{failed}"
        fraction = self._n_ended / self._n_fits if self._n_fits else 1.0
        self._display.show(Bar("fits", "fits", fraction, count=count, left=self._left))

    def _left(self) -> str:
        return self._forecast.text(self.n_at_once)

    def tell(self, message: str) -> None:
        """Print a message above the bar."""
        self._display.say(message)
