"""Stand in for PsychoPy: clocks, shapes, and a window that flips sixty times a second.

Each flip is written on stdout, as the cursor's and the target's position.
"""

import json
import sys
import time
from types import SimpleNamespace

import numpy as np


class Clock:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._since_s = time.monotonic()

    def getTime(self) -> float:  # noqa: N802
        return time.monotonic() - self._since_s


class Circle:
    def __init__(self, win: "Window", radius: float, fillColor: str, autoDraw: bool) -> None:  # noqa: N803 - PsychoPy's names
        self.radius, self._pos = radius, np.zeros(2)
        assert autoDraw
        win.drawn[fillColor] = self

    @property
    def pos(self) -> np.ndarray:
        return self._pos

    @pos.setter
    def pos(self, value: object) -> None:
        self._pos = np.array(value, dtype=float)


class Window:
    def __init__(self, fullscr: bool, units: str, monitor: str) -> None:
        self.drawn: dict[str, Circle] = {}

    def flip(self) -> None:
        shown = {colour: circle.pos.tolist() for colour, circle in self.drawn.items()}
        sys.stdout.write(json.dumps(shown) + "\n")
        sys.stdout.flush()
        time.sleep(1 / 60)


core = SimpleNamespace(Clock=Clock, quit=sys.exit)
event = SimpleNamespace(getKeys=lambda _: [])
visual = SimpleNamespace(Window=Window, Circle=Circle)
