"""Read a session as a recipe says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.contract.outputs import VELOCITY_XY, Output
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.core.settings import SettingsType, load_settings
from rt_ner.data.formats.common.guards.foreign_files import foreign_file
from rt_ner.data.formats.common.guards.stand_ins import BLACKROCK, check_is_file, recording_at
from rt_ner.data.formats.common.markers.coded_trials import coded_trials
from rt_ner.data.formats.common.markers.rules import MarkersAt
from rt_ner.data.formats.recipe.content import arranged, content_of, numbers_at
from rt_ner.data.formats.recipe.parts.outputs_at import AnalogAt, OutputsAt
from rt_ner.data.formats.recipe.parts.recipe_spikes import (
    RecipeSpikes,
    behaviour_times_s,
    rate_notes,
    spikes_by,
)
from rt_ner.data.formats.recipe.parts.recipe_trials import trials_by
from rt_ner.data.formats.recipe.schema import MarkedRecipe, Recipe, RecipeFile
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings

_XDF, _NWB = ".xdf", ".nwb"


def read(path: Path, area: str | None, voltage: VoltageSettings = CROSSINGS) -> RecordingFile:
    """Read the file that a recipe (.toml) names; ``voltage`` are the values to make of broadband.

    Spikes and behaviour of an XDF or Blackrock file are found as without a recipe, which only says
    what its markers mean.
    """
    name = _settings(path, RecipeFile).file
    file = recording_at(path.parent / name)
    if not name or not (file.exists() or file.is_symlink()):
        raise SessionError(
            f"file = '{name}': no such file beside the recipe; name the recording, e.g. "
            f'file = "day1.mat", or give both: day1.mat --recipe {path.name}'
        )
    try:
        check_is_file(file)
    except SessionError as error:
        raise SessionError(f"file = '{name}': {error}") from error
    return _read(path, file, area, voltage)


def read_by(
    recipe: Path, file: Path, area: str | None, voltage: VoltageSettings = CROSSINGS
) -> RecordingFile:
    """Read a file by a recipe, whichever file the recipe names."""
    if file.suffix.lower() == ".toml":
        raise SessionError(f"a recipe itself: give the recording that {recipe.name} should read")
    if not recipe.is_file():
        raise SessionError(
            f"no such recipe {recipe}: check its path, or draft it: rt-ner inspect {file} "
            f"--recipe {recipe}"
        )
    try:
        return _read(recipe, file, area, voltage)
    except SessionError as error:
        raise SessionError(f"recipe {recipe.name}: {error}") from error


def _read(path: Path, file: Path, area: str | None, voltage: VoltageSettings) -> RecordingFile:
    if is_recording(file):
        return _marked(_settings(path, MarkedRecipe), file, area, voltage)
    recipe = _settings(path, Recipe)
    content = content_of(file)
    with foreign_file("session with this recipe", "; check its arrays, columns and axes"):
        return cooked(recipe, content, file, area)


def _settings(path: Path, kind: type[SettingsType]) -> SettingsType:
    try:
        return load_settings(path, kind)
    except ConfigError as error:
        raise SessionError(f"{error}".removeprefix(f"{path}: ")) from error


def _marked(
    recipe: MarkedRecipe, file: Path, area: str | None, voltage: VoltageSettings
) -> RecordingFile:
    """Return a recording with what a recipe says about it."""
    if recipe.outputs and file.suffix.lower() not in BLACKROCK:
        raise SessionError(
            "[[outputs]] are analog inputs of Blackrock files; from an XDF or NWB recording, a "
            "stream of type Kinematics or Position is read: take [[outputs]] out of the recipe"
        )
    found = recorded(file, area, voltage, recipe.outputs)
    return found if recipe.markers is None else _with_trials(found, recipe.markers)


def is_recording(file: Path) -> bool:
    """Return True for XDF and Blackrock files and NWB recordings, read without a recipe."""
    if file.suffix.lower() == _NWB:
        from rt_ner.data.formats.nwb.live.reader import (  # noqa: PLC0415 - an extra
            find_streams,
        )

        return file.is_file() and find_streams(file) is not None
    return file.suffix.lower() in (_XDF, *BLACKROCK)


def recorded(
    file: Path,
    area: str | None = None,
    voltage: VoltageSettings = CROSSINGS,
    outputs: Sequence[AnalogAt] = (),
) -> RecordingFile:
    """Return the recording in such a file, with all markers and codes of a task.

    ``outputs`` are the analog inputs to read, which only Blackrock files have.
    """
    if file.suffix.lower() == _XDF:
        from rt_ner.data.formats.xdf.reader import read as read_xdf  # noqa: PLC0415 - an extra

        return read_xdf(file, area, voltage, codes=True)
    if file.suffix.lower() == _NWB:
        from rt_ner.data.formats.nwb.reader import read as read_nwb  # noqa: PLC0415 - an extra

        return read_nwb(file, area, voltage, codes=True)
    from rt_ner.data.formats.blackrock.reader import (  # noqa: PLC0415 - an extra
        read as read_blackrock,
    )

    return read_blackrock(file, area, voltage, outputs)


def _with_trials(recording: RecordingFile, rules: MarkersAt) -> RecordingFile:
    """Return a recording with the trials that its markers mean, in place of others."""
    if recording.spikes is None and not recording.markers:
        return recording
    if "markers" in recording.missing and not recording.markers:
        raise SessionError(f"no markers: {recording.missing['markers']}")
    trials, notes = coded_trials(rules, recording.markers, recording.behaviour)
    none = "no complete trial among the recipe's markers: see the warnings"
    return replace(
        recording,
        trials=trials,
        warnings=(*recording.warnings, *notes),
        missing={**recording.missing, "trials": none},
    )


def cooked(
    recipe: Recipe, content: Mapping[str, Any], path: Path, area: str | None
) -> RecordingFile:
    """Return the recording that a recipe makes of a file's content."""
    if area not in (None, recipe.spikes.area):
        raise SessionError(f"no area '{area}': the recipe names {recipe.spikes.area}")
    spikes = spikes_by(recipe, content)
    parts = [_outputs(output, content) for output in recipe.outputs]
    outputs = tuple(one for part in parts for one in part.outputs)
    values = np.concatenate([part.values for part in parts], axis=1)
    time_ns = _times_ns(recipe, content, spikes, len(values))
    known = np.isfinite(values).all(axis=1) & (np.diff(time_ns, prepend=time_ns[0] - 1) > 0)
    n_lost = int((~known).sum())
    lost = (f"samples of behaviour without a value, left out: {n_lost:,}",) if n_lost else ()
    values = _derived(parts, values[known], time_ns[known])
    behaviour = Behaviour(time_ns[known], values, _named(outputs))
    trials, notes = trials_by(recipe, content, behaviour, spikes)
    notes += rate_notes(recipe, behaviour.time_ns, spikes)
    return RecordingFile(
        name=path.stem,
        areas=(recipe.spikes.area,),
        channel_ids=spikes.channel_ids,
        spikes=spikes.spikes,
        behaviour=behaviour,
        trials=trials,
        contents=recipe.arrays(),
        warnings=(*spikes.notes, *notes, *lost, *(part.note for part in parts if part.note)),
        provenance={"file": path.name, "layout": "recipe"},
    )


