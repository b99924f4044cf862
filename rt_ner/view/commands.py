"""The view's command. Qt is imported when it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rt_ner.bundle.storage import load_cloud
from rt_ner.core.atomic_files import check_home
from rt_ner.core.errors import ConfigError
from rt_ner.system.signals import check_display, stop_on_signals
from rt_ner.terminal.options import RecordAs

if TYPE_CHECKING:
    from rt_ner.view.control.recorders import Recorder


def view(
    bundle: Annotated[
        Path | None,
        typer.Argument(metavar="[BUNDLE]", help="Bundle whose training latents form the cloud."),
    ] = None,
    decoder: Annotated[str, typer.Option(help="Name of the decoder's streams.")] = "rt-ner",
    task: Annotated[str, typer.Option(help="Name of the task's streams.")] = "task",
    subject: Annotated[
        bool, typer.Option("--subject", help="The subject's screen: cursor, target and cue alone.")
    ] = False,
    full_screen: Annotated[bool, typer.Option("--full-screen", help="Fill the screen.")] = False,
    screen: Annotated[
        int, typer.Option(help="Monitor for the subject's screen, from 1; 0: any.", min=0)
    ] = 0,
    channel_map: Annotated[
        Path | None, typer.Option(help="Blackrock map file (.cmp): where each electrode sits.")
    ] = None,
    control_as: Annotated[
        str,
        typer.Option(help="Send commands as NAME; a decoder with --commands NAME/commands obeys."),
    ] = "",
    recordings: Annotated[Path, typer.Option(help="Folder that L records into.")] = Path(
        "recordings"
    ),
    record_as: RecordAs = "",
    recorder: Annotated[
        str,
        typer.Option(help="L tells a LabRecorder instead, by its remote control: HOST:PORT."),
    ] = "",
    screenshot: Annotated[
        Path | None, typer.Option(help="Save a picture (.png) of the window, and end.")
    ] = None,
    after: Annotated[
        float, typer.Option(help="Seconds until the picture is taken.", min=0.1)
    ] = 10.0,
) -> None:
    """Look at a running decoder: cursor, latents, electrodes, latency.

    An ordinary LSL client, on this or another computer: the decoder neither knows nor waits for
    it. The view finds the decoder's streams by their name, waits for them where they are not
    there, and finds them again. Every control has a key: press ? for the list.
    """
    check_display()
    from rt_ner.lsl.streams import quiet_liblsl
    from rt_ner.view.app import ViewPlan, run_view
    from rt_ner.view.panels.latents import Cloud

    if screenshot is not None:
        if screenshot.suffix.lower() != ".png":
            raise ConfigError(f"--screenshot {screenshot}: expected a name that ends in .png")
        check_home(screenshot)
    quiet_liblsl()
    cloud = None if bundle is None else load_cloud(bundle)
    plan = ViewPlan(
        decoder=decoder,
        task=task,
        cloud=None if cloud is None else Cloud(*cloud),
        map_file=channel_map,
        control_as=control_as,
        recorder=_recorder(recorder, recordings, record_as),
        subject=subject,
        full_screen=full_screen,
        screen=screen,
        screenshot=screenshot,
        after_s=after,
    )
    with stop_on_signals() as stop:
        frames = run_view(plan, stop)
    rate = frames.drawn / frames.seconds if frames.seconds else 0.0
    console = Console(stderr=True, highlight=False, markup=False)
    console.print(f"drew {frames.drawn} frames, {rate:.1f} a second")


def _recorder(address: str, folder: Path, record_as: str) -> "Recorder":
    """What the key L starts: our own recorder, unless a LabRecorder's address is given."""
    from rt_ner.record.naming import RecordingName
    from rt_ner.view.control.recorders import OwnRecorder, RemoteLabRecorder

    if address:
        return RemoteLabRecorder(address)
    return OwnRecorder(folder, RecordingName.parsed(record_as))
