"""Follow the decoder's state through its streams."""

import math

from rt_ner.live.states import NUMBERED_STATES


class ObservedState:
    """The decoder's newest state, from two streams.

    The state stream tells each change, and each hop's timing has the state's number, for those who
    connect after a change. The word with the newest stamp counts.

    Attributes
    ----------
    name
        The state; empty if it is not known.

    """

    def __init__(self) -> None:
        self.name, self._stamp_s = "", -math.inf

    def take(self, stamp_s: float, name: str) -> None:
        """Take the state as the state stream tells it."""
        if stamp_s >= self._stamp_s:
            self.name, self._stamp_s = name, stamp_s

    def take_number(self, stamp_s: float, number: float) -> None:
        """Take the state's number as a hop's timing tells it."""
        index = int(number)
        is_known = 0 <= index < len(NUMBERED_STATES)
        self.take(stamp_s, NUMBERED_STATES[index] if is_known else "")

    def forget(self) -> None:
        """Know of no state any more: the decoder is gone."""
        self.name, self._stamp_s = "", -math.inf
