"""Define the command `rt-ner view`, which imports Qt only when it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rt_ner.core.atomic_files import check_home
from rt_ner.core.contract.kinds import RecordingFormat
from rt_ner.record.naming import RecordingName
from rt_ner.system.display import check_display
from rt_ner.system.processes import tell_parent
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import (
    ChannelMap,
    ControlAs,
    DecoderName,
    RecordAs,
    RecordFormat,
    TaskName,
)

if TYPE_CHECKING:
    from rt_ner.view.control.recorders import Recorder


CloudBundle = Annotated[
    Path | None,
    typer.Argument(
        metavar="BUNDLE",
        help="Bundle that is decoded, e.g. m1-bundle: its training latents are drawn as a cloud, "
        "and the key B shows its held-out scores.",
    ),
]
Subject = Annotated[
    bool,
    typer.Option("--subject", help="Show the subject's screen: only cursor, target and cue."),
]
FullScreen = Annotated[bool, typer.Option("--full-screen", help="Fill the screen.")]
Screen = Annotated[
    int,
    typer.Option(
        metavar="N", help="Monitor for the subject's screen, counted from 1; 0: any.", min=0
    ),
]
Recordings = Annotated[
    Path, typer.Option(metavar="FOLDER", help="Folder for recordings started with the key L.")
]
LabRecorderAddress = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT",
        help="Let the key L start LabRecorder by its remote control, e.g. localhost:22345.",
    ),
]
Screenshot = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Save a picture of the window (.png), or a moving picture of 6 s (.gif, .webp), and "
        "quit.",
    ),
]
After = Annotated[
    float,
    typer.Option(metavar="SECONDS", help="Time until the picture is taken.", min=0.1),
]


def view(
    bundle: CloudBundle = None,
    decoder: DecoderName = "",
    task: TaskName = "task",
    subject: Subject = False,
    full_screen: FullScreen = False,
    screen: Screen = 0,
    channel_map: ChannelMap = None,
    control_as: ControlAs = "",
    recordings: Recordings = Path("recordings"),
    record_as: RecordAs = "",
    record_format: RecordFormat = RecordingFormat.XDF,
    recorder: LabRecorderAddress = "",
    screenshot: Screenshot = None,
    after: After = 10.0,
) -> None:
    """Show a running decoder in a live window.

    Shows cursor, latents, electrodes and latency, on this or another computer. The window never
    delays the decoder. It finds the streams by the decoder's name, waits for them, and finds them
    again after a break. Press ? for the list of keys.
    """
    check_display()
    from rt_ner.lsl.streams import quiet_liblsl
    from rt_ner.view.app import ViewPlan, run_view
    from rt_ner.view.shown_bundle import load_shown_bundle

    _check_screenshot(screenshot)
    quiet_liblsl()
    plan = ViewPlan(
        decoder=decoder,
        task=task,
        bundle=None if bundle is None else load_shown_bundle(bundle),
        map_file=channel_map,
        control_as=control_as,
        recorder=_recorder(recorder, recordings, RecordingName.parsed(record_as, record_format)),
        subject=subject,
        full_screen=full_screen,
        screen=screen,
        screenshot=screenshot,
        after_s=after,
    )
    with stop_on_signals() as stop:
        frames = run_view(plan, stop)
    rate = frames.drawn / frames.seconds if frames.seconds else 0.0
    tell_parent("frames", drawn=frames.drawn, per_s=rate)
    said = f"drew {frames.drawn} frames, {rate:.1f} per second"
    Console(stderr=True, highlight=False, markup=False).print(said)


def _check_screenshot(file: Path | None) -> None:
    """Raise ConfigError, before anything is shown, if the picture could not be saved."""
    from rt_ner.view.windows.photographer import check_picture

    if file is not None:
        check_picture(file)
        check_home(file)


def _recorder(address: str, folder: Path, name: RecordingName) -> "Recorder":
    """Return the recorder of the key L: our own, or the LabRecorder at this address."""
    from rt_ner.view.control.recorders import OwnRecorder, RemoteLabRecorder

    if address:
        return RemoteLabRecorder(address)
    return OwnRecorder(folder, name)
