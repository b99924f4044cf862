"""Define the store: a folder of bundles by hash, names, and a history of what ran where.

bundles/HASH/        a bundle; the hash is that of its SHA256SUMS, and so of every byte
NAME/current/        stands for the bundle that is promoted for NAME, such as an animal
NAME/history.jsonl   promotions and decoding runs: time, computer, rig, bundle
index.json           training session and scores of each bundle
"""

import hashlib
import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from rt_ner.bundle.manifest import Manifest
from rt_ner.bundle.storage import SUMS_FILE, bundle_files, load_bundle, manifest_in
from rt_ner.bundle.store.pointer import BUNDLES, bundle_at, is_pointer, write_pointer
from rt_ner.core.atomic_files import check_home, replace_file, replace_folder
from rt_ner.core.errors import BundleError, ConfigError

_INDEX, _HISTORY, _CURRENT = "index.json", "history.jsonl", "current"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
Event = dict[str, Any]


class ModelStore:
    """A folder of bundles. Bundles in it are never changed or replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self) -> None:
        """Raise ConfigError unless the folder is a store."""
        if not (self.path / BUNDLES).is_dir():
            raise ConfigError(
                f"{self.path} is not a model store: make one with rt-ner models add STORE BUNDLE"
            )

    def add(self, bundle: Path) -> str:
        """Verify a bundle, copy it into the store, and return its hash; it may be there already."""
        load_bundle(bundle)
        if not self.path.exists():
            check_home(self.path)
        elif any(self.path.iterdir()):
            self.check()
        files = bundle_files(bundle)
        digest = hashlib.sha256(files[SUMS_FILE]).hexdigest()
        if not self.folder(digest).exists():
            replace_folder(self.folder(digest), files)
        self.write_index()
        return digest

    def folder(self, digest: str) -> Path:
        """Return the folder of the bundle of a hash."""
        return self.path / BUNDLES / digest

    def hashes(self) -> list[str]:
        """Return the hashes of all bundles, in order."""
        return sorted(
            path.name for path in (self.path / BUNDLES).iterdir() if not path.name.startswith(".")
        )

    def find(self, model: str) -> str:
        """Return the hash of a bundle, named by the first characters of its hash or by a name.

        Raises ConfigError if there is none, or more than one.
        """
        self.check()
        if model in self.names():
            return self.current(model)
        found = [digest for digest in self.hashes() if digest.startswith(model)]
        if model and len(found) == 1:
            return found[0]
        names = f", or a name: {', '.join(self.names())}" if self.names() else ""
        problem = "several bundles" if model and found else "no bundle"
        raise ConfigError(
            f"{self.path} has {problem} '{model}': give more characters of a bundle's hash, as "
            f"rt-ner models list shows it{names}"
        )

    def manifest(self, digest: str) -> Manifest:
        """Return the manifest of a bundle, after a check of its hashes."""
        return manifest_in(self.folder(digest))

    # Names

    def names(self) -> list[str]:
        """Return the names for which a bundle is promoted, in order."""
        return sorted(path.name for path in self.path.iterdir() if is_pointer(path / _CURRENT))

    def current(self, name: str) -> str:
        """Return the hash of the bundle that is promoted for a name."""
        return bundle_at(self.path / name / _CURRENT).name

    def promote(self, name: str, model: str, rig: str, note: str) -> str:
        """Let a name stand for a bundle from now on, and return the bundle's hash.

        Raises ConfigError for a name that can't be a folder's, BundleError if the bundle is
        damaged.
        """
        if name in (BUNDLES, _INDEX):
            raise ConfigError(f"'{name}' is reserved: choose another name, e.g. monkey1")
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"'{name}' can't be a name: start with a letter or digit, then use letters, "
                "digits, '_', '-' and '.', e.g. monkey1"
            )
        digest = self.find(model)
        load_bundle(self.folder(digest))
        write_pointer(self.path / name / _CURRENT, digest)
        _append(self.path / name, "promoted", digest, {"rig": rig, "note": note})
        return digest

    def history(self, name: str) -> list[Event]:
        """Return the events of a name, oldest first; a line that is cut off is left out."""
        return [*_events(self.path / name / _HISTORY)]

    def events_of(self, digest: str) -> list[tuple[str, Event]]:
        """Return each event of a bundle with its name, oldest first."""
        found = [(name, event) for name in self.names() for event in self.history(name)]
        own = [(name, event) for name, event in found if event["bundle"] == digest]
        return sorted(own, key=lambda item: str(item[1]["time"]))

    # Checks

    def write_index(self) -> None:
        """Write training session and scores of each bundle to one file."""
        entries = {digest: _summary(self.manifest(digest)) for digest in self.hashes()}
        replace_file(self.path / _INDEX, json.dumps(entries, indent=1).encode() + b"\n")

    def index(self) -> dict[str, dict[str, JsonValue]]:
        """Return training session and scores by hash."""
        self.check()
        entries: dict[str, dict[str, JsonValue]] = json.loads((self.path / _INDEX).read_bytes())
        if set(entries) != set(self.hashes()):
            self.write_index()
            return self.index()
        return entries

    def problems(self) -> Iterator[str]:
        """Yield a sentence on each bundle that is damaged, and each name without its bundle."""
        self.check()
        for digest in self.hashes():
            try:
                load_bundle(self.folder(digest))
                sums = (self.folder(digest) / SUMS_FILE).read_bytes()
            except BundleError as error:
                yield str(error)
                continue
            if hashlib.sha256(sums).hexdigest() != digest:
                yield f"{self.folder(digest)} has changed: delete it, and add the bundle again"
        for name in self.names():
            if not bundle_at(self.path / name / _CURRENT).is_dir():
                yield (
                    f"{name}: its bundle {self.current(name)[:12]} is missing: add it again, or "
                    "promote another"
                )


def note_run(bundle: Path) -> None:
    """Note in the store that a promoted bundle begins to decode; nothing for other bundles."""
    if is_pointer(bundle):
        _append(bundle.parent, "decoded", bundle_at(bundle).name, {})


def _append(folder: Path, event: str, digest: str, more: dict[str, str]) -> None:
    time = datetime.now(UTC).isoformat(timespec="seconds")
    entry = {"event": event, "time": time, "computer": socket.gethostname(), "bundle": digest}
    known = {name: value for name, value in more.items() if value}
    with (folder / _HISTORY).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry | known) + "\n")


def _events(path: Path) -> Iterator[Event]:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _summary(manifest: Manifest) -> dict[str, JsonValue]:
    content = manifest.model_dump(mode="json")
    training = content["training"]
    return {
        "session": training["session"],
        "area": training["area"],
        "session_sha256": training["session_sha256"],
        "scores": content["scores"],
    }
