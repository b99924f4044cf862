"""Commands on sweeps. Torch, Dask and the tables are imported when they run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from offline_training.engines.options import (
    Scheduler,
    SlurmProfile,
    Workers,
    check_scheduler,
    cluster_engine,
)
from offline_training.options import require_training
from rt_ner.core.errors import ConfigError, RtNerError
from rt_ner.terminal.options import AsJson, out_option, print_json, table_of
from rt_ner.terminal.progress import display

if TYPE_CHECKING:
    from offline_training.sweep.run import Sweep

SweepPath = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Folder of a sweep, e.g. my-sweep.")
]


class SweepCommands(TyperGroup):
    """The sweep itself, which needs no name of its own, and the commands on its folder."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take a first argument that is no command for the sweep's settings."""
        is_sweep = args and args[0] not in (*self.commands, "--help")
        return super().parse_args(ctx, ["run", *args] if is_sweep else args)


app = typer.Typer(
    cls=SweepCommands,
    help="Fit many sessions with many methods, settings and seeds.\n\n"
    "rt-ner sweep CONFIG.toml --out FOLDER is short for rt-ner sweep run; its options: "
    "rt-ner sweep run --help.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command()
def run(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG",
            help="Settings file, e.g. sweep.toml; rt-ner settings sweep prints an example.",
        ),
    ],
    out: Annotated[
        Path, out_option("results, e.g. my-sweep; if it holds a sweep, that is continued")
    ],
    workers: Workers = None,
    scheduler: Scheduler = None,
    slurm: SlurmProfile = None,
    task_list: Annotated[
        Path | None,
        typer.Option(
            "--task-list",
            metavar="FILE",
            help="Run nothing, but write one command per fit to this file, e.g. tasks.txt: for "
            "a job array, or for xargs -P 4 on this computer.",
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run failed fits again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fit sessions with methods, settings and seeds.

    Each fit's result is a file in the folder. Run the same command again after any interruption:
    fits that are done are not repeated. The scores of all fits are in scores.parquet.

    Example: rt-ner sweep sweep.toml --out my-sweep --workers 4
    """
    require_training()
    require_sweep()
    check_scheduler(scheduler)
    from offline_training.sweep.plan.sessions import planned_sessions
    from offline_training.sweep.progress import SweepProgress
    from offline_training.sweep.results.folder import SweepFolder
    from offline_training.sweep.run import Sweep, run_sweep
    from offline_training.sweep.settings import load_sweep_settings

    settings = load_sweep_settings(config)
    folder = SweepFolder(out)
    folder.prepare()
    with display() as shown:
        sessions = planned_sessions(settings, folder, shown.say)
        sweep = Sweep(settings, sessions, folder)
        fits = sweep.fits_per_method()
        folder.write_plan(settings, sessions)
        if retry_failed:
            shown.say(f"{folder.forget_failures()} failed fits: trying them again")
        if task_list is not None:
            _write_task_list(sweep, task_list, shown.say)
            return
        memory_gb = settings.memory_limit_gb
        with cluster_engine(workers, scheduler, slurm, memory_gb, shown.say) as engine:
            try:
                run_sweep(sweep, engine, SweepProgress(shown, fits))
            except KeyboardInterrupt as error:
                shown.say("stopped; run the same command again to go on")
                raise typer.Exit(130) from error
    _show(folder.path, as_json)


def _write_task_list(sweep: "Sweep", path: Path, tell: Any) -> None:
    from offline_training.sweep.task_list import write_task_list

    n_tasks = write_task_list(sweep, path)
    tell(f"{path}: {n_tasks} commands; then show the results with: rt-ner sweep report "
         f"{sweep.folder.path}")  # fmt: skip


@app.command()
def fit(
    folder: SweepPath,
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", help="Number of the fit in the plan, from 0.", min=0)
    ],
) -> None:
    """Run one fit of a sweep, for task lists.

    A task list (--task-list) consists of these commands. A fit that is done is not repeated.
    """
    require_training()
    require_sweep()
    from offline_training.sweep.task_list import run_number

    typer.echo(run_number(folder, number), err=True)


@app.command()
def report(folder: SweepPath, as_json: AsJson = False) -> None:
    """Collect the results of a sweep into tables and one HTML page.

    Settings are chosen by their R² on validation trials; the R² shown for them is that of the
    held-out trials, which chose nothing.

    Example: rt-ner sweep report my-sweep
    """
    require_training()
    require_sweep()
    _show(folder, as_json)


def require_sweep() -> None:
    """Raise RtNerError where the packages of sweeps are not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("distributed", "optuna", "pyarrow") if not find_spec(name)]
    if missing:
        raise RtNerError(f"a sweep needs {', '.join(missing)}: pip install 'rt-ner[sweep]'")


def _show(path: Path, as_json: bool) -> None:
    from offline_training.sweep.report.page import write_report

    summary = write_report(path)
    if as_json:
        print_json(summary)
        return
    table = table_of(str(path))
    for name, value in summary.items():
        if not isinstance(value, list):
            table.add_row(name.replace("_", " "), str(value))
    Console(highlight=False, markup=False).print(table)
    if summary["failed"]:
        raise ConfigError(
            f"{summary['failed']} fits failed: see the report, correct the cause, and run the "
            "sweep with --retry-failed"
        )
