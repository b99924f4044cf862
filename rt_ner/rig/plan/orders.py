"""Name the orders to a running rig, besides the operator's commands to its decoder."""

from enum import StrEnum


class Order(StrEnum):
    """An order to a running rig; the steps of a day are orders too.

    Attributes
    ----------
    START
        Start again what has ended.
    QUIT
        End all.
    LOOP
        Run the closed loop, in place of what runs.
    REST
        End what runs; the page stays.

    """

    START = "start"
    QUIT = "quit"
    LOOP = "loop"
    REST = "rest"
