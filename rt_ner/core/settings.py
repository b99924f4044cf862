"""Config: TOML files into checked, immutable settings; an unknown key is an error."""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rt_ner.core.errors import ConfigError


class Settings(BaseModel):
    """A section of settings: immutable, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


SettingsType = TypeVar("SettingsType", bound=Settings)


def load_settings(path: Path | None, kind: type[SettingsType]) -> SettingsType:
    """Read settings of a TOML file; the defaults where ``path`` is None or silent.

    Raises ConfigError, naming the nearest valid key, for a key that does not exist.
    """
    if path is None:
        return kind()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such config file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} can't be read as TOML: {error}") from error
    return checked_settings(content, kind, str(path))


def checked_settings(
    content: dict[str, object], kind: type[SettingsType], where: str
) -> SettingsType:
    """Settings from a plain mapping; ConfigError in one line for the first thing wrong."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        keys = [str(part) for part in first["loc"]]
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{where}: {_unknown_key(keys, kind)}") from error
        raise ConfigError(
            f"{where}: {'.'.join(keys)} = {first['input']!r}: {first['msg']}"
        ) from error


def with_overrides(
    settings: SettingsType, sections: Mapping[str, Mapping[str, object]], where: str
) -> SettingsType:
    """Return settings with other values put over them, section by section; None changes nothing.

    ConfigError, naming ``where``, for a value that can't be.
    """
    content = settings.model_dump()
    for section, values in sections.items():
        content[section] |= {key: value for key, value in values.items() if value is not None}
    return checked_settings(content, type(settings), where)


def _unknown_key(keys: list[str], kind: type[BaseModel]) -> str:
    """Says which key is unknown and which valid one is nearest."""
    for section in keys[:-1]:
        annotation = kind.model_fields[section].annotation
        assert isinstance(annotation, type)
        kind = annotation
    valid = list(kind.model_fields)
    nearest = difflib.get_close_matches(keys[-1], valid, n=1, cutoff=0.0)
    return f"unknown key '{'.'.join(keys)}': did you mean '{nearest[0]}'? Valid: {', '.join(valid)}"
