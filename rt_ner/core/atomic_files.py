"""Write folders whole or not at all."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rt_ner.core.errors import ConfigError


def check_home(folder: Path) -> None:
    """Raise ConfigError if ``folder`` could not be created."""
    home = next(parent for parent in folder.absolute().parents if parent.exists())
    if not (home.is_dir() and os.access(home, os.W_OK)):
        raise ConfigError(
            f"{folder} can't be written: {home} is not a folder that you may "
            "write to; choose another folder"
        )


def replace_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, by name, as a new folder, which replaces an existing one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        fresh = Path(scratch) / "fresh"
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        if folder.exists():
            folder.rename(Path(scratch) / "replaced")
        fresh.rename(folder)
