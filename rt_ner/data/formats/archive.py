"""Session files: the project's own plain form, and the layouts of others, to one `Session`.

Nothing here unpickles: NumPy archives are read with ``allow_pickle=False``.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.session import Kinematics, Session, SpikeCounts, SpikeTimes, Trials

_FORMAT_KEY, _FORMAT_VERSION = "rt_ner_session", 1
_REACH_COUNTS = "counts_"
_EXPECTED = (
    "expected a file written by rt-ner, or the arrays counts_AREA, velocity, direction_deg, bin_s "
    "and pad_bins"
)
# By the ending of a file: the module whose ``read(path, area)`` gives a RecordingFile.
READERS = {
    ".xdf": "rt_ner.data.formats.xdf.reader",
    ".nwb": "rt_ner.data.formats.nwb.reader",
    ".mat": "rt_ner.data.formats.matlab.reader",
    **dict.fromkeys((".nev", ".ns5", ".ns6"), "rt_ner.data.formats.blackrock.reader"),
}
Arrays = Mapping[str, AnyArray]


def load_session(path: Path, area: str | None = None) -> Session:
    """Read a session from any file that `load_recording` reads.

    ``area`` picks one of several recorded areas; None takes the first. Raises SessionError, with
    the remedy, for anything that is not a usable session.
    """
    recording = load_recording(path, area)
    try:
        return recording.session()
    except SessionError as error:
        raise SessionError(f"{path}: {error}") from error


def load_recording(path: Path, area: str | None = None) -> RecordingFile:
    """Read what a file holds, whole or not, by its ending: see `READERS`; else a NumPy archive.

    SessionError for a file that is none of these, is broken, or has no such area.
    """
    if not path.is_file():
        raise SessionError(f"{path}: no such session file")
    module = READERS.get(path.suffix.lower())
    if module is None:
        return _load_archive(path, area)
    try:
        read: Callable[[Path, str | None], RecordingFile] = import_module(module).read
    except ImportError as error:
        raise SessionError(
            f"{path}: its format needs a package more ({error}): pip install 'rt-ner[formats]'"
        ) from error
    try:
        return read(path, area)
    except SessionError as error:
        raise SessionError(f"{path}: {error}") from error


def whole_recording(session: Session, areas: tuple[str, ...]) -> RecordingFile:
    """A recording that is a whole session; ``areas``: all that its file has."""
    return RecordingFile(
        name=session.name,
        areas=(session.area, *(area for area in areas if area != session.area)),
        channel_ids=session.channel_ids,
        spikes=session.spikes,
        kinematics=session.kinematics,
        trials=session.trials,
        provenance=session.provenance,
    )


def _load_archive(path: Path, area: str | None) -> RecordingFile:
    """The project's own form, or the ``reach/*.npz`` layout."""
    arrays = _read_arrays(path)
    try:
        if _FORMAT_KEY in arrays:
            return whole_recording(_from_own_form(arrays, area), ())
        if areas := reach_areas(arrays):
            return whole_recording(reach_session(arrays, area, path.stem), areas)
    except SessionError as error:
        raise SessionError(f"{path}: {error}") from error
    except KeyError as error:
        raise SessionError(
            f"{path} is not a whole session: it has no {error}; {_EXPECTED}"
        ) from error
    except (ValueError, IndexError) as error:
        raise SessionError(f"{path} is not a usable session: {error}") from error
    raise SessionError(
        f"{path} is not a session: {_EXPECTED}; it holds {', '.join(sorted(arrays)) or 'nothing'}"
    )


def session_areas(path: Path) -> tuple[str, ...]:
    """The brain areas that a session file holds, the first one first."""
    return load_recording(path).areas


def save_session(session: Session, path: Path) -> None:
    """Write a session in the project's own form: one NumPy archive of plain arrays and JSON text.

    Written whole or not at all.
    """
    header: dict[str, object] = {
        "version": _FORMAT_VERSION,
        "name": session.name,
        "area": session.area,
        "channel_ids": session.channel_ids,
        "provenance": dict(session.provenance),
    }
    spikes = session.spikes
    if isinstance(spikes, SpikeTimes):
        header["unit_ids"] = spikes.unit_ids
        spike_arrays: dict[str, AnyArray] = {
            "spike_time_ns": spikes.time_ns,
            "spike_unit": spikes.unit,
            "unit_channel": spikes.unit_channel,
        }
    else:
        spike_arrays = {"counts": spikes.counts, "count_bin_ns": np.array(spikes.bin_ns)}
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            rt_ner_session=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
            **spike_arrays,
            kinematics_time_ns=session.kinematics.time_ns,
            velocity_cm_s=session.kinematics.velocity_cm_s,
            trial_start_ns=session.trials.start_ns,
            trial_go_ns=session.trials.go_ns,
            trial_end_ns=session.trials.end_ns,
            trial_direction_deg=session.trials.direction_deg,
            trial_target_cm=session.trials.target_cm,
        )
    partial.replace(path)


