"""Read and write the system's files; tests put their own folder in place of the root."""

import os
import re
from pathlib import Path

from rt_ner.core.atomic_files import replace_file

CPUS = "/sys/devices/system/cpu"
_READABLE_FOR_ALL = 0o644
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class SystemFiles:
    """The system's files, by their absolute names, such as ``/proc/irq/24/smp_affinity_list``.

    Parameters
    ----------
    root
        Folder that stands for ``/``.

    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def path(self, name: str) -> Path:
        """Return the place of a file."""
        return self._root / name.removeprefix("/")

    def name(self, path: Path) -> str:
        """Return the name of a file at a place."""
        return f"/{path.relative_to(self._root).as_posix()}"

    def found(self, pattern: str) -> list[str]:
        """Return the names of the files that match a pattern, in the order of their numbers."""
        names = map(self.name, self._root.glob(pattern.removeprefix("/")))
        return sorted(names, key=_by_numbers)

    def read(self, name: str) -> str | None:
        """Return the content of a file, without the line's end if it is the kernel's.

        Returns None if there is none, or if it can't be read.
        """
        try:
            content = self.path(name).read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        return content.strip() if is_kernels(name) else content

    def write(self, name: str, content: str | None) -> None:
        """Write a file, or delete it if ``content`` is None; OSError if that is refused."""
        path = self.path(name)
        if content is None:
            path.unlink()
        elif is_kernels(name):
            path.write_text(content, encoding="utf-8")
        else:
            replace_file(path, content.encode())
            path.chmod(_READABLE_FOR_ALL)

    def may_write(self, name: str) -> bool:
        """Return True if this process has the permission to write a file."""
        path = self.path(name)
        return os.access(path if is_kernels(name) else path.parent, os.W_OK)

    def boot(self) -> str:
        """Return a text that changes at each start of the computer."""
        return self.read(_BOOT_ID) or ""


def is_kernels(name: str) -> bool:
    """Return True for a file that is the kernel's: a restart of the computer resets it."""
    return name.startswith(("/proc/", "/sys/"))


def _by_numbers(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
