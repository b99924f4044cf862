"""Compare two manifests: settings, sessions, scores, versions."""

from collections.abc import Mapping

from pydantic import JsonValue

from rt_ner.bundle.manifest import Manifest

_SECTIONS = ("training", "scores", "versions", "window", "latent_dim")


def differences(one: Manifest, other: Manifest) -> dict[str, tuple[JsonValue, JsonValue]]:
    """Return the values in which two bundles differ, by dotted key; None: it has no such value."""
    first, second = (_flat(manifest) for manifest in (one, other))
    return {
        key: (first.get(key), second.get(key))
        for key in dict.fromkeys([*first, *second])
        if first.get(key) != second.get(key)
    }


def _flat(manifest: Manifest) -> dict[str, JsonValue]:
    content = manifest.model_dump(mode="json")
    flat: dict[str, JsonValue] = {"channels": len(manifest.channel_ids)}
    for section in _SECTIONS:
        flat |= _dotted(section, content[section])
    return flat


def _dotted(key: str, value: JsonValue) -> dict[str, JsonValue]:
    if not isinstance(value, Mapping):
        return {key: value}
    found: dict[str, JsonValue] = {}
    for name, inner in value.items():
        found |= _dotted(f"{key}.{name}", inner)
    return found
