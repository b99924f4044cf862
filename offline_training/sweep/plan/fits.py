"""Define a fit of a sweep, and the hash of all that determines its result."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property

from pydantic import JsonValue

from offline_training.methods.latent.ner import ner
from offline_training.methods.method import Method
from offline_training.methods.registry import load_method
from offline_training.settings import TrainSettings
from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import Settings, checked_settings

# Raise it when the way of splitting or scoring changes, so that old results are not taken for new.
SCORING_VERSION = 1


class Fit(Settings):
    """One fit of a method to a session, and its scoring.

    ``settings`` are those that the sweep varies, by dotted key; ``all_settings`` are those of the
    training that differ from the defaults.
    """

    session: str
    area: str
    session_sha256: str
    outputs: tuple[str, ...]
    method: str
    settings: dict[str, JsonValue]
    all_settings: dict[str, JsonValue]
    seed: int
    control: bool
    validation: float
    method_version: int
    scoring_version: int = SCORING_VERSION

    @cached_property
    def key(self) -> str:
        """Hash of all that determines the result; names of files and sessions do not."""
        content = self.model_dump(mode="json", exclude={"session", "settings"})
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def name(self) -> str:
        """The fit in words, for messages."""
        varied = "".join(f", {key} = {json.dumps(value)}" for key, value in self.settings.items())
        return f"{self.session} {self.area}, {self.method}, seed {self.seed}{varied}"


def method_settings(name: str, varied: Mapping[str, JsonValue]) -> TrainSettings | None:
    """Return a method's settings with some replaced, by dotted key; None if it has no settings.

    Raises ConfigError if a value is not valid, or the values don't go together.
    """
    base = load_method(name).settings
    if base is None:
        return None
    content: dict[str, object] = base.model_dump()
    for section in ("faults", "normalisation"):
        content[section] = getattr(base, section).model_dump()
    for key, value in varied.items():
        *path, last = key.split(".")
        place = content
        for part in path:
            inner = place[part]
            assert isinstance(inner, dict)
            place = inner
        place[last] = value
    shown = ", ".join(f"{key} = {json.dumps(value)}" for key, value in varied.items())
    return checked_settings(content, TrainSettings, f"{name} with {shown or 'its own settings'}")


def method_of(fit: Fit) -> Method:
    """Return the method of a fit, with its settings."""
    if (settings := method_settings(fit.method, fit.settings)) is None:
        return load_method(fit.method)
    if settings.model_dump(mode="json", exclude_defaults=True) != fit.all_settings:
        raise ConfigError(
            f"{fit.name}: this version of rt-ner has other default settings than the one that "
            "planned the sweep: use the same version everywhere"
        )
    return ner(fit.method, settings)
