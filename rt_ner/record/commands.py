"""Define the commands record and salvage."""

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from rt_ner.core.contract.kinds import RecordingFormat
from rt_ner.core.contract.names import names_in
from rt_ner.core.errors import RtNerError, SessionError
from rt_ner.system.processes import listen_for_orders, tell_parent
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import AsJson, RecordAs, RecordFormat, print_json

if TYPE_CHECKING:
    from rt_ner.record.engines.engine import Engine, Summary
    from rt_ner.record.naming import RecordingName

# Exit code of a recording that ended before anybody wanted it to.
_DISK_IS_FULL = 2


def record(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder for recordings, e.g. recordings.")
    ],
    record_as: RecordAs = "",
    record_format: RecordFormat = RecordingFormat.XDF,
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
    with_report: Annotated[
        bool,
        typer.Option(
            "--report/--no-report", help="Write the session report beside the recording at its end."
        ),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Record all LSL streams to an XDF or NWB file, until Ctrl-C.

    Records every visible stream; XDF files are written by LabRecorder. Files are named as in BIDS,
    e.g. FOLDER/sub-M/ses-day1/sub-M_ses-day1_task-reach_run-001_ephys.xdf, and never overwritten.
    Streams that appear later are reported, not recorded. The session report, a page with the
    ending .html, is written when the file is closed (Ctrl-C leaves it out).

    Example: rt-ner record recordings --record-as M/day1/reach --format nwb
    """
    from rt_ner.lsl.discovery import describe_stream
    from rt_ner.lsl.streams import quiet_liblsl
    from rt_ner.record.naming import RecordingName
    from rt_ner.record.recorder import Recorder

    quiet_liblsl()
    console = Console(stderr=True, highlight=False, markup=False)
    name = RecordingName.parsed(record_as, record_format)
    # The options of the first version.
    name = replace(
        name,
        subject=subject or name.subject,
        session=session or name.session,
        task=task or name.task,
    )
    path = name.next_path(folder)

    def tell(text: str) -> None:
        console.print(text, soft_wrap=True)

    recorder, alone = Recorder(path, _engine(path, name, tell), tell), threading.Event()
    with stop_on_signals() as stop:
        if until_told:
            _stop_on_order(stop, alone)
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
            summary = recorder.finish()
    tell_parent("recorded", file=str(path))
    _report(path, summary, console, as_json)
    if with_report:
        _write_page(path, tell, alone)
    if not stop.is_set():
        raise typer.Exit(_DISK_IS_FULL)


def _write_page(path: Path, tell: Callable[[str], None], alone: threading.Event) -> None:
    """Write the session report beside a recording, which is complete: Ctrl-C may end this."""
    from rt_ner.record.processes.report_process import write_report

    signal.signal(signal.SIGINT, signal.default_int_handler)
    write_report([path], path.with_suffix(".html"), tell, in_background=not alone.is_set())


def _engine(path: Path, name: "RecordingName", tell: Callable[[str], None]) -> "Engine":
    """Return what writes a recording in this format."""
    try:
        if name.file_format is RecordingFormat.NWB:
            from rt_ner.record.engines.nwb import NwbEngine

            return NwbEngine(path, name.subject, tell)
        from rt_ner.record.engines.labrecorder import LabRecorderEngine

        return LabRecorderEngine(path, tell)
    except ImportError as error:
        raise RtNerError(
            f"recording to {name.file_format} needs another package ({error}): pip install "
            "'rt-ner[formats]'"
        ) from error


def salvage(
    recording: Annotated[
        Path, typer.Argument(metavar="RECORDING", help="Damaged recording (.xdf or .nwb).")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New file, e.g. rescued.xdf.")],
    as_json: AsJson = False,
) -> None:
    """Rescue the intact part of a damaged recording.

    Writes it to a new file and leaves the damaged one as it is.
    """
    if not recording.is_file():
        raise SessionError(f"{recording}: no such recording; check its path")
    run = _salvage_nwb if recording.suffix.lower() == ".nwb" else _salvage_xdf
    try:
        summary = run(recording, out)
    except FileExistsError as error:
        raise SessionError(f"{out} already exists: name another file") from error
    except SessionError as error:
        raise SessionError(f"{recording}: {error}") from error
    _report(out, summary, Console(stderr=True, highlight=False, markup=False), as_json)


def _stop_on_order(stop: threading.Event, alone: threading.Event) -> None:
    """Stop on any order, or when the parent process is gone; an order may say that no decoder runs.

    Ignores Ctrl-C, so that the decoder's last messages are recorded too.
    """

    def obey(order: dict[str, Any]) -> None:
        if order.get("alone"):
            alone.set()
        stop.set()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listen_for_orders(obey, on_end=stop.set)


def _salvage_xdf(recording: Path, out: Path) -> "Summary":
    from rt_ner.data.formats.xdf.chunks import salvage as run
    from rt_ner.record.engines.engine import summary_of

    return summary_of(run(recording, out))


def _salvage_nwb(recording: Path, out: Path) -> "Summary":
    from rt_ner.data.formats.nwb.live.salvage import salvage as run
    from rt_ner.record.engines.engine import Summary

    return Summary(*run(recording, out))


def _report(path: Path, summary: "Summary", console: Console, as_json: bool) -> None:
    """Print what a file holds, and which parts are damaged."""
    if as_json:
        print_json({"file": str(path), **summary._asdict()})
        return
    for name, n_samples in summary.samples.items():
        console.print(f"{name}: {n_samples:,} samples", soft_wrap=True)
    for damage in summary.damage:
        console.print(f"left out: {damage}", soft_wrap=True)
    console.print(f"written: {path}", soft_wrap=True)
