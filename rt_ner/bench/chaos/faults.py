"""Faults that happen to rigs: each is done, lasts for a while, and is undone."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from rt_ner.bench.chaos.clock.settable import HOUR_COMES_TWICE, SettableClock, next_midnight
from rt_ner.bench.chaos.running_rig import WATCH, RunningRig
from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import RtNerError
from rt_ner.lsl.streams import open_outlet
from rt_ner.record.rig_events import Happened
from rt_ner.rig.supervision.identity import identity_of
from rt_ner.rig.troubles.clock import CLOCK, RIG
from rt_ner.rig.troubles.disk import RECORDINGS
from rt_ner.rig.troubles.network import NETWORK
from rt_ner.system.processes import ChildProcess

_LASTS_S = 2.0
_SLEEP_S = 6.0
# liblsl asks for streams every 1.75 s: one that lives for less may stay unseen.
_SEEN_S = 4.0
_END_S = 10.0
# A program that is refused says so after this time at the latest, its own start included.
_REFUSED_S = 30.0
_DRIVE = "drive"
_HOUR = timedelta(hours=1)
_POLL_S = 0.01
_FILLED_MB = 4
_DISK_MB = 1000

Undo = Callable[[], object]


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes
    ----------
    name
        Its name.
    do
        Does it to a rig, and returns what undoes it.
    of, kind
        Whom the report must say that it befell, and the kind of event. No kind: a program that must
        be refused, which is no fault of the rig then.
    lasts_s
        Time until it is undone.
    befalls_all
        True if any part may suffer from it.

    """

    name: str
    do: Callable[[RunningRig], Undo]
    of: str
    kind: Happened | None
    lasts_s: float = _LASTS_S
    befalls_all: bool = False


def faults_of(rig: RunningRig, is_alone: bool, clock: SettableClock | None) -> list[Fault]:
    """Return the faults to do to a rig.

    Parameters
    ----------
    rig
        The rig.
    is_alone
        True if this process has network and mounts alone.
    clock
        The clock of the rig's processes; None: they have that of the computer.

    Returns
    -------
    list of Fault
        The faults.

    """
    strangers = {"a stranger's spikes": _stranger, "a stranger with the source's name": _impostor}
    faults = [
        *(_of_part(f"{name} killed", name, Happened.DIED) for name in rig.parts()),
        *(_of_part(f"{name} frozen", name, Happened.FROZEN) for name in rig.parts()),
        *(Fault(name, do, NETWORK, Happened.STRANGER, _SEEN_S) for name, do in strangers.items()),
        Fault("a second decoder of the same name", _namesake, "", None, 0.0),
        Fault("all asleep", _sleep, RIG, Happened.FROZEN, _SLEEP_S, befalls_all=True),
    ]
    if is_alone:
        faults += [
            Fault("network cut", _cut, NETWORK, Happened.GONE, befalls_all=True),
            Fault("disk full", _fill, RECORDINGS, Happened.FULL, befalls_all=True),
            Fault("drive pulled", _pull, RECORDINGS, Happened.GONE, befalls_all=True),
        ]
    return faults + _of_clock(clock) if clock else faults


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Give this process's own network an address, and a folder a small disk, in the block.

    The recordings are on a drive that can be pulled.
    """
    _connect()
    _run("mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "rt-ner-bench", str(folder))
    try:
        for name in (_DRIVE, RECORDINGS):
            (folder / name).mkdir()
        _plug_in(folder)
        yield
    finally:
        _run("umount", "--lazy", str(folder))


def _of_part(name: str, part: str, kind: Happened) -> Fault:
    """Return a part's death or freeze."""
    of = RIG if part == WATCH else part
    if kind is Happened.DIED:
        return Fault(name, _killing(part), of, kind, 0.0)
    return Fault(name, _freezing(part), of, kind)


def _of_clock(clock: SettableClock) -> list[Fault]:
    """Return the faults of a clock; each ends with the clock's being set right again."""
    sets = {
        "the clock an hour ahead": lambda: clock.shift(_HOUR),
        "the clock an hour back": lambda: clock.shift(-_HOUR),
        "the clock to midnight": lambda: clock.set_to(next_midnight() - timedelta(seconds=1)),
        "the clock to an hour that comes twice": lambda: clock.set_to(
            HOUR_COMES_TWICE - timedelta(seconds=1)
        ),
    }
    return [
        Fault(name, partial(_set, clock, do), CLOCK, Happened.STEPPED) for name, do in sets.items()
    ]


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


def _sleep(rig: RunningRig) -> Undo:
    """Stop all that runs, as when the lid is closed; the watch first, so that it sees nothing."""
    groups = [pid for name in (WATCH, *rig.parts()[:-1]) if (pid := rig.pid(name))]
    _signal_all(groups, signal.SIGSTOP)
    return lambda: _signal_all(groups, signal.SIGCONT)


def _signal_all(groups: list[int], number: int) -> None:
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, number)


def _set(clock: SettableClock, do: Callable[[], object], _: RunningRig) -> Undo:
    do()
    return lambda: clock.shift(timedelta())


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
    try:
        second.finish(_REFUSED_S)
        rig.n_admitted += 1
    except RtNerError:
        rig.n_admitted += not second.has_ended()
    return second.end


def _cut(_: RunningRig) -> Undo:
    _run("ip", "link", "set", "lo", "down")
    return _connect


def _connect() -> None:
    """Let this computer reach itself, by multicast too: LabRecorder finds streams by that alone."""
    _run("ip", "link", "set", "lo", "up", "multicast", "on")
    _run("ip", "route", "replace", "224.0.0.0/4", "dev", "lo")


def _fill(rig: RunningRig) -> Undo:
    filler = rig.settings.recordings / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(_FILLED_MB << 20))
    return lambda: filler.unlink(missing_ok=True)


def _pull(rig: RunningRig) -> Undo:
    _run("umount", "--lazy", str(rig.settings.recordings))
    return lambda: _plug_in(rig.folder)


def _plug_in(folder: Path) -> None:
    _run("mount", "--bind", str(folder / _DRIVE), str(folder / RECORDINGS))


def _run(*command: str) -> None:
    program = shutil.which(command[0])
    assert program, command
    subprocess.run([program, *command[1:]], check=True, timeout=_END_S)  # noqa: S603 - fixed
