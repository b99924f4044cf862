"""Write a joint bundle, add a day to it, and recognise the day of a session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.joint.joint_manifest import (
    DAYS_FOLDER,
    JOINT_FILE,
    DayEntry,
    JointManifest,
    day_folder,
    encoder_sha256,
    names_problem,
    read_joint,
)
from rt_ner.bundle.storage import check_writable, files_of, load_bundle
from rt_ner.core.atomic_files import replace_file, replace_folder
from rt_ner.core.errors import BundleError

ReadoutUse = Literal["shared", "own"]


@dataclass(frozen=True, eq=False)
class DayBundle:
    """The bundle of a day, its report, and if only its head learned from that day."""

    name: str
    bundle: Bundle
    pages: Mapping[str, bytes] = field(default_factory=dict)
    is_added: bool = False

    def entry(self) -> DayEntry:
        """Return the day's entry in the joint manifest."""
        return DayEntry(
            name=self.name,
            session_sha256=self.bundle.manifest.training.session_sha256,
            encoder_sha256=encoder_sha256(self.bundle.encoder_onnx),
            is_added=self.is_added,
        )

    def files(self) -> dict[str, bytes]:
        """Return the files of the day's folder by name."""
        return files_of(self.bundle, dict(self.pages))


def save_joint(
    days: Sequence[DayBundle], readout: ReadoutUse, folder: Path, overwrite: bool
) -> None:
    """Write a joint bundle whole or not at all; BundleError if ``folder`` is in the way."""
    check_writable(folder, overwrite)
    joint = JointManifest(readout=readout, days=tuple(day.entry() for day in days))
    files = {
        f"{DAYS_FOLDER}/{day.name}/{name}": content
        for day in days
        for name, content in day.files().items()
    }
    replace_folder(folder, {JOINT_FILE: _page(joint), **files})


def check_new_day(folder: Path, name: str, session_sha256: str, overwrite: bool) -> None:
    """Raise BundleError if a day can't be added; ``overwrite`` replaces one of the same name."""
    joint = read_joint(folder)
    others = [day for day in joint.days if day.name != name]
    if problem := names_problem([*(day.name for day in others), name]):
        raise BundleError(problem)
    for day in others:
        if day.session_sha256 == session_sha256:
            raise BundleError(f"{folder} holds this session already, as day '{day.name}'")
    if (folder / DAYS_FOLDER / name).exists() and not overwrite:
        raise BundleError(
            f"{folder} already has a day '{name}': give the session file another name, or replace "
            "the day with --overwrite"
        )


def add_day(folder: Path, day: DayBundle, overwrite: bool) -> None:
    """Add a day to a joint bundle, whose other days stay as they are."""
    entry = day.entry()
    check_new_day(folder, day.name, entry.session_sha256, overwrite)
    joint = read_joint(folder)
    others = tuple(other for other in joint.days if other.name != day.name)
    replace_folder(folder / DAYS_FOLDER / day.name, day.files())
    # The last step: a day that is not listed does not count.
    replace_file(folder / JOINT_FILE, _page(joint.model_copy(update={"days": (*others, entry)})))


def load_days(folder: Path) -> dict[str, Bundle]:
    """Load and verify the bundle of every day, by name; BundleError as `load_bundle`."""
    return {name: load_bundle(day_folder(folder, name)) for name in read_joint(folder).names}


def day_of_session(folder: Path, session_sha256: str, name: str) -> str:
    """Return the name of the day that was trained on a session; BundleError if none was."""
    days = read_joint(folder).days
    for day in days:
        if day.session_sha256 == session_sha256:
            return day.name
    raise BundleError(
        f"session '{name}' is none of those that {folder} learned from "
        f"({', '.join(day.name for day in days)}): choose the day whose head is to decode it with "
        f"--day, or add this one with rt-ner train SESSION --joint-with {folder}"
    )


def _page(joint: JointManifest) -> bytes:
    return joint.model_dump_json(indent=2).encode() + b"\n"
