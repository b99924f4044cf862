"""Run clients of a decoder beside it: some read, one is frozen, one is killed."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rt_ner.bench.rig import Rig
from rt_ner.core.contract.kinds import Kind
from rt_ner.system.processes import ChildProcess, child_process


@contextmanager
def clients_of(rig: Rig, n_readers: int, folder: Path) -> Iterator[None]:
    """Run clients of the velocity within the block, if there are to be any that read.

    Beside the readers, one is frozen (not on Windows, which can't), and one is killed.
    """
    with ExitStack() as stack:
        clients: list[ChildProcess] = []
        for number in range(n_readers + 2 if n_readers else 0):
            home = folder / f"client-{number}"
            home.mkdir()
            command = ["bench", "drain", rig.decoder_name, Kind.VELOCITY]
            clients.append(stack.enter_context(child_process(command, home)))
        rig.observer.wait_until(
            lambda: all(client.events("connected") for client in clients), "the clients"
        )
        if clients:
            *_, frozen, killed = clients
            killed.kill()
            if sys.platform != "win32":
                os.kill(frozen.pid, signal.SIGSTOP)
                stack.callback(os.kill, frozen.pid, signal.SIGCONT)
        yield
