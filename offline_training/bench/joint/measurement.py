"""Score sessions that are trained together against the same sessions trained one by one.

All scores are R² on the held-out trials of each session, decoded bin by bin with the live decoder's
own code. Each has a control that learned from shuffled trials in the same way.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch

from offline_training.joint.learning import decoders_of
from offline_training.joint.new_day import HeadPlan, head_settings, learn_head
from offline_training.joint.sessions import Day
from offline_training.joint.workers.pool import learner
from offline_training.ner.distillation import Learned
from offline_training.ner.ensemble import OnStep
from offline_training.ner.sharing.members import Kept
from offline_training.settings import TrainSettings
from offline_training.training import fit_decoder
from rt_ner.bundle.joint.joint_bundle import ReadoutUse
from rt_ner.core.quantities.interval import Mean, mean_of
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.held_out.proof import control_split
from rt_ner.offline.scores import compare, only_trials
from rt_ner.terminal.progress import Progress

_READOUTS: tuple[ReadoutUse, ...] = ("own", "shared")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Score:
    """R² on held-out trials, of one session and way of training, and of its control."""

    session: str
    way: str
    r2: float
    shuffled_r2: float


@dataclass(frozen=True)
class Measured:
    """All scores, and the seconds that each way of training took without its controls."""

    scores: Sequence[Score]
    seconds: dict[str, float]

    def of(self, way: str) -> list[Score]:
        """Return the scores of one way of training, in the order of the sessions."""
        return [score for score in self.scores if score.way == way]

    def differences(self) -> dict[str, Mean]:
        """Return the mean gain of each joint way over separate trainings of the same sessions."""
        separate = {score.session: score.r2 for score in self.of("separate")}
        ways = dict.fromkeys(score.way for score in self.scores if score.way != "separate")
        return {
            way: mean_of([score.r2 - separate[score.session] for score in self.of(way)])
            for way in ways
        }


@dataclass(frozen=True, eq=False)
class Plan:
    """Sessions, of which the last is also the new day, and the settings of every training.

    ``workers``: the number of processes to compare with one; 1 for no comparison.
    """

    days: Sequence[Day]
    settings: TrainSettings
    device: torch.device
    workers: int = 1


def measure_joint(plan: Plan, progress: Progress) -> Measured:
    """Train the sessions one by one, together, and without the last, which is then added."""
    run = _Run(plan, progress)
    scores = [*run.separate(), *run.together("joint", 1)]
    if plan.workers > 1:
        scores += run.together(f"joint on {plan.workers} workers", plan.workers)
    return Measured([*scores, *run.new_day()], run.seconds)


class _Run:
    """One measurement under way."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self._plan = plan
        self._progress = progress
        self._controls = [
            Day(day.session, control_split(day.split, plan.settings.seed)) for day in plan.days
        ]
        self.seconds: dict[str, float] = {}

    def separate(self) -> list[Score]:
        """Train each session alone."""
        scores = []
        for day, control in zip(self._plan.days, self._controls, strict=True):
            name = day.session.name
            model = self._timed("separate", partial(self._alone, day, f"{name} alone"))
            chance = self._alone(control, f"{name} alone, control")
            scores.append(_score("separate", day, model, chance))
        return scores

    def together(self, way: str, n_workers: int) -> list[Score]:
        """Train all sessions together; score them with both kinds of readout.

        The time includes that in which workers start.
        """
        days = self._plan.days
        learned = self._timed(way, partial(self._learned, days, way, n_workers))
        shuffled = self._learned(self._controls, f"{way}, control", n_workers)
        return [
            _score(f"{way}, {use} readout", *each)
            for use in _READOUTS
            for each in zip(
                days,
                decoders_of(days, learned, use),
                decoders_of(self._controls, shuffled, use),
                strict=True,
            )
        ]

    def new_day(self) -> list[Score]:
        """Train all sessions but the last together, and learn the head of that one."""
        *known, day = self._plan.days
        learned = self._learned(known, f"without {day.session.name}")
        scores = []
        for use in _READOUTS:
            before = decoders_of(known, learned, use)[-1]
            assert before.weights is not None
            kept = Kept(before.weights, before.readout)
            plan = HeadPlan(kept, head_settings(self._plan.settings), use)
            way = f"new day, {use} readout"
            model = self._timed(way, partial(self._head, day, plan, way))
            chance = self._head(self._controls[-1], plan, f"{way}, control")
            scores.append(_score(way, day, model, chance))
        return scores

    def _learned(self, days: Sequence[Day], stage: str, n_workers: int = 1) -> list[Learned]:
        plan = self._plan
        with learner(days, plan.settings, str(plan.device), n_workers) as learn:
            return learn(days, plan.settings, partial(self._progress, stage))

    def _alone(self, day: Day, stage: str) -> DecoderSpecification:
        plan = self._plan
        on_step: OnStep = partial(self._progress, stage)
        return fit_decoder(day.session, day.split, plan.settings, plan.device, on_step)[0]

    def _head(self, day: Day, plan: HeadPlan, stage: str) -> DecoderSpecification:
        on_step: OnStep = partial(self._progress, stage)
        return learn_head(day, plan, self._plan.device, on_step)[0]

    def _timed(self, way: str, fit: Callable[[], _Result]) -> _Result:
        started_s = time.monotonic()
        fitted = fit()
        self.seconds[way] = self.seconds.get(way, 0.0) + time.monotonic() - started_s
        return fitted


def _score(way: str, day: Day, model: DecoderSpecification, control: DecoderSpecification) -> Score:
    return Score(day.session.name, way, _held_out_r2(day, model), _held_out_r2(day, control))


def _held_out_r2(day: Day, model: DecoderSpecification) -> float:
    session, split = day.session, day.split
    decoded = compare(decode_session(model, session), session, split.shape.hop_ns)
    history_ns = split.shape.history_ns
    return only_trials(decoded, split.n_train, len(session.trials), history_ns).r2()
