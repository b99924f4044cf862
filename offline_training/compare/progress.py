"""Progress: how far a comparison is, a bar for all methods and recordings."""

from collections.abc import Iterator
from contextlib import contextmanager

from offline_training.compare.run import Job, Plan
from rt_ner.terminal.progress import FitBar


class Bars(FitBar):
    """A bar on stderr for the whole comparison."""

    def __init__(self, plan: Plan) -> None:
        super().__init__({method.name: plan.fits_a_method for method in plan.methods})
        self._n_seeds = plan.n_seeds

    def begins(self, job: Job) -> None:
        """Say what is being fitted."""
        what = f"{job.method.name}{' control' if job.is_control else ''}"
        seed = f"seed {job.seed + 1} of {self._n_seeds}"
        self.begins_fit(job.method.name, f"{job.recording.name}, {seed}: {what}")


@contextmanager
def watching(plan: Plan) -> Iterator[Bars]:
    """Show the bar while it lasts."""
    bars = Bars(plan)
    with bars.progress:
        yield bars
