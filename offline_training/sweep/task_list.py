"""Run a sweep without any server: a list of commands, each of which runs one fit."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from offline_training.engines.versions import versions
from offline_training.sweep.fitting.job import Job, run_fit
from offline_training.sweep.results.folder import SweepFolder
from offline_training.sweep.run import Sweep
from rt_ner.core.atomic_files import replace_file
from rt_ner.core.errors import ConfigError


def write_task_list(sweep: Sweep, path: Path) -> int:
    """Write one command per fit that has not ended; return their number."""
    if sweep.settings.search == "optuna":
        raise ConfigError(
            'search = "optuna" chooses settings by the scores of earlier ones, so it has no task '
            'list: leave out --task-list, or set search = "random"'
        )
    lines = [*_commands(sweep)]
    replace_file(path, "".join(f"{line}\n" for line in lines).encode())
    return len(lines)


def _commands(sweep: Sweep) -> Iterator[str]:
    ended = sweep.folder.done() | sweep.folder.failed()
    start = shlex.join([sys.executable, "-m", "rt_ner", "sweep", "fit", str(sweep.folder.path)])
    for number, fit in enumerate(sweep.plan()):
        if fit.key not in ended:
            yield f"{start} {number}"


def run_number(path: Path, number: int) -> str:
    """Run the fit of a number, and return its outcome in words; ConfigError if there is none."""
    folder = SweepFolder(path)
    plan = folder.read_plan()
    if number >= len(plan):
        raise ConfigError(f"{path}: there is no fit {number}: its plan has {len(plan)}, from 0")
    fit = plan[number]
    outcome = run_fit(Job(str(folder.path), fit, plan.settings.time_limit_s, versions()))
    return f"{fit.name}: {outcome.state}"
