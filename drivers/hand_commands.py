"""The commands of the hand: mouse and joystick."""

from typing import Annotated

import typer
from rich.console import Console

from drivers.hand import HandSource, Position
from rt_ner.errors import RtNerError
from rt_ner.process import check_display, stop_on_signals
from rt_ner.streams import Kind, quiet_liblsl, source_id_of

Gain = Annotated[
    float, typer.Option(help="What the pointer's movement is multiplied by.", min=0.001)
]


def mouse(
    name: Annotated[str, typer.Option(help="Announce the stream under this name.")] = "mouse",
    gain: Gain = 1.0,
) -> None:
    """Publish the pointer's velocity (vx, vy in cm/s) as a hand's kinematics, until Ctrl-C.

    100 a second, wherever the pointer is; at the screen's edge it stands still.
    """
    check_display("rt-ner mouse")
    try:
        from drivers.mouse import pointer_cm
    except ImportError as error:
        raise RtNerError(f"the mouse needs Qt ({error}): pip install 'rt-ner[view]'") from error
    _publish(_scaled(pointer_cm(), gain), name)


def joystick(
    name: Annotated[str, typer.Option(help="Announce the stream under this name.")] = "joystick",
    number: Annotated[int, typer.Option(help="Which joystick, from 1.", min=1)] = 1,
    axes: Annotated[tuple[int, int], typer.Option(help="Which axes are x and y, from 1.")] = (1, 2),
    full_cm: Annotated[
        float, typer.Option(help="What a full push stands for, in cm.", min=0.01)
    ] = 10.0,
) -> None:
    """Publish a joystick's velocity (vx, vy in cm/s) as a hand's kinematics, until Ctrl-C.

    100 a second. Where the stick stands is where the hand is.
    """
    try:
        from drivers.joystick import stick_cm
    except ImportError as error:
        raise RtNerError(
            f"a joystick needs pygame-ce ({error}): pip install 'rt-ner[joystick]'"
        ) from error
    _publish(stick_cm(number, axes, full_cm), name)


def _scaled(position_cm: Position, gain: float) -> Position:
    def look() -> tuple[float, float]:
        x, y = position_cm()
        return x * gain, y * gain

    return look


def _publish(position_cm: Position, name: str) -> None:
    quiet_liblsl()
    console = Console(stderr=True, highlight=False, markup=False)
    with stop_on_signals() as stop:
        source = HandSource(position_cm, name)
        console.print(f"'{source_id_of(name, Kind.KINEMATICS)}', 100 a second (Ctrl-C ends)")
        source.run(stop)