class _Part(NamedTuple):
    """Some outputs and their values ``(sample, output)``.

    If there is a note, the values are yet to be differentiated.
    """

    outputs: tuple[Output, ...]
    values: FloatArray
    note: str


def _outputs(place: OutputsAt, content: Mapping[str, Any]) -> _Part:
    """Return outputs in cm or cm/s where their unit is a length or a speed."""
    values = arranged(numbers_at(content, place.array), place.axes, ("bin", "column"), place.array)
    if place.columns:
        if max(place.columns) > values.shape[1]:
            raise SessionError(
                f"'{place.array}' has {values.shape[1]} columns, the recipe asks for column "
                f"{max(place.columns)}"
            )
        values = values[:, [column - 1 for column in place.columns]]
    last = place.array.replace("/", ".").rpartition(".")[2].partition(":")[0]
    own_names = [f"{last}_{number + 1}" for number in range(values.shape[1])]
    note = f"velocity is the derivative of {place.array}" if place.derive else ""
    return _Part(place.decoded.outputs(own_names, place.array), values * place.to_cm, note)


def _derived(parts: Sequence[_Part], values: FloatArray, time_ns: Int64Array) -> FloatArray:
    """Return the parts' values side by side, with velocities in place of some positions.

    Central differences do not lag behind the movement, so that spikes and velocity keep their time.
    """
    if not any(part.note for part in parts):
        return values
    moves = np.array([bool(part.note) for part in parts for _ in part.outputs])
    return np.where(moves, np.gradient(values, time_ns / NS_PER_S, axis=0), values)


def _named(outputs: tuple[Output, ...]) -> tuple[Output, ...]:
    """Return the outputs; the project's own where they are a velocity along x and y in cm/s."""
    return VELOCITY_XY if outputs == VELOCITY_XY else outputs


def _times_ns(
    recipe: Recipe, content: Mapping[str, Any], spikes: RecipeSpikes, n_samples: int
) -> Int64Array:
    """Return the time of each sample of behaviour in ns of the session."""
    is_by_itself = bool(recipe.time.behaviour or recipe.time.rate_hz)
    if is_by_itself:
        times_s = behaviour_times_s(recipe, content, n_samples)
        times_ns = ns_array_from_s(times_s) - spikes.zero_ns
    else:
        times_ns = spikes.start_ns + (spikes.bin_ns if recipe.time.at == "end" else 0)
    if len(times_ns) != n_samples:
        raise SessionError(
            f"{n_samples} samples of behaviour, but {len(times_ns)} "
            f"{'times' if is_by_itself else 'bins of spikes'}: expected as many of each; check the "
            "axes of [[outputs]], or give the samples' times as time.behaviour, or their rate as "
            "time.rate_hz"
        )
    return times_ns
