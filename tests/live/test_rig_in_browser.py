"""The page of `rt-ner rig up` in a real Chromium, beside a slow client and one that never goes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.recalibration.readouts.stepwise import with_readout
from tests.helpers.rigs import end_what_is_left, rt_ner_rig, said_by, state_in, write_rig
from tests.helpers.waiting import wait_until

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups"),
    pytest.mark.skipif(
        not (CHROMIUM.exists() and DRIVER.exists()),
        reason="needs Debian's packages chromium and chromium-driver",
    ),
]
webdriver = pytest.importorskip("selenium.webdriver")
pytest.importorskip("uvicorn")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip
ASK = """
const [token, done] = [arguments[0], arguments[arguments.length - 1]];
fetch("/order", {method: "POST",
  headers: {"Content-Type": "application/json", "X-Rig-Token": token},
  body: JSON.stringify({order: "rest", number: 1})}).then((answer) => done(answer.status));
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'chromium'}"):
        options.add_argument(flag)
    service = webdriver.ChromeService(str(DRIVER))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


def text_of(browser: Any, element: str) -> str:
    return str(browser.execute_script(f"return document.getElementById('{element}').textContent"))


def shows(browser: Any, *states: str) -> Callable[[], bool]:
    return lambda: text_of(browser, "state") in states


def can_press(browser: Any, order: str) -> bool:
    return bool(browser.find_element("css selector", f"[data-order={order}]").is_enabled())


def press(browser: Any, order: str, times: int = 1) -> None:
    for _ in range(times):
        browser.find_element("css selector", f"[data-order={order}]").click()


@contextmanager
def clients(port: int) -> Iterator[socket.socket]:
    """Two clients: one asks for snapshots and reads none; the other, yielded, says nothing."""
    with socket.socket() as slow, socket.create_connection(("127.0.0.1", port)) as silent:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", port))
        slow.sendall(f"GET /state HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
        yield silent


class Rig(NamedTuple):
    """A rig that is up, with its page."""

    folder: Path
    process: "subprocess.Popen[str]"
    port: int
    token: str


@pytest.fixture
def rig(tmp_path: Path, small_bundle_folder: Path) -> Iterator[Rig]:
    folder, bundle = tmp_path / "rig", json.dumps(str(small_bundle_folder))
    folder.mkdir()
    port = free_port()
    options = json.dumps(["--next", str(folder / "next")])
    write_rig(
        folder,
        {
            'bundle = ""': f"bundle = {bundle}",
            'options = []\nrestart = "ask"                 # ask: only': f"options = {options}\n#",
            'window = "auto"': 'window = "off"',
            'enabled = true\nformat = "xdf"': 'enabled = false\nformat = "xdf"',
            "[task]\nenabled = true": "[task]\nenabled = false",
            'restart = "always"': 'restart = "ask"',
            "[page]\nenabled = false": "[page]\nenabled = true",
            "port = 8765": f"port = {port}",
        },
    )
    with rt_ner_rig("up", cwd=folder) as process:
        yield Rig(folder, process, port, token_said_by(process))
        end_what_is_left(folder)


def token_said_by(rig: "subprocess.Popen[str]") -> str:
    assert rig.stdout
    for line in rig.stdout:
        if found := re.search(r"token (\S+)", line):
            return found[1]
    raise AssertionError("no token was shown")


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def signal_source(folder: Path, number: signal.Signals) -> None:
    state = state_in(folder)
    assert state
    (pid,) = [part.pid for part in state.parts if part.name == "source"]
    assert pid
    os.kill(pid, number)


def faster_bundle(bundle: Bundle) -> Bundle:
    readout = bundle.model.readout
    return with_readout(bundle, Readout(2 * readout.matrix, readout.bias, readout.outputs))


def test_seen_held_swapped_stale_resumed_and_stopped_in_two_browsers(
    rig: Rig, browser: Any, small_bundle: Bundle
) -> None:
    wait_until(lambda: answers(rig.port))
    with clients(rig.port) as silent:
        for _ in range(2):
            browser.switch_to.new_window("window")
            browser.get(f"http://localhost:{rig.port}/")
        wait_until(shows(browser, "RUNNING"))
        assert browser.execute_async_script(ASK, "wrong") == 401

        browser.switch_to.window(browser.window_handles[1])
        wait_until(shows(browser, "RUNNING"))
        press(browser, "hold")
        browser.find_element("id", "token").send_keys(rig.token, "\n")
        wait_until(shows(browser, "HOLD"))
        assert "nobody" in text_of(browser, "driver")

        press(browser, "faster")
        wait_until(lambda: text_of(browser, "gain") == "1.10")
        assert not can_press(browser, "swap")
        assert not can_press(browser, "undo")
        faster_bundle(small_bundle).save(rig.folder / "next")
        wait_until(lambda: can_press(browser, "swap"))
        assert text_of(browser, "swap") == "Swap to the new bundle"
        press(browser, "swap")
        wait_until(lambda: can_press(browser, "undo"))
        assert not can_press(browser, "swap")
        press(browser, "undo")
        wait_until(lambda: can_press(browser, "swap"))

        signal_source(rig.folder, signal.SIGSTOP)
        wait_until(shows(browser, "STALE"))
        signal_source(rig.folder, signal.SIGKILL)
        wait_until(lambda: "sourcefailed" in text_of(browser, "parts"))
        press(browser, "start")
        wait_until(shows(browser, "HOLD"))
        press(browser, "resume")
        wait_until(shows(browser, "RUNNING"))
        wait_until(lambda: text_of(browser, "text"))

        press(browser, "rest", times=2)
        for window in browser.window_handles[1:]:
            browser.switch_to.window(window)
            wait_until(shows(browser, "NOTHING RUNS"))
        # It was cut off, and the other one held up nobody.
        assert silent.recv(1) == b""
    # The clock of the browser's computer is set back: the page must notice all the same.
    browser.execute_script("const back = Date.now() - 3600e3; Date.now = () => back")
    rig.process.send_signal(signal.SIGINT)
    said = said_by(rig.process)
    assert rig.process.returncode == 0, said
    wait_until(shows(browser, "NO CONNECTION"))
    assert state_in(rig.folder) is None
