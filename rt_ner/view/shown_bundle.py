"""Read from a bundle all that the window shows of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rt_ner.bundle.storage import load_shown
from rt_ner.bundle.tables.manifest_table import manifest_rows
from rt_ner.view.panels.latents import Cloud


class ShownBundle(NamedTuple):
    """A bundle as the window shows it: rows of facts by name, and its cloud of latents, if any."""

    facts: Mapping[str, str]
    cloud: Cloud | None


def load_shown_bundle(folder: Path) -> ShownBundle:
    """Read a bundle's facts and cloud; BundleError if a file is missing or was changed."""
    manifest, cloud = load_shown(folder)
    return ShownBundle(manifest_rows(manifest), None if cloud is None else Cloud(*cloud))
