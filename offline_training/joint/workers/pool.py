"""Start the workers of a joint training, pass them their lessons, and end them."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from offline_training.engines.options import n_cores
from offline_training.joint.learning import Learn, joint_settings, learn_days
from offline_training.joint.sessions import Day
from offline_training.joint.workers.lessons import Lesson, OwnSessions, Result, Step
from offline_training.joint.workers.worker import LOST_ANOTHER, Place, work
from offline_training.ner.distillation import Learned
from offline_training.ner.ensemble import OnStep
from offline_training.ner.networks.encoder_network import EncoderNetwork
from offline_training.options import pick_device
from offline_training.settings import TrainSettings
from rt_ner.core.errors import ConfigError, RtNerError

# The others notice that a worker is lost at their next step.
_NOTICE_S = 5.0


@contextmanager
def learner(
    days: Sequence[Day], settings: TrainSettings, device: str, n_workers: int
) -> Iterator[Learn]:
    """Open what trains on the days: this process, or several that each have some of the days.

    Either way the numbers are the same, up to rounding. The processes are gone after the block,
    whatever happens.
    """
    if n_workers == 1:
        yield partial(learn_days, device=pick_device(device))
        return
    if n_workers > len(days):
        raise ConfigError(
            f"--workers {n_workers} with {len(days)} sessions: each worker needs one of its own; "
            f"choose {len(days)} or fewer"
        )
    if device not in {"auto", "cpu"}:
        raise ConfigError(
            f"--workers {n_workers} with --device {device}: several workers learn on the CPU; "
            "leave one out"
        )
    with TemporaryDirectory(prefix="rt-ner-") as folder, _processes(n_workers, folder) as workers:
        pool = Pool(workers)
        pool.hand_out(days, settings)
        yield pool.learn


class Worker:
    """A worker's process, and the connection to it."""

    def __init__(self, place: Place) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.connection, theirs = spawn.Pipe()
        self.process: SpawnProcess = spawn.Process(target=work, args=(place, theirs), daemon=True)
        self.process.start()
        # The worker alone holds its end, so that ours ends with it.
        theirs.close()

    def end(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.join()
        self.connection.close()


@contextmanager
def _processes(n_workers: int, folder: str) -> Iterator[list[Worker]]:
    """Start workers, and end them after the block."""
    n_threads = max(1, n_cores() // n_workers)
    meeting_file = str(Path(folder) / "meeting")
    workers: list[Worker] = []
    try:
        for number in range(n_workers):
            workers.append(Worker(Place(number, n_workers, n_threads, meeting_file)))
        yield workers
    finally:
        for worker in workers:
            worker.end()


class Pool:
    """Workers that learn together."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self.workers = workers

    def hand_out(self, days: Sequence[Day], settings: TrainSettings) -> None:
        """Give each worker some of the days, as evenly as possible."""
        sessions = [day.session for day in days]
        for worker, own in zip(self.workers, _divided(len(days), len(self.workers)), strict=True):
            self._send(worker, OwnSessions(own[0], sessions[own[0] : own[-1] + 1], settings))

    def learn(self, days: Sequence[Day], settings: TrainSettings, on_step: OnStep) -> list[Learned]:
        """Train the encoders of the days that were handed out, whose labels may be others now."""
        chosen, step_ns = joint_settings(settings), days[0].split.shape.bin_ns
        lesson = Lesson([day.split.train.labels for day in days], chosen, step_ns)
        for worker in self.workers:
            self._send(worker, lesson)
        results = self._results(on_step)
        return [_learned(*pair, chosen) for pair in zip(days, results, strict=True)]

    def _results(self, on_step: OnStep) -> list[Result]:
        """Wait for the results of all workers; return them in the order of the sessions."""
        found: dict[Worker, list[Result]] = {}
        while len(found) < len(self.workers):
            ready = wait([worker.connection for worker in self.workers])
            for worker in [worker for worker in self.workers if worker.connection in ready]:
                message = self._received(worker)
                if isinstance(message, RtNerError):
                    raise message
                if isinstance(message, Step):
                    on_step(message.part, message.validation_r2)
                else:
                    found[worker] = message
        return [result for worker in self.workers for result in found[worker]]

    def _send(self, worker: Worker, message: object) -> None:
        try:
            worker.connection.send(message)
        except OSError as error:
            raise self._lost() from error

    def _received(self, worker: Worker) -> Any:
        try:
            return worker.connection.recv()
        except (EOFError, OSError) as error:
            raise self._lost() from error

    def _lost(self) -> RtNerError:
        """Return the error that names the worker that ended first."""
        until_s = time.monotonic() + _NOTICE_S
        for worker in self.workers:
            worker.process.join(max(0.0, until_s - time.monotonic()))
        return lost_worker([worker.process.exitcode for worker in self.workers])


def lost_worker(exit_codes: Sequence[int | None]) -> RtNerError:
    """Return the error for exit codes of workers, of which one or more have ended by themselves.

    A code is None while a worker runs, and negative where a signal ended it.
    """
    ended = [code not in {None, LOST_ANOTHER} for code in exit_codes]
    number = ended.index(True) if any(ended) else 0
    code = exit_codes[number] if any(ended) else None
    how = "does not answer" if code is None else f"ended with code {code}; its error stands above"
    if code is not None and code < 0:
        how = f"was ended by signal {-code}, perhaps because memory ran out: try fewer --workers"
    return RtNerError(
        f"worker {number + 1} of {len(exit_codes)} {how}; the training was given up, and nothing "
        "was written"
    )


def _divided(n_days: int, n_workers: int) -> list[list[int]]:
    """Return the places of each worker's days, one after the other."""
    return [part.tolist() for part in np.array_split(np.arange(n_days), n_workers)]


def _learned(day: Day, result: Result, settings: TrainSettings) -> Learned:
    """Return a day's encoder with the weights that a worker has learned."""
    network = EncoderNetwork(day.split.train, settings)
    network.load_state_dict({name: torch.from_numpy(each) for name, each in result.state.items()})
    return Learned(network, result.validation_r2)
