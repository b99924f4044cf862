"""Define the command `rt-ner report`."""

from pathlib import Path
from typing import Annotated

import typer

from rt_ner.core.atomic_files import replace_file
from rt_ner.terminal.options import AsJson, print_json


def report(
    recordings: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECORDING...",
            help="Recording of rt-ner record (.xdf or .nwb); several of one animal: its history.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File for the page, e.g. day1.html; an existing one is replaced. Default: beside "
            "the last recording, with the ending .html.",
            show_default=False,
        ),
    ] = None,
    decoder: Annotated[
        str,
        typer.Option(metavar="NAME", help="Decoder to report on. Default: the one that sent most."),
    ] = "",
    task: Annotated[
        str,
        typer.Option(metavar="NAME", help="Task to report on. Default: the one that sent most."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write a page that shows how recorded sessions went.

    The page (HTML) opens in any browser, needs nothing else, and can be printed. It shows the
    trials, the decoder's states and latency, all that was lost or late, electrodes and notices.

    Example: rt-ner report recordings/sub-M/ses-day1/*.xdf --out day1.html
    """
    from rt_ner.core.errors import SessionError
    from rt_ner.report.page.document import page_of
    from rt_ner.report.reading.session import read_session
    from rt_ner.report.reading.streams import Wanted

    sessions, left_out = [], []
    for recording in recordings:
        try:
            sessions.append(read_session(recording, Wanted(decoder, task)))
        except SessionError as error:
            left_out.append(str(error))
    if not sessions:
        raise SessionError("; ".join(left_out))
    path = out or recordings[-1].with_suffix(".html")
    replace_file(path, page_of(sessions, left_out))
    if as_json:
        print_json({"file": str(path), "sessions": len(sessions), "left_out": left_out})
        return
    for line in left_out:
        typer.echo(f"left out: {line}", err=True)
    typer.echo(f"written: {path}")
