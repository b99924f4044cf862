"""Compare two manifests: settings, sessions, scores, versions."""

from pydantic import JsonValue

from rt_ner.bundle.manifest import Manifest
from rt_ner.core.settings import dotted

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
    return flat | dotted({section: content[section] for section in _SECTIONS})
