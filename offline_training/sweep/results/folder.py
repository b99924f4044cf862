"""Define the folder of a sweep, the only place that knows what is done.

plan.json           the sweep's settings and sessions       scores.parquet   scores of all fits
sessions/HASH.npz   what is learned from                    runs.parquet     times, hosts, versions
fits/HASH.json      one fit's result                        report.html      pictures and tables
failed/HASH.json    one fit's error                         optuna/          the search's journals
running/HASH.lock   locked while a fit runs
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from offline_training.sweep.plan.fits import Fit
from offline_training.sweep.plan.plan import Plan, PlannedSession, searched
from offline_training.sweep.results.locks import locked
from offline_training.sweep.settings import SweepSettings
from rt_ner.core.atomic_files import check_home, replace_file
from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import Settings, checked_settings

_PLAN, _SOURCES = "plan.json", "sources.json"
_SOURCES_TYPE = TypeAdapter(dict[str, list[PlannedSession]])
Record = dict[str, Any]


class _Stored(Settings):
    """The content of plan.json."""

    format: int = 1
    settings: SweepSettings
    sessions: tuple[PlannedSession, ...]


class SweepFolder:
    """The folder of a sweep."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def prepare(self) -> None:
        """Create the folder; ConfigError if it holds anything but a sweep."""
        if not self.path.exists():
            check_home(self.path)
        elif not self.path.is_dir() or (any(self.path.iterdir()) and not self._holds_sweep()):
            raise ConfigError(f"--out {self.path} holds something that is no sweep: choose another")
        for name in ("sessions", "fits", "failed", "running"):
            (self.path / name).mkdir(parents=True, exist_ok=True)

    def _holds_sweep(self) -> bool:
        return (self.path / "fits").is_dir()

    def check(self) -> None:
        """Raise ConfigError unless the folder is that of a sweep."""
        if not self._holds_sweep() or not (self.path / _PLAN).is_file():
            raise ConfigError(f"{self.path} is not the folder of a sweep: give that of --out")

    # Plan and sessions

    def session_file(self, sha256: str) -> Path:
        """Return the file of a stored session."""
        return self.path / "sessions" / f"{sha256}.npz"

    def read_sources(self) -> dict[str, list[PlannedSession]]:
        """Return the sessions stored before, by the hash of the state of their source."""
        with suppress(FileNotFoundError, ValidationError):
            known = _SOURCES_TYPE.validate_json((self.path / _SOURCES).read_bytes())
            return {
                source: sessions
                for source, sessions in known.items()
                if all(self.session_file(each.sha256).is_file() for each in sessions)
            }
        return {}

    def write_sources(self, sources: Mapping[str, list[PlannedSession]]) -> None:
        """Keep the sessions that are stored, by the hash of the state of their source."""
        replace_file(self.path / _SOURCES, _SOURCES_TYPE.dump_json(dict(sources), indent=1))

    def write_plan(self, settings: SweepSettings, sessions: tuple[PlannedSession, ...]) -> None:
        """Keep the plan, for task lists and the report."""
        stored = _Stored(settings=settings, sessions=sessions)
        replace_file(self.path / _PLAN, stored.model_dump_json(indent=1).encode())

    def read_plan(self) -> Plan:
        """Return the plan; that of Optuna's search holds no fits."""
        stored = self._stored()
        is_open = stored.settings.search == "optuna"
        combinations = {} if is_open else searched(stored.settings)
        return Plan(stored.settings, () if is_open else stored.sessions, combinations)

    def read_sessions(self) -> tuple[PlannedSession, ...]:
        """Return the sessions of the plan."""
        return self._stored().sessions

    def _stored(self) -> "_Stored":
        self.check()
        content = json.loads((self.path / _PLAN).read_bytes())
        return checked_settings(content, _Stored, str(self.path / _PLAN))

    # Fits

    def done(self) -> set[str]:
        """Return the keys of the fits that have a result."""
        return self._keys("fits")

    def failed(self) -> set[str]:
        """Return the keys of the fits that failed."""
        return self._keys("failed")

    def _keys(self, name: str) -> set[str]:
        names = (entry.name for entry in os.scandir(self.path / name))
        return {name.removesuffix(".json") for name in names if not name.startswith(".")}

    def state(self, key: str) -> str:
        """Return ``done``, ``failed``, or ``open``."""
        if self._file("fits", key).exists():
            return "done"
        return "failed" if self._file("failed", key).exists() else "open"

    @contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Claim a fit within the block; yields False if another process has it.

        The claim ends with the process, however that ends.
        """
        with locked(self.path / "running" / f"{key}.lock") as is_ours:
            yield is_ours

    def attempts(self, key: str) -> int:
        """Return how often a fit was begun and its process ended before it was done."""
        try:
            return (self.path / "running" / f"{key}.lock").stat().st_size
        except FileNotFoundError:
            return 0

    def write_result(self, fit: Fit, record: Record) -> None:
        """Store a fit's result: all of it or, if that fails, nothing."""
        self._write("fits", fit, record)
        self._file("failed", fit.key).unlink(missing_ok=True)

    def write_failure(self, fit: Fit, record: Record) -> None:
        """Store why a fit failed."""
        self._write("failed", fit, record)

    def _write(self, name: str, fit: Fit, record: Record) -> None:
        content = {"format": 1, "fit": fit.model_dump(mode="json"), **record}
        replace_file(self._file(name, fit.key), json.dumps(content).encode() + b"\n")

    def _file(self, name: str, key: str) -> Path:
        return self.path / name / f"{key}.json"

    def read_result(self, key: str) -> Record:
        """Return a fit's result; FileNotFoundError if there is none."""
        return self._read("fits", key)

    def validation_r2(self, key: str) -> float | None:
        """Return the score that settings are chosen by, of the first readout; None if not done."""
        try:
            return float(self.read_result(key)["rows"][0]["validation_r2"])
        except FileNotFoundError:
            return None

    def forget_failures(self) -> int:
        """Remove all records of failed fits, so that they are tried again; return their number."""
        keys = self.failed()
        for key in keys:
            self._file("failed", key).unlink(missing_ok=True)
            with suppress(OSError):
                (self.path / "running" / f"{key}.lock").unlink(missing_ok=True)
        return len(keys)

    def records(self, name: str = "fits") -> Iterator[tuple[str, Record]]:
        """Yield key and content of each result (or each failure: ``failed``), in order of keys."""
        for key in sorted(self._keys(name)):
            yield key, self._read(name, key)

    def _read(self, name: str, key: str) -> Record:
        path = self._file(name, key)
        try:
            record: Record = json.loads(path.read_bytes())
        except ValueError as error:
            raise ConfigError(
                f"{path} is damaged ({error}): delete it, and run the sweep again"
            ) from error
        return record
