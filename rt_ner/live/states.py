"""States: what the decoder is doing, and what the operator may tell it."""

from enum import StrEnum


class State(StrEnum):
    """What the decoder is doing, as the state stream says it. Velocity is zero but in RUNNING.

    CONNECTING (looks for the source) → WARMING (history fills) → RUNNING ⇄ HOLD (the operator's
    pause); no data → STALE → WARMING; source gone → CONNECTING; a source that is refused → FAULT,
    until another one is there or the operator resets; the end → STOPPED.
    """

    CONNECTING = "CONNECTING"
    WARMING = "WARMING"
    RUNNING = "RUNNING"
    HOLD = "HOLD"
    STALE = "STALE"
    FAULT = "FAULT"
    STOPPED = "STOPPED"


class Command(StrEnum):
    """What the operator may tell the decoder.

    HOLD: velocity zero, all else goes on. RESUME: the end of a hold. RESET: forget the history,
    or look again at a source that was refused. FASTER, SLOWER: more or less gain. SWAP: take the
    readout of the bundle that stands ready; UNDO: go back to the one before. STOP: end.
    """

    HOLD = "hold"
    RESUME = "resume"
    RESET = "reset"
    FASTER = "faster"
    SLOWER = "slower"
    SWAP = "swap"
    UNDO = "undo"
    STOP = "stop"
