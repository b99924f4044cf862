"""Define the manifest of a joint bundle, and choose one of its days.

joint.json    the days, in order, and if they share a readout
days/NAME/    the ordinary bundle of each day, which every command takes as it is
"""

import hashlib
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from rt_ner.bundle.entries.strict import Strict
from rt_ner.core.errors import BundleError

JOINT_FILE, DAYS_FOLDER = "joint.json", "days"
_ENCODER_FILE = "encoder.onnx"
# A day's name is that of a folder, on every system.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


class DayEntry(Strict):
    """A day of a joint bundle: its session, and the hash of its encoder.

    ``is_added``: only the head learned from this day, the trunk and the readout from others.
    """

    name: str
    session_sha256: str
    encoder_sha256: str
    is_added: bool = False


class JointManifest(Strict):
    """The days of a joint bundle, in the order in which they were given."""

    format_version: Literal[1] = 1
    readout: Literal["shared", "own"]
    days: tuple[DayEntry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_folders(self) -> "JointManifest":
        if problem := names_problem([day.name for day in self.days]):
            raise ValueError(problem)
        if all(day.is_added for day in self.days):
            raise ValueError("no day is one that the trunk learned from")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the days."""
        return tuple(day.name for day in self.days)


def names_problem(names: list[str]) -> str:
    """Return what is wrong with the names of days, with the remedy; empty if nothing is."""
    for number, name in enumerate(names):
        if not _NAME.fullmatch(name) or name.endswith("."):
            return (
                f"day '{name}': expected a name of letters, digits and _ . + -, because it names a "
                "folder; rename the session file"
            )
        # Folders of some systems don't tell capitals.
        if name.casefold() in {other.casefold() for other in names[:number]}:
            return f"day '{name}' is there twice: give each session file a name of its own"
    return ""


def is_joint(folder: Path) -> bool:
    """Return True if a folder holds a joint bundle."""
    return (folder / JOINT_FILE).is_file()


def read_joint(folder: Path) -> JointManifest:
    """Read the manifest of a joint bundle; BundleError if it can't be read."""
    path = folder / JOINT_FILE
    try:
        return JointManifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise BundleError(
            f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}: copy the bundle again, "
            "or train it again with rt-ner train --joint"
        ) from error


def unnamed_day(folder: Path) -> str:
    """Return the message that a joint bundle needs one of its days to be named."""
    names = read_joint(folder).names
    return (
        f"{folder} is a joint bundle of the days {', '.join(names)}: name one, e.g. "
        f"{folder / DAYS_FOLDER / names[-1]}, or with --day {names[-1]} where a command has that "
        "option"
    )


def day_folder(folder: Path, day: str | None) -> Path:
    """Return the folder of a day's bundle; without a day, the folder of an ordinary bundle.

    Raises BundleError if a joint bundle has no such day, if the day's encoder is another than was
    trained with the others, or if the bundle is not a joint one.
    """
    if not is_joint(folder):
        if day is None:
            return folder
        raise BundleError(f"--day {day}: {folder} is not a joint bundle: leave out --day")
    if day is None:
        raise BundleError(unnamed_day(folder))
    entries = {entry.name: entry for entry in read_joint(folder).days}
    if day not in entries:
        raise BundleError(
            f"{folder} has no day '{day}': expected one of {', '.join(entries)}; add it with "
            f"rt-ner train SESSION --joint-with {folder}"
        )
    own = folder / DAYS_FOLDER / day
    encoder = own / _ENCODER_FILE
    if not encoder.is_file():
        raise BundleError(f"{encoder} is missing: copy the whole bundle again")
    if encoder_sha256(encoder.read_bytes()) != entries[day].encoder_sha256:
        raise BundleError(
            f"{encoder} is not the encoder that was trained with the other days: copy the bundle "
            f"again, or name {own} itself to use it nevertheless"
        )
    return own


def encoder_sha256(encoder_onnx: bytes) -> str:
    """Return the hash that stands for a day's encoder."""
    return hashlib.sha256(encoder_onnx).hexdigest()
