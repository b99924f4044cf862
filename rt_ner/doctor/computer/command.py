"""Run `rt-ner doctor --fix`, `--fix --apply` and `--undo`."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from rich.console import Console

from rt_ner.core.errors import ConfigError
from rt_ner.doctor.computer.files.system_files import SystemFiles
from rt_ner.doctor.computer.fixes.governor import propose_governor
from rt_ner.doctor.computer.fixes.interrupts import (
    decoders_core,
    online_cores,
    propose_interrupts,
)
from rt_ner.doctor.computer.fixes.priority import Account, propose_priority, this_account
from rt_ner.doctor.computer.fixes.sleep import propose_sleep
from rt_ner.doctor.computer.ledger import Ledger, state_file
from rt_ner.doctor.computer.proposal import Proposal
from rt_ner.doctor.computer.repair import Applied, Repair
from rt_ner.doctor.computer.report import (
    print_applied,
    print_proposals,
    print_undone,
    proposals_as_json,
)
from rt_ner.doctor.report import WIDTH
from rt_ner.system.computer.wake_ups import measure_wake_ups
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import print_json
from rt_ner.terminal.progress import show_progress


def check_linux(platform: str = sys.platform) -> None:
    """Raise ConfigError on any system but Linux."""
    if platform != "linux":
        raise ConfigError(
            f"--fix and --undo are for Linux, and this is {platform}: on Windows choose the power "
            "plan 'High performance'; on macOS there is nothing to set"
        )


def propose(files: SystemFiles, core: int | None, account: Account) -> list[Proposal]:
    """Return a proposal for each cause of late wake-ups, also where there is nothing to do."""
    return [
        propose_governor(files),
        propose_sleep(files),
        propose_interrupts(files, core),
        propose_priority(files, account),
    ]


def fix(core: int | None, seconds: float, makes_changes: bool, as_json: bool) -> int:
    """Propose changes to this computer, and make those that are permitted.

    Parameters
    ----------
    core
        The decoder's core; None: none is set.
    seconds
        Duration of each measurement.
    makes_changes
        False to propose only.
    as_json
        True to print one JSON object, False to print a report.

    Returns
    -------
    int
        Exit code: 2 if changes were to be made, and some were not permitted or not begun.

    """
    check_linux()
    files, out = SystemFiles(), _console(as_json)
    proposals = propose(files, core, this_account())
    permitted = [each.is_permitted(files) for each in proposals]
    print_proposals(proposals, permitted, out)
    result: dict[str, object] = {"proposals": proposals_as_json(proposals, permitted)}
    n_not_done = permitted.count(False)
    if makes_changes:
        wanted = [
            each for each, may in zip(proposals, permitted, strict=True) if may and each.changes
        ]
        on_core = _measured_core(files, core)
        applied = _apply(wanted, files, on_core, seconds)
        print_applied(applied, on_core, out)
        result |= {"measured_on_core": on_core, "applied": list(map(asdict, applied))}
        n_not_done += len(wanted) - len(applied)
    if not all(permitted):
        result["with_sudo"] = line = _with_sudo("--fix --apply", core)
        out.print(f"for those that need root: {line}", soft_wrap=True)
    if as_json:
        print_json(result)
    return 2 if makes_changes and n_not_done else 0


def undo(as_json: bool) -> int:
    """Put back what was there before all changes; return the exit code, 2 if some need root."""
    check_linux()
    out, ledger = _console(as_json), Ledger(state_file())
    n_noted = len(ledger.entries())
    undone = Repair(SystemFiles(), ledger).undo()
    print_undone(undone, out)
    if not n_noted:
        out.print(
            f"nothing to undo in {ledger.file}; what was done with sudo is undone with sudo",
            soft_wrap=True,
        )
    if undone.refused:
        out.print(f"as root: {_with_sudo('--undo', None)}", soft_wrap=True)
    if as_json:
        print_json(asdict(undone))
    return 2 if undone.refused else 0


def _apply(
    wanted: Sequence[Proposal], files: SystemFiles, core: int, seconds: float
) -> list[Applied]:
    """Make the changes, one cause after the other, until a signal stops it."""
    repair = Repair(files, Ledger(state_file()))
    applied: list[Applied] = []
    with stop_on_signals() as stop, show_progress() as progress:
        measure = partial(measure_wake_ups, core, seconds, stop)
        for proposal in wanted:
            done = repair.apply(proposal, measure, progress)
            if done is None:
                progress.say(f"stopped: {proposal.name} as before, nothing further begun")
                break
            applied.append(done)
    return applied


def _measured_core(files: SystemFiles, core: int | None) -> int:
    """Return the decoder's core, or the last one."""
    kept = decoders_core(files, core)
    return max(online_cores(files), default=0) if kept is None else kept


def _with_sudo(options: str, core: int | None) -> str:
    """Return the line that does the same as root, who does not find rt-ner by its name."""
    chosen = "" if core is None else f" --core {core}"
    return f"sudo {shlex.quote(sys.executable)} -m rt_ner doctor {options}{chosen}"


def _console(as_json: bool) -> Console:
    out = Console(highlight=False, markup=False, quiet=as_json)
    if not out.is_terminal:
        out.width = WIDTH
    return out
