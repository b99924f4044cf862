"""Read TOML files into checked, immutable settings; an unknown key is an error."""

import codecs
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from rt_ner.core.errors import ConfigError


class Settings(BaseModel):
    """A section of settings: immutable, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


_UNKNOWN = "extra_forbidden"
SettingsType = TypeVar("SettingsType", bound=Settings)


def load_settings(path: Path | None, kind: type[SettingsType]) -> SettingsType:
    """Read settings from a TOML file.

    Parameters
    ----------
    path
        The file. Keys that it leaves out keep their defaults. None: all defaults.
    kind
        The settings class, such as ``DecodeSettings``.

    Returns
    -------
    SettingsType
        The checked settings.

    Raises
    ------
    ConfigError
        If the file can't be read, or a key or value is not valid.

    """
    if path is None:
        return kind()
    try:
        content = tomllib.loads(_text(path.read_bytes()))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such config file; check its path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not in UTF-8: {error}; save it as UTF-8") from error
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} can't be read as TOML: {error}") from error
    return checked_settings(content, kind, str(path))


def _text(content: bytes) -> str:
    """Return a file's text; some editors and shells of Windows mark or write it as UTF-16."""
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_utf16 else "utf-8-sig").replace("\r\n", "\n")


def checked_settings(
    content: dict[str, object], kind: type[SettingsType], where: str
) -> SettingsType:
    """Return settings made from a plain mapping.

    Parameters
    ----------
    content
        Values by key, with sections as nested mappings.
    kind
        The settings class, such as ``DecodeSettings``.
    where
        Origin of the values for the error message, such as the file's name.

    Returns
    -------
    SettingsType
        The checked settings.

    Raises
    ------
    ConfigError
        For all keys that are unknown, with the section where they belong or the nearest valid one,
        and all that are invalid or missing.

    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        # A key that is missing may be one that was misspelt.
        unknown_first = sorted(error.errors(), key=lambda each: each["type"] != _UNKNOWN)
        problems = "; ".join(_problem(each, kind) for each in unknown_first)
        raise ConfigError(f"{where}: {problems}") from error


def _problem(error: ErrorDetails, kind: type[BaseModel]) -> str:
    """Return a sentence on one error."""
    keys = [str(part) for part in error["loc"]]
    if error["type"] == _UNKNOWN:
        return _unknown_key(keys, kind)
    if error["type"] == "missing":
        return f"no '{'.'.join(keys)}', which is needed: add it"
    # Values that are wrong together have no key.
    value = f"{'.'.join(keys)} = {error['input']!r}: " if keys else ""
    return f"{value}{error['msg']}"


def with_overrides(
    settings: SettingsType, sections: Mapping[str, Mapping[str, object]], where: str
) -> SettingsType:
    """Return settings with some values replaced.

    Parameters
    ----------
    settings
        The settings to start from; they stay as they are.
    sections
        New values by section and key; a value of None is ignored.
    where
        Origin of the new values for the error message, such as ``command line``.

    Returns
    -------
    SettingsType
        The checked settings.

    Raises
    ------
    ConfigError
        If a new value is not valid.

    """
    content = settings.model_dump()
    for section, values in sections.items():
        content[section] |= {key: value for key, value in values.items() if value is not None}
    return checked_settings(content, type(settings), where)


def _unknown_key(keys: list[str], kind: type[BaseModel]) -> str:
    """Return a sentence on the unknown key: the section where it belongs, or the nearest one."""
    sections = {name: _settings_in(field.annotation) for name, field in kind.model_fields.items()}
    homes = [
        f"[{name}]" for name, each in sections.items() if each and keys[-1] in each.model_fields
    ]
    if homes:
        return f"unknown key '{'.'.join(keys)}': '{keys[-1]}' belongs in {' or '.join(homes)}"
    for section in keys[:-1]:
        # A section that repeats also has its number among the keys.
        if section in kind.model_fields:
            kind = _settings_in(kind.model_fields[section].annotation) or kind
    return unknown_name("key", ".".join(keys), list(kind.model_fields))


def dotted(content: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested values by dotted key, such as ``loss.temperature``."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        key = f"{before}{name}"
        found |= dotted(value, f"{key}.") if isinstance(value, Mapping) else {key: value}
    return found


def unknown_name(kind: str, name: str, valid: Sequence[str]) -> str:
    """Return a sentence on an unknown name, the nearest valid one and all valid ones."""
    has_sections = any("." in each for each in valid)
    wanted = name if has_sections else name.rpartition(".")[2]
    nearest = difflib.get_close_matches(wanted, valid, n=1, cutoff=0.0)
    return f"unknown {kind} '{name}': did you mean '{nearest[0]}'? Valid: {', '.join(valid)}"


def _settings_in(annotation: object) -> type[BaseModel] | None:
    """Return the class of settings in a type such as ``Trials | None``."""
    types = (annotation, *get_args(annotation))
    return next(
        (one for one in types if isinstance(one, type) and issubclass(one, BaseModel)), None
    )
