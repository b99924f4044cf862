"""Networks on one computer: Linux namespaces, joined by virtual cables and a router."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rt_ner.core.compiled.cache_folder import cache_folder


class Networks:
    """Computers with a network of their own each, by name; all of one LSL session."""

    def __init__(self, folder: Path) -> None:
        self._tag = f"t{uuid.uuid4().hex[:6]}"
        self._folder = folder
        self._session = f"test-{self._tag}"
        self._names: list[str] = []
        self._n_cables = 0
        self._processes: list[subprocess.Popen[str]] = []

    def add(self, name: str, loopback: bool = True) -> None:
        """A computer without a network, but for its loopback interface."""
        _ip("netns", "add", self._full(name))
        self._names.append(name)
        if loopback:
            self.ip(name, "link", "set", "lo", "up")

    def ip(self, name: str, *command: str) -> None:
        _ip("-n", self._full(name), *command)

    def join(self, one: str, other: str, subnet: str) -> None:
        """A cable between two computers, which get .1 and .2 of a subnet such as ``10.0.0``."""
        self._n_cables += 1
        ends = [f"{self._tag}{self._n_cables}{end}" for end in "ab"]
        places = [self._full(one), self._full(other)]
        _ip(
            *("link", "add", ends[0], "netns", places[0], "type", "veth"),
            *("peer", "name", ends[1], "netns", places[1]),
        )
        for name, end, number in ((one, ends[0], 1), (other, ends[1], 2)):
            self.ip(name, "addr", "add", f"{subnet}.{number}/24", "dev", end)
            self.ip(name, "link", "set", end, "up")

    def route(self, name: str, router: str) -> None:
        """A computer's way to all others, through the router's address."""
        self.ip(name, "route", "add", "default", "via", router)

    def forward(self, name: str) -> None:
        """A computer becomes a router, which lets no multicast through."""
        command = ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]
        subprocess.run(["ip", "netns", "exec", self._full(name), *command], check=True)

    def start(
        self, name: str, *arguments: str, host: str = "", peers: str = "", configured: bool = True
    ) -> "subprocess.Popen[str]":
        """Start Python there, on a computer with this host name that knows these LSL peers.

        Not ``configured``: liblsl finds no file of settings.
        """
        config = self._folder / f"{name}.cfg"
        config.write_text(
            f"[lab]\nSessionID = {self._session}\nKnownPeers = {{{peers}}}\n[log]\nlevel = -3\n"
        )
        command = [sys.executable, *arguments]
        if host:
            rename = f"hostname {host} && exec " + '"$@"'
            command = ["unshare", "--uts", "sh", "-c", rename, "sh", *command]
        process = subprocess.Popen(
            ["ip", "netns", "exec", self._full(name), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._folder,
            env=os.environ
            | {"LSLAPICFG": str(config) if configured else "", "PYTHONUNBUFFERED": "1"}
            | {"HOME": str(self._folder), "NUMBA_CACHE_DIR": str(cache_folder().path or "")},
        )
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()
        for name in self._names:
            _ip("netns", "delete", self._full(name))

    def _full(self, name: str) -> str:
        return f"{self._tag}-{name}"


@contextmanager
def open_networks(folder: Path) -> Iterator[Networks]:
    """Networks for the block; the test is skipped where the system allows none."""
    if not (shutil.which("ip") and shutil.which("unshare")):
        pytest.skip("no network namespaces here: Linux, iproute2 and util-linux are needed")
    networks = Networks(folder)
    try:
        networks.add("allowed")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: root is needed ({error.stderr.strip()})")
    try:
        yield networks
    finally:
        networks.close()


def _ip(*command: str) -> None:
    subprocess.run(["ip", *command], check=True, capture_output=True, text=True)
