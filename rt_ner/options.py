"""Options that several commands share."""

from typing import Annotated

import typer

# Transport and computing are about half a millisecond: at this speed they count as two.
_FASTEST = 4.0

Speed = Annotated[
    float,
    typer.Option(
        help="So many times faster than real time, for all of a loop on one computer alike.",
        min=1.0,
        max=_FASTEST,
    ),
]
