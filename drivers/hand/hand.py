"""Hand: a position that is looked at a hundred times a second, published as its velocity."""

from collections.abc import Callable
from threading import Event

from rt_ner.core.clock import NS_PER_S, next_grid_line_ns, s_from_ns
from rt_ner.core.contract.kinds import Kind
from rt_ner.lsl.streams import local_now_ns, open_outlet

_STEP_NS = NS_PER_S // 100

# Where the hand is, in cm: x to the right, y up.
Position = Callable[[], tuple[float, float]]


class HandSource:
    """Publishes ``source``'s kinematics: vx and vy in cm/s, from look to look.

    Stamps are the moments of the looks, so that one that comes late is right all the same.
    """

    def __init__(self, position_cm: Position, source: str) -> None:
        self._position_cm = position_cm
        self._outlet = open_outlet(source, Kind.KINEMATICS, ["vx", "vy"], "cm/s", None)

    def run(self, stop: Event) -> None:
        """Until stopped; a look that was missed is left out."""
        then_ns, (then_x, then_y) = local_now_ns(), self._position_cm()
        due_ns = next_grid_line_ns(then_ns, _STEP_NS)
        while not stop.wait(s_from_ns(max(due_ns - local_now_ns(), 0))):
            now_ns, (x, y) = local_now_ns(), self._position_cm()
            elapsed_s = s_from_ns(now_ns - then_ns)
            if elapsed_s > 0:
                velocity = [(x - then_x) / elapsed_s, (y - then_y) / elapsed_s]
                self._outlet.push_sample(velocity, s_from_ns(now_ns))
                then_ns, then_x, then_y = now_ns, x, y
            due_ns = next_grid_line_ns(now_ns + 1, _STEP_NS)
