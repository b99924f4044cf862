"""Options of commands that simulate subjects in one process."""

from typing import Annotated

import typer

Subjects = Annotated[
    int, typer.Option(metavar="N", help="Number of random seeds, each a subject.", min=1)
]
BlockTrials = Annotated[int, typer.Option(metavar="N", help="Number of trials per block.", min=20)]
HandTrials = Annotated[
    int, typer.Option(metavar="N", help="Number of trials with the subject's own hand.", min=20)
]
