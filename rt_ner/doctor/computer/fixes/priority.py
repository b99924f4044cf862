"""Propose that the user who decodes may ask for real-time priority."""

import getpass
import os
import sys
from dataclasses import dataclass

from rt_ner.doctor.computer.files.system_files import SystemFiles
from rt_ner.doctor.computer.proposal import Change, Proposal
from rt_ner.system.scheduling import PRIORITY_LIMIT, limits_line, realtime_refusal

_FOLDER = "/etc/security/limits.d"
LIMITS_FILE = f"{_FOLDER}/rt-ner.conf"
_NAME = "real-time priority"


@dataclass(frozen=True)
class Account:
    """The user who decodes, the user's groups, and whether priority is permitted already."""

    user: str
    groups: tuple[str, ...] = ()
    is_permitted: bool = False


def this_account() -> Account:
    """Return the account of whoever runs this; with sudo, of whoever ran sudo."""
    behind_sudo = os.environ.get("SUDO_USER", "")
    user = behind_sudo or getpass.getuser()
    # Root is permitted everything, which says nothing of the user.
    return Account(user, _groups(user), not behind_sudo and not realtime_refusal())


def _groups(user: str) -> tuple[str, ...]:
    if sys.platform == "win32":
        return ()
    import grp  # noqa: PLC0415 - POSIX only
    import pwd  # noqa: PLC0415

    try:
        ids = os.getgrouplist(user, pwd.getpwnam(user).pw_gid)
        return tuple(grp.getgrgid(number).gr_name for number in ids)
    except KeyError:
        return ()


def propose_priority(files: SystemFiles, account: Account) -> Proposal:
    """Propose a line in the system's limits, unless priority is permitted."""
    if account.is_permitted:
        return Proposal(_NAME, f"permitted for {account.user}")
    if _is_promised(files, account):
        return Proposal(_NAME, f"permitted for {account.user} from the next login on")
    if not files.path(_FOLDER).is_dir():
        return Proposal(_NAME, f"not permitted, and this computer has no {_FOLDER} to permit it in")
    before = files.read(LIMITS_FILE)
    if before is None and files.path(LIMITS_FILE).exists():
        return Proposal(_NAME, f"not permitted; {LIMITS_FILE} can't be read, so it stays as it is")
    kept = f"{before.rstrip()}\n" if before and before.strip() else ""
    return Proposal(
        _NAME,
        now=f"not permitted for {account.user}",
        becomes=f"permitted for {account.user}, up to {PRIORITY_LIMIT}",
        why="Without it, other programs can delay a velocity by milliseconds.",
        changes=(Change(LIMITS_FILE, before, f"{kept}{limits_line(account.user)}\n"),),
        notes=("Takes effect at the next login; log out and in again.",),
        works_at_once=False,
    )


def _is_promised(files: SystemFiles, account: Account) -> bool:
    """Return True if a line of the limits permits it, from the next login on."""
    names = ["/etc/security/limits.conf", *files.found(f"{_FOLDER}/*.conf")]
    whom = {account.user, "*", *(f"@{group}" for group in account.groups)}
    fields = [line.split() for name in names for line in (files.read(name) or "").splitlines()]
    return any(
        len(each) >= 4 and each[0] in whom and each[2] == "rtprio" and _is_enough(each[1], each[3])
        for each in fields
    )


def _is_enough(kind: str, limit: str) -> bool:
    """Return True if a limit suffices; a soft one alone is not raised by itself."""
    enough = limit in {"unlimited", "infinity", "-1"}
    return kind in {"-", "soft"} and (enough or (limit.isdigit() and int(limit) >= PRIORITY_LIMIT))
