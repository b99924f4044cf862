"""Run a sweep of fake fits as a process: python -m tests.helpers.sweep_client FOLDER …"""

import sys
from pathlib import Path
from typing import Any

from offline_training.engines.options import cluster_engine
from offline_training.sweep.progress import SweepProgress
from offline_training.sweep.results.tables import collect
from offline_training.sweep.run import run_sweep
from rt_ner.terminal.progress import display
from tests.helpers import fake_fits

# The same fits for the test and for the process.
FITS: dict[str, Any] = {"seeds": tuple(range(8))}


def main(folder: str, workers: str = "", scheduler: str = "") -> None:
    sweep = fake_fits.sweep_in(Path(folder), **FITS)
    n_workers = int(workers) if workers else None
    with (
        display() as shown,
        cluster_engine(n_workers, scheduler or None, None, 0.0, shown.say) as engine,
    ):
        run_sweep(sweep, engine, SweepProgress(shown, sweep.fits_per_method()))
    collect(sweep.folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
