"""Intention: a subject who sees cursor and target late, and means to bring one to the other."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from rt_ner.arrays import FloatArray


@dataclass(frozen=True)
class SubjectSettings:
    """How the subject sees and moves.

    ``visual_delay_s``: age of what is seen. ``approach_s``: distance to the target over this is the
    speed that is wanted, at most ``max_speed_cm_s``; ``build_up_s``: in which the intention follows
    what is wanted. Noise is in proportion to speed (``noise``; Harris & Wolpert 1998) and besides
    (``noise_cm_s``), over ``noise_s``. ``motor_delay_s``: from intention to the subject's own hand;
    ``expected_delay_s``: from intention to cursor, as the subject has learned it.
    """

    visual_delay_s: float = 0.15
    approach_s: float = 0.12
    max_speed_cm_s: float = 40.0
    build_up_s: float = 0.05
    noise: float = 0.15
    noise_cm_s: float = 1.0
    noise_s: float = 0.1
    motor_delay_s: float = 0.1
    expected_delay_s: float = 0.1


class Intention:
    """The intended velocity, step by step.

    The subject corrects for its own delay: it adds to the cursor that it sees what it has meant
    since (an internal model; Golub et al. 2015).
    """

    def __init__(self, settings: SubjectSettings, step_s: float, rng: np.random.Generator) -> None:
        self._settings = settings
        self._step_s = step_s
        self._rng = rng
        delay = max(round(settings.visual_delay_s / step_s), 1)
        ahead = delay + round(settings.expected_delay_s / step_s)
        motor = max(round(settings.motor_delay_s / step_s), 1)
        still = np.zeros(2)
        self._seen: deque[tuple[FloatArray, FloatArray | None]] = deque(
            [(still, None)] * delay, maxlen=delay
        )
        self._meant: deque[FloatArray] = deque([still] * ahead, maxlen=ahead)
        self._hand: deque[FloatArray] = deque([still] * motor, maxlen=motor)
        self._noise = np.zeros(2)
        self.velocity_cm_s = np.zeros(2)
        self.position_cm = np.zeros(2)

    @property
    def hand_cm_s(self) -> FloatArray:
        """Velocity of the subject's own hand: the intention, a motor delay ago."""
        return self._hand[0]

    def step(self, cursor_cm: FloatArray, goal_cm: FloatArray | None) -> None:
        """Go on by a step, with what the screen shows now; no goal: stay."""
        settings = self._settings
        cursor_seen, goal_seen = self._seen[0]
        self._seen.append((cursor_cm.copy(), goal_cm))
        self.position_cm = cursor_seen + self._step_s * np.sum(self._meant, axis=0)
        wanted = np.zeros(2)
        if goal_seen is not None:
            wanted = (goal_seen - self.position_cm) / settings.approach_s
            speed = float(np.hypot(*wanted))
            wanted = wanted * min(1.0, settings.max_speed_cm_s / max(speed, 1e-9))
        share = self._step_s / settings.build_up_s
        plan = self.velocity_cm_s - self._noise
        plan = plan + share * (wanted - plan)
        self._noise = self._next_noise(float(np.hypot(*plan)))
        self.velocity_cm_s = plan + self._noise
        self._meant.append(plan)
        self._hand.append(self.velocity_cm_s)

    def _next_noise(self, speed_cm_s: float) -> FloatArray:
        """Noise that wanders, stronger in fast movements."""
        settings = self._settings
        keep = float(np.exp(-self._step_s / settings.noise_s))
        sd_cm_s = settings.noise_cm_s + settings.noise * speed_cm_s
        fresh = self._rng.normal(0.0, sd_cm_s * np.sqrt(1 - keep**2), 2)
        return keep * self._noise + fresh
