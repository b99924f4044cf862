"""Model the intended movement of a subject who sees cursor and target with a delay."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from drivers.simulated.subject.clicking import Clicking
from rt_ner.core.arrays import FloatArray

# Longest delay of a cursor that is learned, and how much fast movement must be seen before.
_LONGEST_ANSWER_S, _LEARN_FROM_S = 0.3, 0.5
# The button is down while a click is intended by more than this.
_PRESSED = 0.5


@dataclass(frozen=True)
class SubjectSettings:
    """Parameters of the subject's seeing and moving.

    ``visual_delay_s``: age of what is seen. ``approach_s``: the wanted speed is the distance to the
    target over this, at most ``max_speed_cm_s``. ``build_up_s``: time in which the intention
    follows what is wanted. Noise has a part in proportion to speed (``noise``; Harris & Wolpert
    1998) and a constant one (``noise_cm_s``), and lasts ``noise_s``. ``motor_delay_s``: from
    intention to the subject's own hand. ``expected_delay_s``: from intention to cursor, as the
    subject expects until it has learned how this cursor answers, with a half-life of ``memory_s``.
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
    memory_s: float = 30.0


class Intention:
    """Intended velocity and click, step by step.

    The subject corrects for its own delay by an internal model (Golub et al. 2015): to the cursor
    that it sees, it adds what it has intended since, as the cursor has answered so far. ``click``
    is how much a click is intended, 0 to 1.
    """

    def __init__(self, settings: SubjectSettings, step_s: float, rng: np.random.Generator) -> None:
        self._settings = settings
        self._step_s = step_s
        self._rng = rng
        delay = max(round(settings.visual_delay_s / step_s), 1)
        motor = max(round(settings.motor_delay_s / step_s), 1)
        still = np.zeros(2)
        self._seen: deque[tuple[FloatArray, FloatArray | None, float]] = deque(
            [(still, None, 0.0)] * delay, maxlen=delay
        )
        self._answer = CursorAnswer(settings, step_s)
        self._hand: deque[tuple[FloatArray, float]] = deque([(still, 0.0)] * motor, maxlen=motor)
        self._clicking = Clicking(step_s)
        self._noise = np.zeros(2)
        self.velocity_cm_s = np.zeros(2)
        self.click = 0.0
        self.position_cm = np.zeros(2)

    @property
    def hand_cm_s(self) -> FloatArray:
        """Velocity of the subject's own hand: the intention, a motor delay ago."""
        return self._hand[0][0]

    @property
    def hand_click(self) -> bool:
        """True while the subject's own hand presses the button, a motor delay late."""
        return self._hand[0][1] > _PRESSED

    def step(
        self, cursor_cm: FloatArray, goal_cm: FloatArray | None, click_within_cm: float = 0.0
    ) -> None:
        """Go on by one step, with what the screen shows now; without a goal, stay.

        ``click_within_cm`` is the radius of a goal that is chosen by a click, 0 for any other.
        """
        settings = self._settings
        cursor_seen, goal_seen, within_cm = self._seen[0]
        self._seen.append((cursor_cm.copy(), goal_cm, click_within_cm))
        self._answer.learn(cursor_seen)
        self.position_cm = cursor_seen + self._answer.on_its_way_cm()
        wanted = np.zeros(2)
        self._clicking.step(self._distance_cm(cursor_seen, goal_seen), within_cm)
        if goal_seen is not None:
            wanted = (goal_seen - self.position_cm) / settings.approach_s
            speed = float(np.hypot(*wanted))
            wanted = wanted * min(1.0, settings.max_speed_cm_s / max(speed, 1e-9))
        share = self._step_s / settings.build_up_s
        plan = self.velocity_cm_s - self._noise
        plan = plan + share * (wanted - plan)
        self._noise = self._next_noise(float(np.hypot(*plan)))
        self.velocity_cm_s = plan + self._noise
        self.click += share * (self._clicking.is_clicking - self.click)
        self._answer.intend(plan)
        self._hand.append((self.velocity_cm_s, self.click))

    def _distance_cm(self, cursor_seen: FloatArray, goal_seen: FloatArray | None) -> float:
        """Return the distance to the goal of the cursor, as seen or as believed: the larger one."""
        if goal_seen is None:
            return np.inf
        away = goal_seen - np.array([cursor_seen, self.position_cm])
        return float(np.hypot(*away.T).max())

    def _next_noise(self, speed_cm_s: float) -> FloatArray:
        """Return noise that wanders, stronger in fast movements."""
        settings = self._settings
        keep = float(np.exp(-self._step_s / settings.noise_s))
        sd_cm_s = settings.noise_cm_s + settings.noise * speed_cm_s
        fresh = self._rng.normal(0.0, sd_cm_s * np.sqrt(1 - keep**2), 2)
        return keep * self._noise + fresh


class CursorAnswer:
    """Delay and gain of the cursor's answer to the intention, learned by watching it.

    The delay is the one with which the intention best explains how the cursor was seen to move; the
    gain is by least squares.
    """

    def __init__(self, settings: SubjectSettings, step_s: float) -> None:
        self._step_s = step_s
        self._visual = max(round(settings.visual_delay_s / step_s), 1)
        self._delay = round(settings.expected_delay_s / step_s)
        self._gain = 1.0
        self._keep = 0.5 ** (step_s / settings.memory_s)
        longest = self._visual + round(_LONGEST_ANSWER_S / step_s)
        # Newest first; nothing is learned before there was enough fast movement.
        self._intended = np.zeros((longest, 2))
        self._moved = np.zeros(longest - self._visual)
        self._power = np.zeros_like(self._moved)
        self._enough = settings.max_speed_cm_s**2 * _LEARN_FROM_S / step_s
        self._seen_cm = np.zeros(2)

    def intend(self, velocity_cm_s: FloatArray) -> None:
        """Remember the velocity that is intended now."""
        self._intended[1:] = self._intended[:-1]
        self._intended[0] = velocity_cm_s

    def learn(self, seen_cm: FloatArray) -> None:
        """Learn from where the cursor was a visual delay ago."""
        velocity_cm_s = (seen_cm - self._seen_cm) / self._step_s
        self._seen_cm = seen_cm
        candidates = self._intended[self._visual :]
        self._moved = self._keep * self._moved + candidates @ velocity_cm_s
        self._power = self._keep * self._power + np.square(candidates).sum(axis=1)
        if self._power[0] > self._enough:
            explained = self._moved / np.sqrt(np.maximum(self._power, 1e-9))
            self._delay = int(np.argmax(explained))
            self._gain = max(float(self._moved[self._delay] / self._power[self._delay]), 0.0)

    def on_its_way_cm(self) -> FloatArray:
        """Return the way that was intended but not yet seen, as the cursor will answer."""
        unseen = self._intended[: self._visual + self._delay]
        way_cm: FloatArray = self._gain * self._step_s * unseen.sum(axis=0)
        return way_cm
