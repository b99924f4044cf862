"""Put all that is watched together, as one JSON text that browsers are sent."""

import json
import time
from collections.abc import Mapping, Sequence

from rt_ner.live.rules.safety import can_change_gain
from rt_ner.live.states import Command, State
from rt_ner.rig.page.watch.decoder import NO_DECODER, WatchedDecoder
from rt_ner.rig.page.watch.files import WatchedFiles
from rt_ner.rig.plan.part import DECODER, TASK
from rt_ner.rig.supervision.state_file import PartState

NOBODY = "nobody (the velocity is zero)"


class Watch:
    """The decoder and the files of a rig; ``steps``: those that can be ordered."""

    def __init__(self, decoder: WatchedDecoder, files: WatchedFiles, steps: Sequence[str]) -> None:
        self._decoder = decoder
        self._files = files
        self._lookout = decoder.lookout()
        self._steps = steps

    def snapshot(self, number: int, n_refused: int) -> str:
        """Look at everything, and return it as JSON in ASCII, in one line.

        Parameters
        ----------
        number
            The number that the next order must have.
        n_refused
            The number of requests that were refused.

        Returns
        -------
        str
            The text.

        """
        self._decoder.poll()
        self._files.poll()
        state, decoder = self._state(), self._decoder.shown()
        seen = {
            "at_ms": round(time.time() * 1e3),
            "number": number,
            "n_refused": n_refused,
            "state": state,
            "driver": driver_of(self._files.parts.get(TASK), state),
            "steps": list(self._steps),
            "idle": idle_orders(state, decoder["gain"], self._files.swaps),
            **decoder,
            **self._files.shown(),
        }
        return json.dumps(seen, allow_nan=False)

    def log(self, name: str) -> str | None:
        """Return the end of a log; None if there is no such log."""
        return self._files.log(name)

    def _state(self) -> str:
        activity = self._files.activity
        if activity != DECODER and self._decoder.state == NO_DECODER:
            return activity
        return self._decoder.state


def driver_of(task: PartState | None, state: str) -> str:
    """Return who moves the cursor of a rig's task, or of another program's, if there is none."""
    if task and not task.runs:
        return f"nobody (the task is {task.shown_status})"
    arguments = task.arguments if task else ()
    if "--hand" in arguments:
        return f"the hand ({_after('--hand', arguments)})"
    if state != State.RUNNING:
        return NOBODY
    if "--assist" in arguments:
        return f"the decoder, with assistance {_after('--assist', arguments)}"
    return "the decoder"


def idle_orders(state: str, gain: float | None, swaps: Mapping[str, bool]) -> list[str]:
    """Return the operator's orders that would change nothing now.

    Parameters
    ----------
    state
        The state that is shown.
    gain
        The decoder's gain; None if it is not known.
    swaps
        True for ``is_offered`` if a bundle can be swapped to, for ``can_undo`` if a swap can be
        undone.

    Returns
    -------
    list[str]
        The orders; all four where no decoder answers.

    """
    is_possible = {
        Command.FASTER: gain is not None and can_change_gain(gain, 1),
        Command.SLOWER: gain is not None and can_change_gain(gain, -1),
        Command.SWAP: swaps["is_offered"],
        Command.UNDO: swaps["can_undo"],
    }
    answers = state in list(State)
    return [str(order) for order, possible in is_possible.items() if not (answers and possible)]


def _after(option: str, arguments: Sequence[str]) -> str:
    value = arguments[arguments.index(option) + 1 :]
    return value[0] if value else ""
