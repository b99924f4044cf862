"""Load and save sessions, in any file format."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rt_ner.core.contract.names import names_in
from rt_ner.core.errors import SessionError
from rt_ner.data.formats import archive
from rt_ner.data.formats.common.guards.stand_ins import (
    check_ending,
    check_is_file,
    recording_at,
)
from rt_ner.data.formats.readers import missing_package, nwb_writer, reader_by, reader_for
from rt_ner.data.plausibility import doubts
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.joined.areas import join_areas
from rt_ner.data.session.joined.files import join_files
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings

# Stands for every area of a file.
ALL_AREAS = "all"


def load_session(
    path: str | Path | Sequence[str | Path],
    area: str | None = None,
    voltage: VoltageSettings | None = None,
    tell: Callable[[str], None] = lambda _: None,
    recipe: str | Path | None = None,
) -> Session:
    """Load a session from a file, or from several that follow one another.

    Parameters
    ----------
    path : str or Path, or a sequence of them
        A file that `load_recording` reads. Several recordings of the same electrodes, in the order
        in which they were made, give one session, with a gap between any two. A name with ``*``
        stands for all files that fit, in the order of their names.
    area : str, optional
        Brain area to read, ``"M1"`` for example; several with commas, ``"M1,PMd"``, or ``"all"``,
        are joined into one session. Default: the first area in the file.
    voltage : VoltageSettings, optional
        Values to make of broadband voltage. Default: threshold crossings without a reference.
    tell : callable, optional
        Called with each warning about a file, such as a gap or an assumed unit. Default: warnings
        are not shown.
    recipe : str or Path, optional
        Recipe (TOML) that says where spikes, behaviour and trials are in the file, or in each of
        several. Default: the file is in a format that is read without one.

    Returns
    -------
    Session
        Spikes of that area, behaviour and trials.

    Raises
    ------
    SessionError
        If a file can't be read, has no such area or values, or lacks spikes or behaviour, or if
        several don't fit together. The message says what to do.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> import rt_ner
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "day1.npz"
    ...     np.savez(
    ...         path,
    ...         counts_M1=np.ones((8, 48, 96), dtype=np.uint8),
    ...         velocity=np.ones((8, 40, 2)),
    ...         direction_deg=np.arange(8) * 45.0,
    ...         bin_s=0.03,
    ...         pad_bins=4,
    ...     )
    ...     session = rt_ner.load_session(path, area="M1")
    >>> session
    <Session day1 M1: 96 channels, 8 trials, 12 s>
    >>> session.spikes
    <SpikeCounts: 96 channels, 384 bins of 30 ms, 36,864 spikes>

    """
    files = session_files([path] if isinstance(path, str | Path) else path)
    sessions = [_load_one(file, area, voltage, tell, recipe) for file in files]
    return sessions[0] if len(sessions) == 1 else join_files(sessions)


def session_files(paths: Sequence[str | Path]) -> list[Path]:
    """Return the files that paths name; Windows leaves it to programs to look for a ``*``."""
    files: list[Path] = []
    for path in map(Path, paths):
        is_pattern = "*" in path.name and not path.exists()
        files += sorted(path.parent.glob(path.name)) if is_pattern else [path]
    if not files:
        raise SessionError(f"{', '.join(map(str, paths))}: no such session file; check its path")
    return files


def _load_one(
    path: Path,
    area: str | None,
    voltage: VoltageSettings | None,
    tell: Callable[[str], None],
    recipe: str | Path | None,
) -> Session:
    """Load a session from one file."""
    recordings = _recordings(path, area, voltage, recipe)
    for warning in dict.fromkeys(text for recording in recordings for text in recording.warnings):
        tell(f"{path.name}: {warning}")
    try:
        sessions = [recording.session() for recording in recordings]
        return sessions[0] if len(sessions) == 1 else join_areas(sessions)
    except SessionError as error:
        raise SessionError(f"{path}: {error}") from error


def _recordings(
    path: Path, area: str | None, voltage: VoltageSettings | None, recipe: str | Path | None
) -> list[RecordingFile]:
    """Return the recording of each area that a text with commas names, each of them read once."""
    names = tuple(dict.fromkeys(names_in(area or "")))
    if area != ALL_AREAS and len(names) < 2:
        return [load_recording(path, names[0] if names else None, voltage, recipe)]
    first = load_recording(path, None, voltage, recipe)
    if area in (ALL_AREAS, *first.areas):
        names = first.areas if area == ALL_AREAS else (str(area),)
    read = dict.fromkeys(first.areas[:1], first)
    loaded = [read.get(name) or load_recording(path, name, voltage, recipe) for name in names]
    return loaded or [first]


def load_recording(
    path: str | Path,
    area: str | None = None,
    voltage: VoltageSettings | None = None,
    recipe: str | Path | None = None,
) -> RecordingFile:
    """Load the contents of a file, complete or not.

    The name's ending chooses the format: ``.xdf`` (LabRecorder), ``.nwb``, ``.mat`` (MATLAB),
    ``.nev`` and ``.ns1`` to ``.ns6`` (Blackrock, with the files of the same name beside it; their
    common name without an ending will do), ``.toml`` (a recipe, which names its file). Any other
    file must be a NumPy archive: a session written by `save_session`, or one in the reach layout.
    With a recipe, any ``.mat``, ``.npz`` or HDF5 file is read as the recipe says, and the markers
    in an XDF or Blackrock file mean what it says.

    Parameters
    ----------
    path : str or Path
        The file.
    area : str, optional
        Brain area to read; in an XDF file, the source of the spikes. Default: the first one.
    voltage : VoltageSettings, optional
        Values to make of broadband voltage. Default: threshold crossings without a reference.
    recipe : str or Path, optional
        Recipe (TOML) that says how to read the file; the file that the recipe names is ignored.

    Returns
    -------
    RecordingFile
        All that the file has, and the reasons for what it lacks.

    Raises
    ------
    SessionError
        If the file does not exist, is damaged, is in another format, or has no such area or
        values.

    """
    path = recording_at(Path(path))
    try:
        check_is_file(path)
        if recipe is None:
            check_ending(path)
            read = reader_for(path.suffix.lower(), voltage or CROSSINGS)
        else:
            read = reader_by(Path(recipe), voltage or CROSSINGS)
        recording = read(path, area)
        if recording.spikes is not None and voltage not in (None, recording.voltage):
            raise SessionError(
                f"it holds {recording.voltage}, not {voltage}: give the recording of the broadband "
                "voltage itself (.xdf, .ns5, .ns6), or another value and reference"
            )
    except ImportError as error:
        raise missing_package(path.suffix, error) from error
    except SessionError as error:
        raise SessionError(f"{path}: {error}") from error
    return replace(recording, warnings=(*recording.warnings, *doubts(recording)))


def session_areas(path: Path, recipe: str | Path | None = None) -> tuple[str, ...]:
    """Return the brain areas in a file, in its order."""
    return load_recording(path, recipe=recipe).areas


def save_session(session: Session, path: str | Path) -> None:
    """Save a session to a file, completely or not at all.

    Parameters
    ----------
    session : Session
        The session.
    path : str or Path
        The file. A name that ends in ``.npz`` gives the project's own form: a NumPy archive of
        plain arrays, which replaces a file of that name. One that ends in ``.nwb`` gives NWB, and
        must be new.

    Raises
    ------
    SessionError
        If the name has another ending, or the NWB file exists.

    """
    path = Path(path)
    match path.suffix.lower():
        case ".npz":
            archive.write(session, path)
        case ".nwb":
            nwb_writer()(session, path)
        case _:
            raise SessionError(f"{path}: expected a name that ends in .npz or .nwb")
