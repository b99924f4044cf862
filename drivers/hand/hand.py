"""Read a position a hundred times per second, and publish its velocity."""

from collections.abc import Callable
from threading import Event

from drivers.source import LslSource, opener
from rt_ner.core.clock import NS_PER_S, next_grid_line_ns, s_from_ns
from rt_ner.core.contract.kinds import Kind
from rt_ner.lsl.streams import local_now_ns

_STEP_NS = NS_PER_S // 100

# Returns where the hand is, in cm: x to the right, y up.
Position = Callable[[], tuple[float, float]]


class HandSource(LslSource):
    """Publishes a hand's kinematics under a name: vx and vy in cm/s between readings.

    Stamps are the times of the readings, so that even a late reading is correct.
    """

    def __init__(self, position_cm: Position, name: str) -> None:
        super().__init__(
            name, {Kind.KINEMATICS: opener(Kind.KINEMATICS, ["vx", "vy"], "cm/s", None)}
        )
        self._position_cm = position_cm

    def run(self, stop: Event) -> None:
        """Publish until stopped; a reading that was missed is left out."""
        outlet = self._outlets[Kind.KINEMATICS]
        then_ns, (then_x, then_y) = local_now_ns(), self._position_cm()
        due_ns = next_grid_line_ns(then_ns, _STEP_NS)
        while not stop.wait(s_from_ns(max(due_ns - local_now_ns(), 0))):
            now_ns, (x, y) = local_now_ns(), self._position_cm()
            elapsed_s = s_from_ns(now_ns - then_ns)
            if elapsed_s > 0:
                velocity = [(x - then_x) / elapsed_s, (y - then_y) / elapsed_s]
                outlet.push_sample(velocity, s_from_ns(now_ns))
                then_ns, then_x, then_y = now_ns, x, y
            due_ns = next_grid_line_ns(now_ns + 1, _STEP_NS)
