"""Command that transfers a decoder to another day. Torch is imported when it runs."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from offline_training.commands import reaching_in_file
from offline_training.options import require_training, train_settings
from rt_ner.bundle.entries.reaching_entry import ReachingEntry
from rt_ner.bundle.storage import add_to_report, check_writable
from rt_ner.core.atomic_files import check_home, replace_file
from rt_ner.core.errors import ConfigError
from rt_ner.terminal.options import (
    AreaName,
    AsJson,
    ConfigPath,
    Device,
    FigurePath,
    Outputs,
    Overwrite,
    RecipePath,
    SettingsSeed,
    out_option,
    print_json,
)
from rt_ner.terminal.progress import show_fits

if TYPE_CHECKING:
    from offline_training.transfer.results import Curve

_DEFAULT_TRIALS = ("0", "4", "8", "16", "32", "all")


def transfer(
    days: Annotated[
        list[Path],
        typer.Argument(
            metavar="DAY... NEW_DAY",
            help="Sessions of the known days, oldest first, then the session of the new day, e.g. "
            "day1.xdf day2.xdf day3.xdf.",
        ),
    ],
    recipe: RecipePath = None,
    area: AreaName = None,
    trials: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N",
            help="Number of trials of the new day to use with labels, e.g. 16; 0: none; all: every "
            f"training trial. Repeat for more than one. Default: {', '.join(_DEFAULT_TRIALS)}.",
        ),
    ] = None,
    config: ConfigPath = None,
    outputs: Outputs = "",
    seed: SettingsSeed = None,
    no_rivals: Annotated[
        bool, typer.Option("--no-rivals", help="Skip the comparison with other decoders.")
    ] = False,
    out: Annotated[
        Path | None, out_option("the bundle of the new day; needs a single --trials")
    ] = None,
    figure: FigurePath = None,
    overwrite: Overwrite = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Carry a decoder over to a new day with few labels or none.

    Trains a decoder on the known days, and keeps its readout. Matches the units of the new day to
    theirs, by name if all days have the same channel names, otherwise by firing. Learns from the
    spikes of all training trials of the new day, and from the labels (recorded behaviour) of the
    first few. Scores the result on the last fifth of the new day, next to decoders that learn from
    the labelled trials alone.

    Example: rt-ner transfer day1.xdf day2.xdf day3.xdf --trials 16 --out day3-bundle
    """
    require_training()
    from offline_training.dataset.adequacy import check_adequacy
    from offline_training.options import pick_device
    from offline_training.transfer.curve import Plan, run
    from offline_training.transfer.days import chosen_trials, load_days

    _check_outputs(out, figure, overwrite, trials)
    settings = train_settings(config, seed, outputs)
    if len(days) < 2:
        raise ConfigError(
            f"{days[0]}: one session alone; name the known days and then the new day, e.g. "
            "rt-ner transfer day1.xdf day2.xdf"
        )
    loaded = load_days(days[:-1], days[-1], area, settings, recipe)
    numbers, too_many = chosen_trials(trials or _DEFAULT_TRIALS, loaded.target.trials.size)
    plan = Plan(loaded, tuple(numbers), not no_rivals, pick_device(device))
    with show_fits(plan.fits()) as fits:
        for day in (loaded.source, *loaded.others, loaded.target):
            for warning in check_adequacy(day.split, day.session.channel_ids):
                fits.tell(f"warning: {day.session.name}: {warning}")
        if settings.classes:
            fits.tell(
                f"classes = '{settings.classes}' left out: a classifier fits the latents of one "
                "encoder, and the new day gets another; to classify, train on it (rt-ner train)"
            )
        if too_many:
            fits.tell(
                f"--trials {', '.join(too_many)} skipped: {loaded.target.session.name} has only "
                f"{plan.n_all} training trials"
            )
        curve = run(plan, fits)
    # Of a known day: without labels, nothing may be learned from the new day's movement.
    reaching = None if recipe else reaching_in_file(days[-2])
    _save(curve, reaching, out, figure, overwrite)
    _show(curve, out, figure, as_json)


def _check_outputs(
    out: Path | None, figure: Path | None, overwrite: bool, trials: list[str] | None
) -> None:
    """Raise ConfigError if the results could not be written after training."""
    if out is not None:
        if len(trials or ()) != 1:
            raise ConfigError("--out writes one bundle: give one --trials, e.g. --trials 16")
        check_writable(out, overwrite)
    if figure is None:
        return
    if figure.suffix.lower() != ".png":
        raise ConfigError(f"--figure {figure}: expected a file name ending in .png")
    if figure.exists() and not (overwrite and figure.is_file()):
        raise ConfigError(
            f"--figure {figure} exists: choose another name, or replace it with --overwrite"
        )
    check_home(figure)


def _save(
    curve: "Curve",
    reaching: ReachingEntry | None,
    out: Path | None,
    figure: Path | None,
    overwrite: bool,
) -> None:
    from offline_training.training import save_trained
    from offline_training.transfer.report.export import aligned_bundle
    from offline_training.transfer.report.figure import draw_curve

    if out is None and figure is None:
        return
    picture = draw_curve(curve)
    if out is not None:
        (n_trials,) = curve.aligned
        trained = aligned_bundle(curve, n_trials)
        trained = replace(trained, bundle=trained.bundle.with_reaching(reaching))
        save_trained(trained, out, overwrite)
        add_to_report(out, {"transfer.png": picture})
    if figure is not None:
        replace_file(figure, picture)


def _show(curve: "Curve", out: Path | None, figure: Path | None, as_json: bool) -> None:
    from offline_training.transfer.report.tables import curve_json, curve_table, match_line

    if as_json:
        print_json(curve_json(curve))
        return
    console = Console(highlight=False, markup=False)
    console.print(curve_table(curve))
    console.print(match_line(curve), soft_wrap=True)
    for name, place in (("Bundle", out), ("Figure", figure)):
        if place is not None:
            console.print(f"{name}: {place}", soft_wrap=True)
