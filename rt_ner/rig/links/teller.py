"""Tell the operator what a rig does, and keep it in a log."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rt_ner.rig.supervision.process import log_of, rotate

RIG_LOG = "rig"


class RigTeller:
    """Tells each line on the terminal, and writes it with its time to the rig's log.

    ``show`` shows a line on the terminal alone, such as a secret.
    """

    def __init__(self, show: Callable[[str], None], logs: Path) -> None:
        self.show = show
        self._log = log_of(logs, RIG_LOG)
        # A full disk must not end a session.
        with suppress(OSError):
            logs.mkdir(parents=True, exist_ok=True)
            rotate(self._log)

    def __call__(self, text: str) -> None:
        """Tell a line."""
        self.show(text)
        with suppress(OSError), self._log.open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%H:%M:%S')} {text}\n")
