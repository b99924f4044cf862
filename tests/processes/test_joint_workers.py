"""Joint training on two processes: the numbers of one, and a clear end when a process dies."""

from collections.abc import Callable

import pytest
import torch

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from offline_training.engines.threads import one_thread
from offline_training.joint.learning import learn_days
from offline_training.joint.sessions import Day, prepare_days
from offline_training.joint.workers import pool
from offline_training.ner.distillation import Learned
from offline_training.settings import FaultSettings, TrainSettings
from rt_ner.core.errors import RtNerError
from tests.helpers.sessions import QUICK_TASK

# Enough trials for a witness, and steps until it has been looked at in between; two members, for
# then their average is distilled.
TASK = TaskSettings(n_trials=26, hold_s=QUICK_TASK.hold_s, reaction_s=QUICK_TASK.reaction_s)
SETTINGS = TrainSettings(
    steps=28,
    batch=16,
    hidden_units=(8, 8),
    faults=FaultSettings(gain_noise=0.1),
    ensemble={"members": 2, "distillation_steps": 10, "distillation_batch": 16},
)


def days() -> list[Day]:
    sessions = [
        simulate_session(seed, TASK, ArraySettings(n_electrodes=n))
        for seed, n in enumerate((7, 5, 6))
    ]
    return prepare_days(sessions, SETTINGS, lambda _: None)


def quiet(part: float, r2: float | None) -> None:
    pass


def weights(learned: Learned) -> list[torch.Tensor]:
    return [each.detach() for each in learned.network.parameters()]


def trunk(learned: Learned) -> list[torch.Tensor]:
    return [each.detach() for layer in learned.network.trunk for each in layer.parameters()]


def killer(workers: list[pool.Worker]) -> Callable[[float, float | None], None]:
    def kill(part: float, r2: float | None) -> None:
        workers[1].process.kill()

    return kill


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_two_workers_learn_what_one_process_learns_and_end_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[pool.Worker] = []
    hand_out = pool.Pool.hand_out

    def noting(self: pool.Pool, *arguments: object) -> None:
        started.extend(self.workers)
        hand_out(self, *arguments)

    monkeypatch.setattr(pool.Pool, "hand_out", noting)
    three, shown = days(), []
    with pool.learner(three, SETTINGS, "cpu", 2) as learn:
        shared = learn(three, SETTINGS, lambda part, r2: shown.append((part, r2)))
        with one_thread():
            alone = learn_days(three, SETTINGS, quiet, torch.device("cpu"))
        with pytest.raises(RtNerError, match="worker 2 of 2 was ended by signal 9"):
            learn(three, SETTINGS, killer(started))
    assert [worker.process.exitcode is None for worker in started] == [False, False]
    for one, other in zip(shared, alone, strict=True):
        torch.testing.assert_close(weights(one), weights(other), rtol=1e-4, atol=1e-5)
        assert one.validation_r2 == pytest.approx(other.validation_r2, abs=1e-4)
        assert all(map(torch.equal, trunk(one), trunk(shared[0]))), "the same bits"
    assert shown[0][1] != shown[-1][1], "the witness has been looked at in between"
    assert shown[-1][0] == 1
