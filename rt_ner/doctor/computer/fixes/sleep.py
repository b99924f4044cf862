"""Propose that idle cores do not sleep so deeply that they wake up late."""

from rt_ner.doctor.computer.files.system_files import CPUS, SystemFiles
from rt_ner.doctor.computer.proposal import Change, Proposal
from rt_ner.doctor.rules.computer import LATE_WAKE_UP, LONGEST_WAKE_UP_US

_NAME = "sleep states"
_ON, _OFF = "0", "1"


def propose_sleep(files: SystemFiles) -> Proposal:
    """Propose to disable the sleep states that take long to leave."""
    states = files.found(f"{CPUS}/cpu*/cpuidle/state*/disable")
    if not states:
        return Proposal(_NAME, "this computer lets no program choose them")
    deep = {name: us for name in states if (us := _exit_us(files, name)) > LONGEST_WAKE_UP_US}
    if not deep:
        return Proposal(_NAME, f"none takes more than {LONGEST_WAKE_UP_US} µs to leave")
    enabled = [name for name in deep if files.read(name) == _ON]
    if not enabled:
        return Proposal(_NAME, f"all that take more than {LONGEST_WAKE_UP_US} µs are disabled")
    kinds = sorted({(deep[name], _kind(files, name)) for name in enabled})
    in_words = ", ".join(f"{kind} ({us} µs)" for us, kind in kinds)
    return Proposal(
        _NAME,
        now=f"idle cores may sleep in {in_words}; the time is what it takes to wake up",
        becomes="disabled, until the computer restarts",
        why=f"{LATE_WAKE_UP[0].upper()}{LATE_WAKE_UP[1:]}.",
        changes=tuple(Change(name, _ON, _OFF) for name in enabled),
        notes=("The computer uses more power and gets warmer.",),
    )


def _exit_us(files: SystemFiles, name: str) -> int:
    """Return the time that it takes to leave a state, in µs; 0 if the system does not say."""
    told = files.read(name.replace("disable", "latency")) or ""
    return int(told) if told.isdigit() else 0


def _kind(files: SystemFiles, name: str) -> str:
    return files.read(name.replace("disable", "name")) or name.split("/")[-2]
