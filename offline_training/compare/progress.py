"""Show the progress of a comparison: one bar for all methods and recordings."""

from collections.abc import Iterator
from contextlib import contextmanager

from offline_training.compare.run import Job, Plan
from rt_ner.terminal.progress import Display, FitProgress, display


class Fits(FitProgress):
    """Progress of the whole comparison."""

    def __init__(self, shown: Display, plan: Plan) -> None:
        super().__init__(shown, {method.name: plan.fits_per_method for method in plan.methods})
        self._n_seeds = plan.n_seeds
        self._n_per_job = 1 + plan.with_control

    def begins(self, job: Job) -> None:
        """Start a fit."""
        self.begins_fit(job.method.name, self._described(job))

    def was_done(self, job: Job, fit_s: float, n_at_once: int) -> None:
        """Count a fit, and its control, that was done elsewhere, one of so many at once."""
        for _ in range(self._n_per_job):
            self.counts(job.method.name, self._described(job), fit_s, n_at_once)

    def _described(self, job: Job) -> str:
        fit = f"{job.method.name}{' control' if job.is_control else ''}"
        return f"{job.recording.name}, seed {job.seed + 1} of {self._n_seeds}: {fit}"


@contextmanager
def watching(plan: Plan) -> Iterator[Fits]:
    """Show progress on stderr while the comparison runs."""
    with display() as shown:
        yield Fits(shown, plan)
