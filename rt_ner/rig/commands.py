"""Define the commands of `rt-ner rig`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from rt_ner.core.errors import ConfigError
from rt_ner.rig.file.layout import Rig, load_rig
from rt_ner.rig.file.template import VALUES, Template, rig_text
from rt_ner.rig.page.commands import page
from rt_ner.rig.plan.steps import Step, steps_before_loop, steps_of_day
from rt_ner.system.signals import interrupted_by_signals, stop_on_signals
from rt_ner.terminal.commands import Example, example_text
from rt_ner.terminal.options import AsJson, print_json, table_of

if TYPE_CHECKING:
    from rt_ner.rig.session import Session

RigFile = Annotated[
    Path, typer.Argument(metavar="RIG", help="The rig's file; rt-ner rig new writes one.")
]
DEFAULT_FILE = Path("rig.toml")
StepName = Annotated[Step, typer.Argument(metavar="STEP", help="Step of the day.")]
RigSpeed = Annotated[
    float | None,
    typer.Option(
        "--speed",
        metavar="FACTOR",
        help="Speed of a simulated source, 1 to 4. Default: as the file says.",
        show_default=False,
    ),
]
Yes = Annotated[
    bool, typer.Option("--yes", help="Go on from step to step without asking for Enter.")
]

app = typer.Typer(
    help="Run a session from one file: start, watch and end all its parts.\n\n"
    "Example: rt-ner rig new --template simulated, then rt-ner rig day",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command()
def new(
    template: Annotated[
        Template | None,
        typer.Option(
            help="Kind of source to begin with. Default: choose from what is on the network.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="New file, e.g. rig.toml.")
    ] = DEFAULT_FILE,
    animal: Annotated[
        str, typer.Option(metavar="LABEL", help="Label of the animal, e.g. M.")
    ] = "X",
) -> None:
    """Write a rig's file, with a comment on every setting.

    Example: rt-ner rig new --template simulated
    """
    if out.exists():
        raise ConfigError(f"{out} exists: name another file with --out, or remove it first")
    values = {"animal": animal} | (_chosen() if template is None else VALUES[template])
    out.write_text(rig_text(example_text(Example.RIG), values), encoding="utf-8")
    typer.echo(f"{out}: read it, change what differs in your rig, then: rt-ner rig check {out}")


@app.command()
def check(rig: RigFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """List all that is wrong with a rig before anything starts.

    Exit code 1 if anything is.

    Example: rt-ner rig check rig.toml
    """
    from rt_ner.lsl.streams import quiet_liblsl
    from rt_ner.rig.checks.checks import findings_of
    from rt_ner.rig.links.network import Network

    quiet_liblsl()
    findings = findings_of(load_rig(rig), Network().settled())
    if as_json:
        print_json({"findings": findings})
    else:
        _print_findings(rig, findings)
    raise typer.Exit(1 if findings else 0)


@app.command()
def up(rig: RigFile = DEFAULT_FILE, speed: RigSpeed = None) -> None:
    """Start all parts of a rig and watch over them, until Ctrl-C.

    Each part starts when what it needs is there. What fails is started again as the file says, and
    Ctrl-C, or closing the terminal, ends all: the decoder first, so that the velocity goes to zero.
    If this command is killed, the parts run on; when it is started anew, it takes them over. With a
    simulated subject and no bundle yet, it first calibrates and trains one.

    Keys: h hold, r resume, x reset, + and - gain, w swap, u undo, s start again what has ended,
    q end all.
    """
    loaded = load_rig(rig, speed)
    with _session(loaded, rig) as session:
        if any(_run(session, step) for step in steps_before_loop(loaded)):
            return
        with stop_on_signals() as stop:
            session.up(stop)


@app.command()
def status(rig: RigFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Show which parts of a rig run, and the decoder's state."""
    from rt_ner.rig.supervision.state_file import read_state, status_of

    shown = status_of(read_state(load_rig(rig).state_file))
    if as_json:
        print_json(shown)
        return
    table = table_of(f"{rig}: {'up' if shown['is_up'] else 'not up'}")
    if shown["decoder"]:
        table.add_row("decoder's state", str(shown["decoder"]))
    for part in shown["parts"]:
        missing = f"waits for {', '.join(part['missing'])}" if part["missing"] else ""
        table.add_row(part["name"], part["status"], str(part["pid"] or ""), missing)
    Console(highlight=False, markup=False).print(table)


