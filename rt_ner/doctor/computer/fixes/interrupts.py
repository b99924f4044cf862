"""Propose that the decoder's core handles no interrupts."""

from rt_ner.core.errors import ConfigError
from rt_ner.doctor.computer.files.numbers import in_linux_notation, parsed_numbers
from rt_ner.doctor.computer.files.system_files import CPUS, SystemFiles
from rt_ner.doctor.computer.proposal import Change, Proposal
from rt_ner.doctor.rules.computer import missing_core

_NAME = "interrupts"
_BALANCER = "irqbalance"
# With two cores, the rest of the rig needs the other one and this one.
_FEWEST_CORES = 3


def online_cores(files: SystemFiles) -> list[int]:
    """Return the cores that are in use; none if the system does not say."""
    return sorted(parsed_numbers(files.read(f"{CPUS}/online") or ""))


def decoders_core(files: SystemFiles, chosen: int | None) -> int | None:
    """Return the core to keep for the decoder: the chosen one, or the last if there are many."""
    cores = online_cores(files)
    if chosen is not None and chosen not in cores:
        raise ConfigError(missing_core(chosen, cores))
    return cores[-1] if chosen is None and len(cores) >= _FEWEST_CORES else chosen


def propose_interrupts(files: SystemFiles, chosen: int | None) -> Proposal:
    """Propose that interrupts are handled by cores other than the decoder's."""
    core = decoders_core(files, chosen)
    cores = set(online_cores(files))
    if core is None:
        return Proposal(
            _NAME, f"no core is set apart on a computer with {len(cores)}: name one with --core"
        )
    others = cores - {core}
    if not others:
        return Proposal(_NAME, f"core {core} is the only one")
    allowed = {
        name: files.read(name) or "" for name in files.found("/proc/irq/*/smp_affinity_list")
    }
    here = {name: now for name, now in allowed.items() if core in parsed_numbers(now)}
    if not here:
        return Proposal(_NAME, f"none of {len(allowed)} is allowed on core {core}")
    return Proposal(
        _NAME,
        now=f"{len(here)} of {len(allowed)} are allowed on core {core}, the decoder's",
        becomes=f"allowed on {in_linux_notation(others)} only, until the computer restarts",
        why="While a core handles an interrupt, nothing else runs there.",
        changes=tuple(
            Change(name, now, in_linux_notation(parsed_numbers(now) & others or others))
            for name, now in here.items()
        ),
        notes=_notes(files, core, chosen),
    )


def _notes(files: SystemFiles, core: int, chosen: int | None) -> tuple[str, ...]:
    notes = ["The kernel refuses to move some, such as a disk's own; they are counted."]
    if chosen is None:
        notes.append(f"Then set core = {core} in [timing] of the settings file.")
    if any(files.read(name) == _BALANCER for name in files.found("/proc/[0-9]*/comm")):
        notes.append(
            f"{_BALANCER} is running and will move them back: stop it, or ban core {core} there."
        )
    return tuple(notes)
