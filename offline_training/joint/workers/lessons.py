"""Follow the lessons that a parent sends to its workers, and report what was learned."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

import torch

from offline_training.dataset.split import split_session
from offline_training.engines.threads import threads
from offline_training.joint.workers.meeting import meet
from offline_training.joint.workers.worker import Place
from offline_training.ner.distillation import Learned, train_encoders
from offline_training.ner.ensemble import OnStep
from offline_training.ner.sharing.share import AddUp, Share
from offline_training.settings import TrainSettings
from rt_ner.core.arrays import AnyArray
from rt_ner.core.errors import RtNerError
from rt_ner.data.session.session import Session
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels


@dataclass(frozen=True, eq=False)
class OwnSessions:
    """The sessions of one worker; ``first`` is the place of the first of them among all."""

    first: int
    sessions: Sequence[Session]
    settings: TrainSettings


@dataclass(frozen=True, eq=False)
class Lesson:
    """A training to do: the labels of all sessions, and the settings."""

    labels: Sequence[Labels]
    settings: TrainSettings
    step_ns: int


@dataclass(frozen=True)
class Step:
    """The part of a training that is done, and the newest R² of the trials left out."""

    part: float
    validation_r2: float | None


@dataclass(frozen=True, eq=False)
class Result:
    """The state of a session's trained network, and the R² of the trials left out."""

    state: dict[str, AnyArray]
    validation_r2: float | None


def follow(place: Place, parent: Connection) -> None:
    """Receive sessions, then lessons one by one; send the results of each lesson.

    The first worker sends its steps too. An error that the user can fix is sent in place of the
    results.
    """
    with threads(place.threads):
        own: OwnSessions = parent.recv()
        datasets = [split_session(each, own.settings).train for each in own.sessions]
        add_up = meet(place)

        def on_step(part: float, validation_r2: float | None) -> None:
            if place.number == 0:
                parent.send(Step(part, validation_r2))

        while True:
            lesson: Lesson = parent.recv()
            share = _share(datasets, own.first, lesson, add_up)
            try:
                parent.send(_learn(share, lesson, on_step))
            except RtNerError as error:
                parent.send(error)


def _share(datasets: Sequence[Dataset], first: int, lesson: Lesson, add_up: AddUp) -> Share:
    """Return a worker's share of a lesson, whose labels may be shuffled."""
    own = lesson.labels[first : first + len(datasets)]
    labelled = [
        replace(dataset, labels=labels) for dataset, labels in zip(datasets, own, strict=True)
    ]
    return Share(labelled, lesson.labels, first, add_up)


def _learn(share: Share, lesson: Lesson, on_step: OnStep) -> list[Result]:
    cpu = torch.device("cpu")
    learned = train_encoders(share, lesson.settings, lesson.step_ns, cpu, on_step)
    return [_result(each) for each in learned]


def _result(learned: Learned) -> Result:
    state = {name: values.numpy() for name, values in learned.network.state_dict().items()}
    return Result(state, learned.validation_r2)
