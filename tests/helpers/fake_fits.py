"""Sweeps whose fits learn nothing: scores follow from the fit's key."""

import os
import time
from pathlib import Path
from typing import Any

from offline_training.engines.engine import InProcess
from offline_training.sweep.plan.fits import Fit
from offline_training.sweep.plan.plan import PlannedSession
from offline_training.sweep.progress import SweepProgress
from offline_training.sweep.results.folder import SweepFolder
from offline_training.sweep.results.tables import collect
from offline_training.sweep.run import Sweep, run_sweep
from offline_training.sweep.settings import SessionGroup, SweepSettings
from rt_ner.terminal.progress import PlainLines

BAD_SEED = 13


def score(fit: Fit, session_file: Path) -> list[dict[str, Any]]:
    """Take as long as RT_NER_FAKE_FIT_S says, and note each completion in the sweep's folder.

    A fit whose result is there already is noted too.
    """
    if SweepFolder(session_file.parents[1]).state(fit.key) == "done":
        with (session_file.parents[1] / "repeats.txt").open("a") as log:
            log.write(f"{fit.key}\n")
    time.sleep(float(os.environ.get("RT_NER_FAKE_FIT_S", "0")))
    if fit.seed == BAD_SEED:
        raise ValueError("this seed is bad")
    r2 = int(fit.key[:6], 16) / 0xFFFFFF
    with (session_file.parents[1] / "completions.txt").open("a") as log:
        log.write(f"{fit.key}\n")
    trials = {"hops": [3, 4], "sum": [[1.0], [-1.0]], "squares": [[2.0], [3.0]]}
    return [
        {
            "readout": "linear", "dims": 3, "causal": True, "r2": r2, "path_r2": None,
            "direction_acc": None, "shuffled_r2": 0.0, "train_r2": r2, "train_path_r2": None,
            "swapped_r2": r2, "decodes": "velocity", "validation_r2": r2,
            "trials": {**trials, "residual": [[1.0], [0.5]]},
        }
    ]  # fmt: skip


def sweep_in(folder: Path, n_sessions: int = 2, fit: Any = score, **settings: Any) -> Sweep:
    """A sweep of sessions that do not exist."""
    place = SweepFolder(folder)
    place.prepare()
    sessions = tuple(
        PlannedSession(
            name=f"day{number}", area="M1", sha256=f"{number:064x}", outputs=(),
            has_directions=True, source="made up",
        )
        for number in range(n_sessions)
    )  # fmt: skip
    chosen = SweepSettings(
        sessions=(SessionGroup(files=("*.npz",)),),
        **({"settings": {"steps": [10, 20]}, "seeds": (0, 1)} | settings),
    )
    place.write_plan(chosen, sessions)
    return Sweep(chosen, sessions, place, fit)


def run_here(sweep: Sweep) -> SweepProgress:
    """Run a sweep in this process, and collect its tables."""
    progress = SweepProgress(PlainLines(), sweep.fits_per_method())
    run_sweep(sweep, InProcess(), progress)
    collect(sweep.folder)
    return progress


def table_bytes(sweep: Sweep) -> bytes:
    return (sweep.folder.path / "scores.parquet").read_bytes()


def has_repeats(sweep: Sweep) -> bool:
    """True if a fit was begun that had a result."""
    return (sweep.folder.path / "repeats.txt").exists()


def completions(sweep: Sweep) -> list[str]:
    """The key of each completed fit, once for each completion."""
    log = sweep.folder.path / "completions.txt"
    return log.read_text().splitlines() if log.exists() else []
