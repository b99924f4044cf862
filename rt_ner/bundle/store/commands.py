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
    Path, typer.Argument(metavar="STORE", help="Folder of the store, e.g. models.")
]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="Name, e.g. monkey1, or the first characters of a bundle's hash."
    ),
]

app = typer.Typer(
    help="Keep bundles in a store, and say which one is in use.\n\n"
    "Where a command takes a bundle, STORE/NAME/current is the one promoted for NAME.",
    no_args_is_help=True,
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
    """Copy a bundle into a store; a store that does not exist is made."""
    digest = ModelStore(store).add(bundle)
    if as_json:
        print_json({"bundle": digest})
    else:
        typer.echo(f"{digest[:_SHOWN]} is in {store}")


@app.command("list")
def list_models(store: StorePath, as_json: AsJson = False) -> None:
    """List the bundles of a store with sessions and scores."""
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
    """Show a bundle's origin, settings and scores, and where it was in use."""
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
    """Show in which settings, sessions and scores two bundles differ."""
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
        str, typer.Argument(metavar="NAME", help="Name to promote it for, e.g. monkey1.")
    ],
    model: Model,
    rig: Annotated[
        str, typer.Option("--rig", metavar="NAME", help="Rig it is for, e.g. rig2; noted.")
    ] = "",
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="Reason or remark; noted.")
    ] = "",
) -> None:
    """Let STORE/NAME/current stand for a bundle from now on.

    A decoder that is running keeps the bundle that it began with.

    Example: rt-ner models promote models monkey1 3fa2 --rig rig2
    """
    digest = ModelStore(store).promote(name, model, rig, note)
    typer.echo(f"{store / name / 'current'} is {digest[:_SHOWN]}")


@app.command()
def verify(store: StorePath) -> None:
    """Check all bundles of a store: every byte, and the golden windows."""
    models = ModelStore(store)
    problems = [*models.problems()]
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise BundleError(f"{store}: {len(problems)} problems, named above")
    typer.echo(f"{store}: all {len(models.hashes())} bundles are intact")
