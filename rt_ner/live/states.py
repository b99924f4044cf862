"""Name the decoder's states and the operator's commands."""

from enum import StrEnum


class State(StrEnum):
    """The decoder's state, as the state stream sends it; velocity is zero in all but RUNNING.

    Attributes
    ----------
    CONNECTING
        The decoder looks for the source.
    WARMING
        It is connected, and its history fills.
    RUNNING
        It decodes, and the cursor moves.
    HOLD
        The operator has paused the cursor.
    STALE
        No usable data come; when they do, the history fills again.
    FAULT
        The source was refused, until another one appears or the operator resets.
    STOPPED
        The end.

    """

    CONNECTING = "CONNECTING"
    WARMING = "WARMING"
    RUNNING = "RUNNING"
    HOLD = "HOLD"
    STALE = "STALE"
    FAULT = "FAULT"
    STOPPED = "STOPPED"


# A state's place in here is its number in the timing stream.
NUMBERED_STATES = tuple(State)


class Command(StrEnum):
    """A command of the operator to the decoder.

    Attributes
    ----------
    HOLD
        Keep velocity at zero; everything else goes on.
    RESUME
        End a hold.
    RESET
        Forget the history, or look again at a source that was refused.
    FASTER, SLOWER
        Raise or lower the gain by a tenth.
    SWAP
        Switch to the next bundle, which is read again each time.
    UNDO
        Go back to the bundle before the swap.
    STOP
        End the decoder.

    """

    HOLD = "hold"
    RESUME = "resume"
    RESET = "reset"
    FASTER = "faster"
    SLOWER = "slower"
    SWAP = "swap"
    UNDO = "undo"
    STOP = "stop"
