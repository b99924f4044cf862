"""Define the settings of a sweep."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue, field_validator

from offline_training.methods.registry import load_method
from offline_training.settings import TrainSettings
from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import Settings, dotted, load_settings, unknown_name

# Settings of a training that a sweep gives in another way, or that it does not use.
_NOT_SWEPT = {
    "seed": "give seeds = […] at the top",
    "outputs": "give outputs under [[sessions]]",
    "classes": "a sweep scores only continuous outputs",
    "held_out": "scores on different held-out trials would not be comparable",
    "readout": "a sweep scores the linear readout and that of nearest neighbours",
}


class SessionGroup(Settings):
    """Recordings that are read alike: ``files`` may hold ``*``, also for folders."""

    files: tuple[str, ...] = Field(min_length=1)
    recipe: str = ""
    areas: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


class SweepSettings(Settings):
    """All settings of a sweep, as ``rt-ner settings sweep`` prints and explains them."""

    sessions: tuple[SessionGroup, ...] = Field(min_length=1)
    methods: tuple[str, ...] = Field(default=("ner",), min_length=1)
    settings: dict[str, tuple[JsonValue, ...]] = Field(default={})
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    search: Literal["grid", "random", "optuna"] = "grid"
    combinations: int = Field(default=50, ge=1)
    search_seed: int = Field(default=0, ge=0)
    control: bool = True
    validation: float = Field(default=0.2, gt=0, lt=1)
    time_limit_s: float = Field(default=3600.0, gt=0)
    memory_limit_gb: float = Field(default=0.0, ge=0)

    @field_validator("settings", mode="before")
    @classmethod
    def _with_dots(cls, content: Any) -> Any:
        """Bring sections to dotted keys: TOML reads ``loss.temperature = …`` as a section."""
        if not isinstance(content, Mapping):
            return content
        values = dotted(content)
        for key, listed in values.items():
            if not isinstance(listed, list | tuple) or not listed:
                raise ValueError(f"{key} = {listed!r}: expected a list of values to try, e.g. [1]")
        return values


def load_sweep_settings(path: Path) -> SweepSettings:
    """Read a sweep's settings; ConfigError, naming the nearest, for what does not exist.

    Files and recipes of the result are absolute, or relative to the file's folder in the file.
    """
    settings = load_settings(path, SweepSettings)
    for method in settings.methods:
        load_method(method)
    for key in settings.settings:
        _check_key(key, str(path))
    home = path.resolve().parent
    groups = tuple(_at_home(group, home) for group in settings.sessions)
    return settings.model_copy(update={"sessions": groups})


def _at_home(group: SessionGroup, home: Path) -> SessionGroup:
    files = tuple(str(home / name) for name in group.files)
    recipe = str(home / group.recipe) if group.recipe else ""
    return group.model_copy(update={"files": files, "recipe": recipe})


def _check_key(key: str, where: str) -> None:
    """Raise ConfigError if there is no such setting of a training, or it can't be swept."""
    if key in _NOT_SWEPT:
        raise ConfigError(f"{where}: settings.{key} can't be swept: {_NOT_SWEPT[key]}")
    valid = [name for name in dotted(TrainSettings().model_dump()) if name not in _NOT_SWEPT]
    valid += [f"faults.{name}" for name in type(TrainSettings().faults).model_fields]
    valid += [f"normalisation.{name}" for name in type(TrainSettings().normalisation).model_fields]
    if key not in valid:
        raise ConfigError(f"{where}: {unknown_name('setting', key, valid)}")
