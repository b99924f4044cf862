"""Every module loads where Linux's own modules and functions are missing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Runs in a new interpreter. What others wrote is loaded first, as on this computer.
LOAD_EVERYTHING = """
import os, signal, subprocess, sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

files = sorted(file for name in ("rt_ner", "drivers") for file in Path(name).rglob("*.py"))
names = [".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files]
names = [name for name in names if not name.endswith("__main__")]
for name in names:
    import_module(name)

POSIX = ("crypt", "fcntl", "grp", "pty", "pwd", "readline", "resource", "termios", "tty")
LINUX = "pidfd_open posix_fadvise sched_getaffinity sched_setaffinity sched_setscheduler"
OF_OS = (
    "O_CLOEXEC O_DIRECTORY O_NONBLOCK PRIO_PROCESS SCHED_FIFO SCHED_OTHER WNOHANG chown fork "
    "geteuid getgid getgroups getpgid getpriority getuid killpg mkfifo nice openpty pread pwrite "
    "sched_param setpgid setpriority setsid statvfs sysconf uname "
)
OF_SIGNAL = "SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGUSR1 SIGUSR2"


def forget(module, attributes):
    for attribute in attributes.split():
        vars(module).pop(attribute, None)


def load_again(platform):
    sys.platform = platform
    for name in names:
        del sys.modules[name]
    for name in names:
        import_module(name)


forget(os, LINUX)
load_again("darwin")
forget(os, OF_OS)
forget(signal, OF_SIGNAL)
sys.modules |= dict.fromkeys(POSIX) | {"msvcrt": ModuleType("msvcrt")}
subprocess.CREATE_NEW_PROCESS_GROUP, subprocess.IDLE_PRIORITY_CLASS = 512, 64
signal.CTRL_BREAK_EVENT = 1
load_again("win32")
print(len(names))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has what the others lack")
def test_every_module_loads_on_macos_and_windows() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD_EVERYTHING], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert loaded.returncode == 0, loaded.stderr
    assert int(loaded.stdout) > 300
