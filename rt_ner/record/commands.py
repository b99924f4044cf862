"""The commands record and salvage."""

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rt_ner.core.errors import RtNerError, SessionError
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import AsJson, print_json

if TYPE_CHECKING:
    from rt_ner.data.formats.xdf.chunks import Contents


def record(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where recordings go.")],
    subject: Annotated[str, typer.Option(help="Letters and digits.")] = "X",
    session: Annotated[str, typer.Option(help="Default: today, as 20261125.")] = "",
    task: Annotated[str, typer.Option(help="Letters and digits.")] = "reach",
    wait_for: Annotated[
        str, typer.Option(help="Begin once these source_ids are visible, comma-separated.")
    ] = "",
    until_told: Annotated[bool, typer.Option("--until-told", hidden=True)] = False,
    as_json: AsJson = False,
) -> None:
    """Record all visible LSL streams to XDF with LabRecorder, until Ctrl-C.

    FOLDER/sub-X/ses-DATE/sub-X_ses-DATE_task-reach_run-001_ephys.xdf; a file that is there is never
    overwritten. Streams that come later are named, and not recorded.
    """
    from rt_ner.lsl.discovery import describe_stream
    from rt_ner.lsl.streams import quiet_liblsl
    from rt_ner.record.naming import RecordingName
    from rt_ner.record.recorder_process import BEGUN

    quiet_liblsl()
    try:
        from rt_ner.record.recorder import Recorder
    except ImportError as error:
        raise RtNerError(
            f"recording needs LabRecorder ({error}): pip install 'rt-ner[formats]'"
        ) from error
    console = Console(stderr=True, highlight=False, markup=False)
    path = RecordingName(subject, session, task).next_path(folder)
    with stop_on_signals() as stop:
        if until_told:
            _stop_when_told(stop)
        recorder = Recorder(path, lambda text: console.print(text, soft_wrap=True))
        if wait_for:
            console.print(f"waiting for {wait_for} (Ctrl-C ends)", soft_wrap=True)
        recorder.wait_for([name for name in wait_for.split(",") if name], stop)
        if stop.is_set():
            console.print("stopped before the streams were there: nothing was recorded")
            return
        for info in recorder.start():
            console.print(f"recording {describe_stream(info)}", soft_wrap=True)
        console.print(f"to {path}; {BEGUN}", soft_wrap=True)
        try:
            recorder.watch(stop)
        finally:
            contents = recorder.finish()
    _report(path, contents, console, as_json)


def salvage(
    recording: Annotated[Path, typer.Argument(metavar="XDF", help="A damaged recording.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new file.")],
    as_json: AsJson = False,
) -> None:
    """Write what is whole of a damaged XDF file to another one; the damaged one stays as it is."""
    from rt_ner.data.formats.xdf.chunks import salvage as run

    if not recording.is_file():
        raise SessionError(f"{recording}: no such recording")
    try:
        contents = run(recording, out)
    except FileExistsError as error:
        raise SessionError(f"{out} is there already: name another file") from error
    except SessionError as error:
        raise SessionError(f"{recording}: {error}") from error
    _report(out, contents, Console(stderr=True, highlight=False, markup=False), as_json)


def _stop_when_told(stop: threading.Event) -> None:
    """End on a line on stdin, or when who started us is gone.

    Not on Ctrl-C: what the decoder says last is to be recorded too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def listen() -> None:
        sys.stdin.readline()
        stop.set()

    threading.Thread(target=listen, daemon=True).start()


def _report(path: Path, contents: "Contents", console: Console, as_json: bool) -> None:
    """Say what a file holds, and what is wrong with it."""
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
