"""Define the commands mouse and joystick."""

from typing import Annotated

import typer
from rich.console import Console

from drivers.hand.hand import Hand, HandSource
from drivers.source import opened
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.errors import RtNerError
from rt_ner.lsl.streams import quiet_liblsl
from rt_ner.system.display import check_display
from rt_ner.system.scheduling import take_short_turns
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import StreamName


def mouse(
    name: StreamName = "mouse",
    pixels_per_cm: Annotated[
        float | None,
        typer.Option(
            metavar="PIXELS",
            help="Pixels per centimetre, e.g. 38. Default: as reported by the screen.",
            min=0.001,
        ),
    ] = None,
) -> None:
    """Publish the mouse pointer's velocity as hand movement.

    Publishes vx and vy in cm/s, and click, which is 1 while the left button is pressed, 100 samples
    per second, until Ctrl-C. The pointer stops at the edge of the screen. To click, hold the button
    for at least a tenth of a second.
    """
    check_display("rt-ner mouse")
    try:
        from drivers.hand.mouse import mouse_hand, screen_pixels_per_cm
    except ImportError as error:
        raise RtNerError(f"the mouse needs Qt ({error}): pip install 'rt-ner[view]'") from error
    pixels = pixels_per_cm or screen_pixels_per_cm()
    _publish(mouse_hand(pixels), name, f"1 cm is {pixels:.1f} pixels")


def joystick(
    name: StreamName = "joystick",
    number: Annotated[
        int, typer.Option(metavar="N", help="Number of the joystick, counted from 1.", min=1)
    ] = 1,
    axes: Annotated[
        tuple[int, int],
        typer.Option(metavar="X Y", help="Axes for x and y, counted from 1, e.g. 1 2."),
    ] = (1, 2),
    button: Annotated[
        int,
        typer.Option(metavar="N", help="Button that clicks, counted from 1; 0: none.", min=0),
    ] = 1,
    full_cm: Annotated[
        float,
        typer.Option(
            metavar="CM", help="Hand position, in cm, at a full push of the stick.", min=0.01
        ),
    ] = 10.0,
) -> None:
    """Publish a joystick's velocity as hand movement.

    Publishes vx and vy in cm/s, and click, which is 1 while the button is pressed, 100 samples per
    second, until Ctrl-C. The stick's position stands for the hand's position. To click, hold the
    button for at least a tenth of a second.
    """
    try:
        from drivers.hand.joystick import stick_hand
    except ImportError as error:
        raise RtNerError(
            f"a joystick needs pygame-ce ({error}): pip install 'rt-ner[joystick]'"
        ) from error
    hand = stick_hand(number, axes, button, full_cm)
    _publish(hand, name, f"a full push is {full_cm:g} cm")


def _publish(hand: Hand, name: str, scale: str) -> None:
    """Publish a hand until Ctrl-C; ``scale`` says what a centimetre is."""
    quiet_liblsl()
    take_short_turns()
    console = Console(stderr=True, highlight=False, markup=False)
    source = HandSource(hand, name)
    with stop_on_signals() as stop, opened(source):
        published = source_id_of(name, Kind.KINEMATICS)
        button = "" if hand.is_pressed else "; no button can be read, so nothing can be clicked"
        console.print(f"'{published}', 100 samples per second; {scale}{button} (Ctrl-C ends)")
        source.run(stop)
