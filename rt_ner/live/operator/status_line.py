"""Show a running loop to the operator, from a thread that the loop never waits for.

One line is rewritten twice per second. Each change of state and each notice is a line that stays.
A log, if wanted, gets one JSON object per second.
"""

import json
import queue
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TextIO

from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.live.loop import Loop
from rt_ner.live.operator.keyboard import KEYS
from rt_ner.live.states import State
from rt_ner.lsl.streams import local_now_ns
from rt_ner.system.processes import tell_parent

_EVERY_S = 0.5
_LOG_EVERY_S = 1.0
_CLEAR = "\r\x1b[K"


class Status:
    """The display of a loop's state on a terminal; `say` may be called from any thread.

    ``rewrites``: True if lines can be rewritten, as on a real terminal. ``log``: the file for the
    JSON lines; None: no log.
    """

    def __init__(self, terminal: TextIO, rewrites: bool, log: TextIO | None) -> None:
        self._terminal = terminal
        self._rewrites = rewrites
        self._log = log
        self._said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._started_s = time.monotonic()
        self._n_decoded = 0
        self._measured_s = self._started_s

    def say(self, line: str) -> None:
        """Show a line that stays, without blocking."""
        self._said.put(line)

    @contextmanager
    def showing(self, loop: Loop, has_keyboard: bool) -> Iterator[None]:
        """Show the loop's state within the block."""
        thread = threading.Thread(target=self._run, args=(loop, has_keyboard), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._said.put(None)
            thread.join()

    def _run(self, loop: Loop, has_keyboard: bool) -> None:
        keys = " ".join(f"[{key}] {told}" for key, told in KEYS.items()) if has_keyboard else ""
        logged_s = self._started_s
        while True:
            try:
                said = self._said.get(timeout=_EVERY_S)
            except queue.Empty:
                said = ""
            if said:
                elapsed_s = time.monotonic() - self._started_s
                self._write(f"{_CLEAR if self._rewrites else ''}{elapsed_s:8.1f} s  {said}\n")
            if isinstance(said, State):
                tell_parent("state", state=said)
            now_s = time.monotonic()
            if self._log and (said is None or now_s - logged_s >= _LOG_EVERY_S):
                logged_s = now_s
                self._append(loop)
            if said is None:
                self._write(_CLEAR if self._rewrites else "")
                return
            if self._rewrites:
                line = f"{status_line(loop, self._hops_per_s(loop, now_s))}  {keys}"
                # A wrapped line could not be rewritten.
                self._write(_CLEAR + line[: shutil.get_terminal_size().columns - 1])

    def _hops_per_s(self, loop: Loop, now_s: float) -> float:
        n_decoded, seconds = loop.statistics.n_decoded, now_s - self._measured_s
        rate = (n_decoded - self._n_decoded) / seconds if seconds > 0 else 0.0
        if seconds >= _EVERY_S:
            self._n_decoded, self._measured_s = n_decoded, now_s
        return rate

    def _write(self, text: str) -> None:
        # The log must go on if the terminal is gone.
        with suppress(OSError):
            self._terminal.write(text)
            self._terminal.flush()

    def _append(self, loop: Loop) -> None:
        """Append one JSON line, flushed, so that nothing written is lost in a power failure."""
        assert self._log
        try:
            self._log.write(json.dumps(snapshot(loop)) + "\n")
            self._log.flush()
        except OSError as error:
            self.say(
                f"the log {getattr(self._log, 'name', '')} can't be written any more and has ended "
                f"({error.strerror or error}): free space there and start anew, if it is needed"
            )
            self._log = None


def status_line(loop: Loop, hops_per_s: float) -> str:
    """Return state, age of the data, latency, rate and counts, in one line."""
    state = str(loop.state or "")
    if loop.note:
        return f"{state}  {loop.note}"
    p50_us, p99_us = _latency_us(loop)
    input_counts = loop.statistics.input_counts
    lost = (
        input_counts[InputCounts.MISSING]
        + input_counts[InputCounts.SKIPPED]
        + input_counts[InputCounts.INVALID]
    )
    dropped = input_counts[InputCounts.DUPLICATE] + input_counts[InputCounts.UNKNOWN]
    return (
        f"{state:<10} data {_age_ms(loop):.0f} ms  latency p50/p99 {p50_us / 1e3:.2f}/"
        f"{p99_us / 1e3:.2f} ms  {hops_per_s:.0f} hops/s  late {input_counts[InputCounts.LATE]} "
        f"lost {lost} dropped {dropped} missed {loop.statistics.n_missed}"
    )


def snapshot(loop: Loop) -> dict[str, object]:
    """Return all counts, with the time, the state and latencies, for the log."""
    p50_us, p99_us = _latency_us(loop)
    sources = loop.statistics.counts_by_source()
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "lsl_ns": local_now_ns(),
        "state": str(loop.state or ""),
        "note": loop.note,
        "data_age_ms": round(_age_ms(loop), 1),
        "latency_p50_us": round(p50_us, 1),
        "latency_p99_us": round(p99_us, 1),
        **loop.statistics.counts(),
        **({"sources": sources} if sources else {}),
    }


def _age_ms(loop: Loop) -> float:
    return (local_now_ns() - loop.fed_at_ns) / 1e6 if loop.fed_at_ns else 0.0


def _latency_us(loop: Loop) -> tuple[float, float]:
    """Return median and 99th percentile of the newest 100 latencies, data in to velocity out."""
    newest = loop.statistics.newest_latencies_us(100)
    if not newest:
        return 0.0, 0.0
    return newest[len(newest) // 2], newest[min(len(newest) - 1, len(newest) * 99 // 100)]
