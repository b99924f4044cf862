"""Propose that no core slows down to save power."""

from rt_ner.doctor.checks.processor import governors
from rt_ner.doctor.computer.files.system_files import CPUS, SystemFiles
from rt_ner.doctor.computer.proposal import Change, Proposal
from rt_ner.doctor.rules.computer import LATE_WAKE_UP, WANTED_GOVERNOR

_NAME = "CPU governor"


def propose_governor(files: SystemFiles) -> Proposal:
    """Propose the governor that the checkup expects, on all cores."""
    found = {files.name(path): now for path, now in governors(files.path(CPUS)).items()}
    if not found:
        return Proposal(_NAME, "this computer lets no program set one")
    wrong = {name: now for name, now in found.items() if now != WANTED_GOVERNOR}
    if not wrong:
        return Proposal(_NAME, f"{WANTED_GOVERNOR} on all cores")
    offered = [name for name in sorted(wrong) if WANTED_GOVERNOR in _offered(files, name)]
    in_words = ", ".join(sorted(set(wrong.values())))
    if not offered:
        return Proposal(_NAME, f"{in_words}; the kernel does not offer {WANTED_GOVERNOR}")
    return Proposal(
        _NAME,
        now=f"{in_words} on {len(wrong)} of {len(found)} cores",
        becomes=f"{WANTED_GOVERNOR} on {len(offered)} of them, until the computer restarts",
        why=f"{LATE_WAKE_UP[0].upper()}{LATE_WAKE_UP[1:]}.",
        changes=tuple(Change(name, wrong[name], WANTED_GOVERNOR) for name in offered),
    )


def _offered(files: SystemFiles, name: str) -> list[str]:
    """Return the governors that a core offers; older kernels don't list them."""
    listed = files.read(name.replace("scaling_governor", "scaling_available_governors"))
    return [WANTED_GOVERNOR] if listed is None else listed.split()