def _read_arrays(path: Path) -> dict[str, AnyArray]:
    if not path.is_file():
        raise SessionError(f"{path}: no such session file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SessionError(f"{path} can't be read: {error}") from error
    try:
        archive = np.load(io.BytesIO(content), allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise SessionError(f"{path} is not a session: it is a single array")
        return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise SessionError(
            f"{path} is not a session: expected a NumPy archive (.npz) without pickles"
        ) from error


def _from_own_form(arrays: Arrays, area: str | None) -> Session:
    header = json.loads(arrays[_FORMAT_KEY].tobytes())
    if header["version"] != _FORMAT_VERSION:
        raise SessionError(
            f"session format {header['version']}, expected {_FORMAT_VERSION}: save it again with "
            "this version of rt-ner"
        )
    if area not in (None, header["area"]):
        raise SessionError(f"no area '{area}': this session holds {header['area']}")
    channel_ids = tuple(header["channel_ids"])
    return Session(
        name=header["name"],
        area=header["area"],
        channel_ids=channel_ids,
        spikes=_spikes_of(arrays, tuple(header.get("unit_ids", ())), len(channel_ids)),
        kinematics=Kinematics(
            arrays["kinematics_time_ns"].astype(np.int64),
            arrays["velocity_cm_s"].astype(np.float64),
        ),
        trials=Trials(
            start_ns=arrays["trial_start_ns"].astype(np.int64),
            go_ns=arrays["trial_go_ns"].astype(np.int64),
            end_ns=arrays["trial_end_ns"].astype(np.int64),
            direction_deg=arrays["trial_direction_deg"].astype(np.float64),
            target_cm=arrays["trial_target_cm"].astype(np.float64),
        ),
        provenance=header["provenance"],
    )


def _spikes_of(
    arrays: Arrays, unit_ids: tuple[str, ...], n_channels: int
) -> SpikeTimes | SpikeCounts:
    if "counts" in arrays:
        return SpikeCounts(checked_counts(arrays["counts"]), int(arrays["count_bin_ns"]))
    return SpikeTimes(
        arrays["spike_time_ns"].astype(np.int64),
        arrays["spike_unit"].astype(np.int32),
        unit_ids,
        arrays["unit_channel"].astype(np.int32),
        n_channels,
    )


def reach_session(arrays: Arrays, area: str | None, name: str) -> Session:
    """The layout of the recovered Dryad sessions: counts a trial, laid end to end as a stream.

    Velocity is known for all but ``pad_bins`` bins at either side of a trial; the go cue is bin
    ``pad_bins``. Every sorted unit is a channel of its own.
    """
    areas = reach_areas(arrays)
    chosen = areas[0] if area is None else area
    if chosen not in areas:
        raise SessionError(f"no area '{chosen}': this session holds {', '.join(areas)}")
    counts = checked_counts(arrays[_REACH_COUNTS + chosen])
    n_trials, n_bins, n_units = counts.shape
    pad, bin_ns = int(arrays["pad_bins"]), round(float(arrays["bin_s"]) * NS_PER_S)
    velocity = arrays["velocity"].astype(np.float64)
    direction_deg = arrays["direction_deg"].astype(np.float64)
    if velocity.shape != (n_trials, n_bins - 2 * pad, 2) or direction_deg.shape != (n_trials,):
        raise SessionError(
            f"velocity {velocity.shape} and direction_deg {direction_deg.shape} don't fit counts "
            f"{counts.shape} with {pad} pad bins"
        )
    start_ns = np.arange(n_trials, dtype=np.int64) * n_bins * bin_ns
    bin_end_ns = start_ns[:, None] + np.arange(pad + 1, n_bins - pad + 1) * bin_ns
    return Session(
        name=name,
        area=chosen,
        channel_ids=tuple(f"{chosen}-{unit + 1:03d}" for unit in range(n_units)),
        spikes=SpikeCounts(counts.reshape(-1, n_units), bin_ns),
        kinematics=Kinematics(bin_end_ns.ravel(), velocity.reshape(-1, 2)),
        trials=Trials(
            start_ns=start_ns,
            go_ns=start_ns + pad * bin_ns,
            end_ns=start_ns + n_bins * bin_ns,
            direction_deg=direction_deg,
            target_cm=_end_points_cm(velocity, bin_ns),
        ),
        provenance={"file": f"{name}.npz", "layout": "reach"},
    )


def reach_areas(arrays: Arrays) -> tuple[str, ...]:
    """The areas with counts, in the layout of reaches."""
    return tuple(
        name.removeprefix(_REACH_COUNTS) for name in arrays if name.startswith(_REACH_COUNTS)
    )


def checked_counts(counts: AnyArray) -> npt.NDArray[np.uint8]:
    """Counts as bytes; SessionError if they can't be spike counts."""
    whole = counts.astype(np.uint8)
    if not np.array_equal(whole, counts):
        raise SessionError("counts are not whole numbers from 0 to 255: they can't be spike counts")
    return whole


def _end_points_cm(velocity_cm_s: FloatArray, bin_ns: int) -> FloatArray:
    """Where each reach ended: the file does not say where its target stood. ``(trial, 2)``."""
    end_points_cm: FloatArray = velocity_cm_s.sum(axis=1) * (bin_ns / NS_PER_S)
    return end_points_cm