@app.command()
def run(step: StepName, rig: RigFile = DEFAULT_FILE, speed: RigSpeed = None) -> None:
    """Run a step of the day, until it is over.

    calibrate records reaches by hand, train makes a bundle of the newest calibration, decode
    records a block in the closed loop, recalibrate learns from the newest block, and score scores
    the bundle and lists the blocks.

    Example: rt-ner rig run calibrate
    """
    with _session(load_rig(rig, speed), rig) as session:
        _run(session, step)


@app.command()
def day(rig: RigFile = DEFAULT_FILE, speed: RigSpeed = None, yes: Yes = False) -> None:
    """Run all steps of a day, each when you press Enter."""
    loaded = load_rig(rig, speed)
    with _session(loaded, rig) as session, interrupted_by_signals():
        for step in steps_of_day(loaded):
            if not yes:
                typer.prompt(f"{step}: press Enter to begin", default="", show_default=False)
            if _run(session, step):
                raise typer.Exit(1)


app.command(hidden=True)(page)


@contextmanager
def _session(rig: Rig, file: Path) -> Iterator["Session"]:
    """Open a session of a rig, and list what is wrong with it."""
    from rt_ner.lsl.streams import quiet_liblsl
    from rt_ner.rig.session import FindingsError, open_session

    quiet_liblsl()
    try:
        with open_session(rig, _teller()) as session:
            yield session
    except FindingsError as error:
        _print_findings(file, error.findings)
        raise typer.Exit(1) from error


def _run(session: "Session", step: Step) -> bool:
    """Run a step, show what came of it, and return True if it was stopped."""
    with stop_on_signals() as stop:
        result = session.run(step, stop)
    if not stop.is_set():
        _show(step, session.rig, result)
    return stop.is_set()


def _show(step: Step, rig: Rig, result: Mapping[str, Any]) -> None:
    """Show the result of a step, and after scoring the blocks of the day."""
    table = table_of(f"{step}: done")
    for name, value in result.items():
        if isinstance(value, str | bool | int | float):
            shown = f"{value:.3g}" if isinstance(value, float) else str(value)
            table.add_row(name.replace("_", " "), shown)
    console = Console(highlight=False, markup=False)
    console.print(table)
    if step is Step.SCORE and rig.blocks_file.is_file():
        console.print(f"scores of the day's blocks: {rig.blocks_file}", soft_wrap=True)


def _teller() -> Callable[[str], None]:
    """Return what prints a line; a terminal that is closed must not keep the parts running."""
    console = Console(stderr=True, highlight=False, markup=False)

    def tell(text: str) -> None:
        with suppress(OSError):
            console.print(text, soft_wrap=True)

    return tell


def _print_findings(file: Path, findings: Any) -> None:
    console = Console(stderr=True, highlight=False, markup=False)
    for finding in findings:
        console.print(f"- {finding}", soft_wrap=True)
    n_found = len(findings)
    found = f"{n_found} to put right" if n_found else "nothing is wrong"
    console.print(f"{file}: {found}", soft_wrap=True)


def _chosen() -> dict[str, object]:
    """Ask which of the sources on the network, or which template, the rig is to have."""
    from rt_ner.core.contract.kinds import SPIKE_TYPES
    from rt_ner.lsl.discovery import describe_stream
    from rt_ner.lsl.network.search import StreamSearch
    from rt_ner.lsl.streams import quiet_liblsl

    quiet_liblsl()
    found = [info for info in StreamSearch().settled() if info.type() in SPIKE_TYPES]
    streams = {f"the stream {describe_stream(info)}": info.source_id() for info in found}
    offers = [*streams, *(f"the template {template}" for template in Template)]
    for number, offer in enumerate(offers, 1):
        typer.echo(f"{number}: {offer}")
    number = typer.prompt("Source of spikes", type=int)
    if not 1 <= number <= len(offers):
        raise ConfigError(f"{number}: expected a number from 1 to {len(offers)}")
    if number > len(streams):
        return dict(VALUES[list(Template)[number - len(streams) - 1]])
    source_id = streams[offers[number - 1]]
    return VALUES[Template.AMPLIFIER] | {"source.source_id": source_id}
