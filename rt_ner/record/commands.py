"""Define the commands record and salvage."""

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rt_ner.core.contract.names import names_in
from rt_ner.core.errors import RtNerError, SessionError
from rt_ner.system.processes import listen_for_orders, tell_parent
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import AsJson, RecordAs, print_json

if TYPE_CHECKING:
    from rt_ner.data.formats.xdf.chunks import Contents


def record(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder for recordings, e.g. recordings.")
    ],
    record_as: RecordAs = "",
    subject: Annotated[str, typer.Option(hidden=True)] = "",
    session: Annotated[str, typer.Option(hidden=True)] = "",
    task: Annotated[str, typer.Option(hidden=True)] = "",
    wait_for: Annotated[
        str,
        typer.Option(
            metavar="IDS",
            help="Start once the streams with these source_ids (comma-separated) are visible, "
            "e.g. subject/spikes,task/markers. Default: start at once.",
        ),
    ] = "",
    until_told: Annotated[bool, typer.Option("--until-told", hidden=True)] = False,
    as_json: AsJson = False,
) -> None:
    """Record all LSL streams to an XDF file, until Ctrl-C.

    Records every visible stream with LabRecorder. Files are named as in BIDS, e.g.
    FOLDER/sub-M/ses-day1/sub-M_ses-day1_task-reach_run-001_ephys.xdf, and never overwritten.
    Streams that appear later are reported, not recorded.

    Example: rt-ner record recordings --record-as M/day1/reach
    """
    from rt_ner.lsl.discovery import describe_stream
    from rt_ner.lsl.streams import quiet_liblsl
    from rt_ner.record.naming import RecordingName

    quiet_liblsl()
    try:
        from rt_ner.record.recorder import Recorder
    except ImportError as error:
        raise RtNerError(
            f"recording needs LabRecorder ({error}): pip install 'rt-ner[formats]'"
        ) from error
    console = Console(stderr=True, highlight=False, markup=False)
    name = RecordingName.parsed(record_as)
    # The options of the first version.
    name = RecordingName(subject or name.subject, session or name.session, task or name.task)
    path = name.next_path(folder)
    recorder = Recorder(path, lambda text: console.print(text, soft_wrap=True))
    with stop_on_signals() as stop:
        if until_told:
            _stop_on_order(stop)
        awaited = names_in(wait_for)
        if awaited:
            console.print(f"waiting for {', '.join(awaited)} (Ctrl-C ends)", soft_wrap=True)
        recorder.wait_for(awaited, stop)
        if stop.is_set():
            console.print("stopped before the streams appeared: nothing was recorded")
            return
        for info in recorder.start():
            console.print(f"recording {describe_stream(info)}", soft_wrap=True)
        console.print(f"to {path}" + ("" if until_told else " (Ctrl-C ends)"), soft_wrap=True)
        tell_parent("recording", file=str(path))
        try:
            recorder.watch(stop)
        finally:
            contents = recorder.finish()
    _report(path, contents, console, as_json)


def salvage(
    recording: Annotated[
        Path, typer.Argument(metavar="RECORDING", help="Damaged recording (.xdf).")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New file, e.g. rescued.xdf.")],
    as_json: AsJson = False,
) -> None:
    """Rescue the intact part of a damaged XDF file.

    Writes it to a new file and leaves the damaged one as it is.
    """
    from rt_ner.data.formats.xdf.chunks import salvage as run

    if not recording.is_file():
        raise SessionError(f"{recording}: no such recording; check its path")
    try:
        contents = run(recording, out)
    except FileExistsError as error:
        raise SessionError(f"{out} already exists: name another file") from error
    except SessionError as error:
        raise SessionError(f"{recording}: {error}") from error
    _report(out, contents, Console(stderr=True, highlight=False, markup=False), as_json)


def _stop_on_order(stop: threading.Event) -> None:
    """Stop on any order, or when the parent process is gone.

    Ignores Ctrl-C, so that the decoder's last messages are recorded too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listen_for_orders(lambda _: stop.set(), on_end=stop.set)


def _report(path: Path, contents: "Contents", console: Console, as_json: bool) -> None:
    """Print what a file holds, and which parts are damaged."""
    counts = {
        (header.findtext("name") or "?"): contents.n_samples.get(number, 0)
        for number, header in contents.headers.items()
    }
    if as_json:
        summary = {"file": str(path), "samples": counts, "damage": contents.damage}
        print_json(summary)
        return
    for name, n_samples in counts.items():
        console.print(f"{name}: {n_samples:,} samples", soft_wrap=True)
    for damage in contents.damage:
        console.print(f"left out: {damage}", soft_wrap=True)
    console.print(f"written: {path}", soft_wrap=True)
