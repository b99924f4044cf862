"""Faults that happen to rigs: each is done, lasts for a while, and is undone."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rt_ner.bench.chaos.running_rig import WATCH, RunningRig
from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.contract.kinds import Kind
from rt_ner.lsl.streams import open_outlet
from rt_ner.rig.supervision.identity import identity_of
from rt_ner.system.processes import ChildProcess

_LASTS_S = 2.0
_END_S = 10.0
_POLL_S = 0.01
_FILLED_MB = 4
_DISK_MB = 1000

Undo = Callable[[], None]


@dataclass(frozen=True)
class Fault:
    """A fault: ``do`` does it to a rig and returns what undoes it after ``lasts_s``."""

    name: str
    do: Callable[[RunningRig], Undo]
    lasts_s: float = _LASTS_S


def faults_of(rig: RunningRig, is_alone: bool) -> list[Fault]:
    """Return the faults to do to a rig; ``is_alone``: this process has network and mounts alone."""
    parts = rig.parts()
    faults = [Fault(f"{name} killed", _killing(name), 0.0) for name in parts]
    faults += [Fault(f"{name} frozen", _freezing(name)) for name in parts]
    faults += [
        Fault("a stranger's spikes", _stranger),
        Fault("a stranger with the source's name", _impostor),
        Fault("a second decoder of the same name", _namesake),
    ]
    if is_alone:
        faults += [Fault("network cut", _cut), Fault("disk full", _fill)]
    return faults


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Give this process's own network an address, and a new folder a small disk, in the block."""
    _run("ip", "link", "set", "lo", "up")
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "rt-ner-bench", str(folder))
    try:
        yield
    finally:
        _run("umount", str(folder))


def _killing(name: str) -> Callable[[RunningRig], Undo]:
    def kill(rig: RunningRig) -> Undo:
        pid = rig.pid(name)
        _signal(pid, signal.SIGKILL)
        while pid and identity_of(pid):
            time.sleep(_POLL_S)
        return rig.start if name == WATCH else lambda: None

    return kill


def _freezing(name: str) -> Callable[[RunningRig], Undo]:
    def freeze(rig: RunningRig) -> Undo:
        pid = rig.pid(name)
        _signal(pid, signal.SIGSTOP)
        return lambda: _signal(pid, signal.SIGCONT)

    return freeze


def _signal(pid: int | None, number: int) -> None:
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _stranger(rig: RunningRig) -> Undo:
    return _spikes_of(f"stranger-{rig.tag}")


def _impostor(rig: RunningRig) -> Undo:
    return _spikes_of(rig.settings.settings.source.published_as)


def _spikes_of(source: str) -> Undo:
    """Announce spikes of a source, and send none: a receiver of theirs would wait."""
    labels = [f"elec{number:03d}" for number in range(1, 97)]
    held = [open_outlet(source, Kind.SPIKES, labels, "spikes", NS_PER_MS)]
    return held.clear


def _namesake(rig: RunningRig) -> Undo:
    name = rig.settings.settings.decoder.published_as
    arguments = ["decode", str(rig.bundle), "--name", name]
    second = ChildProcess(arguments, rig.folder / "second.log", apart=True)
    return second.end


def _cut(_: RunningRig) -> Undo:
    _run("ip", "link", "set", "lo", "down")
    return lambda: _run("ip", "link", "set", "lo", "up")


def _fill(rig: RunningRig) -> Undo:
    filler = rig.settings.recordings / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(_FILLED_MB << 20))
    return lambda: filler.unlink(missing_ok=True)


def _run(*command: str) -> None:
    program = shutil.which(command[0])
    assert program, command
    subprocess.run([program, *command[1:]], check=True, timeout=_END_S)  # noqa: S603 - fixed
