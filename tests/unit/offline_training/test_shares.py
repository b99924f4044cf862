"""Sessions shared among processes: the parts add up to the loss and the gradients of one process.

The processes are threads here, which wait for each other to add up a tensor.
"""

from collections.abc import Callable, Sequence
from threading import Barrier, Thread

import numpy as np
import pytest
import torch

from offline_training.joint.workers.pool import lost_worker
from offline_training.ner.loss import value_and_gradient
from offline_training.ner.networks.objective import Objective
from offline_training.ner.sharing.random_stream import RandomStream
from offline_training.ner.sharing.share import AddUp, Share
from offline_training.settings import TrainSettings
from rt_ner.core.errors import RtNerError
from rt_ner.offline.dataset import Dataset
from tests.helpers.reaches import BIN_NS, reaches

N_SESSIONS, N_ANCHORS, MEMBERS = 3, 5, 2
SETTINGS = TrainSettings(hidden_units=(6, 4))


def at_once(parts: Sequence[Callable[[AddUp], None]]) -> None:
    """Run functions side by side; ``add_up`` sums a tensor over them, as processes do."""
    barrier, given = Barrier(len(parts), timeout=60), [torch.zeros(0)] * len(parts)

    def run(number: int) -> None:
        def add_up(tensor: torch.Tensor) -> None:
            given[number] = tensor.clone()
            barrier.wait()
            total = torch.stack(given).sum(dim=0)
            barrier.wait()
            tensor.copy_(total)

        try:
            parts[number](add_up)
        except BaseException:
            barrier.abort()
            raise

    threads = [Thread(target=run, args=(number,)) for number in range(len(parts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Part:
    """The loss of some of the sessions, with the gradients by what they share and by their own."""

    def __init__(self, begin: int, end: int, sessions: Sequence[Dataset]) -> None:
        self._own, self._begin = slice(begin, end), begin
        self._sessions = sessions

    def __call__(self, add_up: AddUp) -> None:
        labels = [each.labels for each in self._sessions]
        share = Share(self._sessions[self._own], labels, self._begin, add_up)
        objective = Objective(share, SETTINGS, BIN_NS, MEMBERS)
        rng = np.random.default_rng(0)
        numbers = rng.normal(size=(MEMBERS, 2, N_SESSIONS, N_ANCHORS, 4 + 3)).astype(np.float32)
        rows = rng.integers(0, 600, (MEMBERS, 2, N_SESSIONS, N_ANCHORS))
        rows += 640 * np.arange(N_SESSIONS)[:, None]
        values = torch.from_numpy(numbers[:, :, self._own]).flatten(2, 3)
        self.own = values.requires_grad_()
        with torch.no_grad():
            for each in objective.parameters():
                each.copy_(torch.linspace(-1, 1 + self._begin, each.numel()).view_as(each))
        shared = [*objective.parameters()]
        share.agree(shared)
        mine = rows[:, :, self._own].reshape(MEMBERS, 2, -1)
        loss = objective(self.own[..., :4], self.own[..., 4:], mine)
        torch.autograd.backward(loss)
        self.loss = float(share.pooled(shared, loss))
        self.shared = [each.grad for each in shared]


@pytest.fixture(scope="module")
def sessions() -> list[Dataset]:
    names = ("a", "bb", "ccc")
    return [reaches(name).split.train for name in names]


@pytest.mark.parametrize("ends", [(1, 3), (2, 3), (1, 2, 3)])
def test_the_parts_of_several_processes_are_the_loss_and_gradients_of_one(
    sessions: list[Dataset], ends: tuple[int, ...]
) -> None:
    whole = Part(0, N_SESSIONS, sessions)
    at_once([whole])
    parts = [Part(*ends, sessions) for ends in zip((0, *ends), ends, strict=False)]
    at_once(parts)
    assert whole.own.grad is not None
    own = torch.cat([part.own.grad for part in parts if part.own.grad is not None], dim=2)
    torch.testing.assert_close(own, whole.own.grad)
    for part in parts:
        assert part.loss == pytest.approx(whole.loss)
        torch.testing.assert_close(part.shared, whole.shared)


def test_rows_of_the_loss_add_up_to_the_whole(rng: np.random.Generator) -> None:
    embeddings, labels = rng.normal(size=(2 * 150, 3)), rng.integers(0, 9, 150)
    distance = np.abs(labels[:, None] - labels).astype(np.float64)
    value, gradient = value_and_gradient(embeddings, distance, 0.7)
    parts = [
        value_and_gradient(embeddings, distance[begin:end], 0.7, begin)
        for begin, end in ((0, 70), (70, 71), (71, 150))
    ]
    assert sum(part for part, _ in parts) == pytest.approx(value)
    np.testing.assert_allclose(sum(part for _, part in parts), gradient, atol=1e-12)


def test_a_session_draws_the_same_numbers_whatever_the_others_draw() -> None:
    def drawn(*places: int) -> list[torch.Tensor]:
        streams = {place: RandomStream(3, place) for place in set(places)}
        found = []
        for place in places:
            with streams[place].drawn():
                found.append(torch.rand(4))
        return found

    torch.manual_seed(3)
    alone, before = torch.rand(4), torch.get_rng_state()
    first, other, again, second = drawn(0, 1, 1, 0)
    assert torch.equal(first, alone), "the first session's are those of the seed"
    assert torch.equal(torch.stack([other, again]), torch.stack(drawn(1, 1)))
    assert len({float(each[0]) for each in (first, other, again, second)}) == 4
    assert torch.equal(torch.get_rng_state(), before)
    one = [RandomStream(3, 0).rng, np.random.default_rng(3)]
    assert one[0].random() == one[1].random()


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ((74, -9), "worker 2 of 2 was ended by signal 9, .* fewer --workers.* nothing was written"),
        ((74, 1, None), "worker 2 of 3 ended with code 1; its error stands above"),
        ((74, None), "worker 1 of 2 does not answer"),
    ],
)
def test_the_worker_that_ended_first_is_named(codes: tuple[int | None, ...], message: str) -> None:
    with pytest.raises(RtNerError, match=message):
        raise lost_worker(codes)
