"""Read a hand a hundred times per second, and publish its velocity and its button."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from drivers.source import LslSource, opener
from rt_ner.core.clock import NS_PER_S, next_grid_line_ns, s_from_ns
from rt_ner.core.contract.kinds import CLICK_LABEL, Kind
from rt_ner.lsl.streams import local_now_ns

_STEP_NS = NS_PER_S // 100


@dataclass(frozen=True)
class Hand:
    """Readers of a hand.

    Attributes
    ----------
    position_cm
        Returns where it is, in cm: x to the right, y up.
    is_pressed
        Returns True while its button is pressed; None if no button can be read.

    """

    position_cm: Callable[[], tuple[float, float]]
    is_pressed: Callable[[], bool] | None = None


class HandSource(LslSource):
    """Publishes a hand's kinematics under a name: vx and vy in cm/s between readings, its button.

    Stamps are the times of the readings, so that even a late reading is correct.
    """

    def __init__(self, hand: Hand, name: str) -> None:
        labels, units = ["vx", "vy"], ["cm/s", "cm/s"]
        if hand.is_pressed:
            labels, units = [*labels, CLICK_LABEL], [*units, ""]
        super().__init__(name, {Kind.KINEMATICS: opener(Kind.KINEMATICS, labels, units, None)})
        self._hand = hand

    def run(self, stop: Event) -> None:
        """Publish until stopped; a reading that was missed is left out."""
        outlet, hand = self._outlets[Kind.KINEMATICS], self._hand
        then_ns, (then_x, then_y) = local_now_ns(), hand.position_cm()
        due_ns = next_grid_line_ns(then_ns, _STEP_NS)
        while not stop.wait(s_from_ns(max(due_ns - local_now_ns(), 0))):
            now_ns, (x, y) = local_now_ns(), hand.position_cm()
            button = [float(hand.is_pressed())] if hand.is_pressed else []
            elapsed_s = s_from_ns(now_ns - then_ns)
            if elapsed_s > 0:
                velocity = [(x - then_x) / elapsed_s, (y - then_y) / elapsed_s]
                outlet.push_sample([*velocity, *button], s_from_ns(now_ns))
                then_ns, then_x, then_y = now_ns, x, y
            due_ns = next_grid_line_ns(now_ns + 1, _STEP_NS)
