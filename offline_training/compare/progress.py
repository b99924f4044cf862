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

    def begins(self, job: Job) -> None:
        """Start a fit."""
        fit = f"{job.method.name}{' control' if job.is_control else ''}"
        seed = f"seed {job.seed + 1} of {self._n_seeds}"
        self.begins_fit(job.method.name, f"{job.recording.name}, {seed}: {fit}")


@contextmanager
def watching(plan: Plan) -> Iterator[Fits]:
    """Show progress on stderr while the comparison runs."""
    with display() as shown:
        yield Fits(shown, plan)
