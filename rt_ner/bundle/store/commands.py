"""Commands on a store of bundles."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from rt_ner.bundle.store.difference import differences
from rt_ner.bundle.store.store import ModelStore
from rt_ner.core.errors import BundleError
from rt_ner.terminal.options import AsJson, print_json, table_of

_SHOWN = 12

StorePath = Annotated[
    Path, typer.Argument(metavar="STORE", help="Folder of the store, e.g. my-store.")
]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="Name, e.g. monkey1, or the first characters of a bundle's hash."
    ),
]

app = typer.Typer(
    help="Keep bundles in a store, and set which one is in use.\n\n"
    "Give STORE/NAME/current to a command to use the bundle that is promoted for NAME, e.g. "
    "rt-ner decode my-store/monkey1/current.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command()
def add(
    store: StorePath,
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Folder of a trained bundle, e.g. m1-bundle.")
    ],
    as_json: AsJson = False,
) -> None:
    """Copy a bundle into a store, which is created if needed.

    Example: rt-ner models add my-store m1-bundle
    """
    digest = ModelStore(store).add(bundle)
    if as_json:
        print_json({"bundle": digest})
    else:
        typer.echo(f"{digest[:_SHOWN]} is in {store}")


@app.command("list")
def list_models(store: StorePath, as_json: AsJson = False) -> None:
    """List the bundles of a store with sessions and scores.

    Example: rt-ner models list my-store
    """
    models = ModelStore(store)
    entries = models.index()
    names = {name: models.current(name) for name in models.names()}
    if as_json:
        print_json({"bundles": entries, "names": names})
        return
    table = Table(title=str(store), title_justify="left")
    for column in ("bundle", "trained on", "R²", "control", "current for"):
        table.add_column(column)
    for digest, entry in entries.items():
        of = ", ".join(name for name, current in names.items() if current == digest)
        r2, control = _r2s(entry["scores"])
        table.add_row(digest[:_SHOWN], f"{entry['session']} {entry['area']}", r2, control, of)
    Console(highlight=False, markup=False).print(table)


def _r2s(scores: Any) -> tuple[str, str]:
    """Return the held-out score of the outputs and that of the control, as shown."""
    control = next(name for name in scores if name.startswith("shuffled_"))
    return f"{scores[control.removeprefix('shuffled_')]:.3f}", f"{scores[control]:.3f}"


@app.command()
def show(store: StorePath, model: Model, as_json: AsJson = False) -> None:
    """Show a bundle's origin, settings and scores, and where it was in use.

    Example: rt-ner models show my-store monkey1
    """
    models = ModelStore(store)
    digest = models.find(model)
    content = models.manifest(digest).model_dump(mode="json")
    events = models.events_of(digest)
    if as_json:
        shown = {name: content[name] for name in ("training", "scores", "versions")}
        print_json({"bundle": digest, **shown, "events": [[*each] for each in events]})
        return
    training = content["training"]
    table = table_of(digest)
    table.add_row("trained on", f"{training['session']} {training['area']}")
    table.add_row("hash of the session", training["session_sha256"])
    for name, value in content["scores"].items():
        if isinstance(value, float):
            table.add_row(name.replace("_", " ").replace(" r2", " R²"), f"{value:.3f}")
    table.add_row("settings", json.dumps(training["settings"]))
    for name, event in events:
        details = ", ".join(str(event[key]) for key in ("rig", "note") if key in event)
        where = f"{name}, on {event['computer']}{f' ({details})' if details else ''}"
        table.add_row(f"{event['time']} {event['event']}", where)
    Console(highlight=False, markup=False).print(table)


@app.command()
def diff(store: StorePath, one: Model, other: Model, as_json: AsJson = False) -> None:
    """Show in which settings, sessions and scores two bundles differ.

    Example: rt-ner models diff my-store monkey1 81c0
    """
    models = ModelStore(store)
    first, second = (models.find(each) for each in (one, other))
    found = differences(models.manifest(first), models.manifest(second))
    if as_json:
        print_json({"bundles": [first, second], "differences": found})
        return
    table = Table(title=str(store), title_justify="left")
    for column in ("", first[:_SHOWN], second[:_SHOWN]):
        table.add_column(column)
    for key, values in found.items():
        table.add_row(key, *("–" if value is None else json.dumps(value) for value in values))
    Console(highlight=False, markup=False).print(table)


@app.command()
def promote(
    store: StorePath,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Animal or rig that the bundle is for, e.g. monkey1."),
    ],
    model: Model,
    rig: Annotated[
        str, typer.Option("--rig", metavar="NAME", help="Rig to note in the history, e.g. rig2.")
    ] = "",
    note: Annotated[
        str,
        typer.Option(
            "--note", metavar="TEXT", help="Remark to note in the history, e.g. 'new array'."
        ),
    ] = "",
) -> None:
    """Put a bundle into use for a name, such as that of an animal.

    STORE/NAME/current then means this bundle, until another one is promoted. A decoder that is
    running keeps the bundle that it began with.

    Example: rt-ner models promote my-store monkey1 3fa2 --rig rig2
    """
    digest = ModelStore(store).promote(name, model, rig, note)
    typer.echo(f"{store / name / 'current'} is {digest[:_SHOWN]}")


@app.command()
def verify(store: StorePath) -> None:
    """Check that no bundle of a store is damaged.

    Example: rt-ner models verify my-store
    """
    models = ModelStore(store)
    problems = [*models.problems()]
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise BundleError(f"{store}: problems found: {len(problems)} (see above)")
    typer.echo(f"{store}: all {len(models.hashes())} bundles are intact")
