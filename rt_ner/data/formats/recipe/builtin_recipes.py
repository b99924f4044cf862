"""The recipes that come with rt-ner, which read files of known layouts without being asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rt_ner.core.errors import SessionError
from rt_ner.core.settings import load_settings
from rt_ner.data.formats.recipe.content import value_at
from rt_ner.data.formats.recipe.reader import cooked
from rt_ner.data.formats.recipe.schema import Recipe
from rt_ner.data.recordings import RecordingFile

_FOLDER = Path(__file__).parent / "builtin"


def read_known(content: Mapping[str, Any], path: Path, area: str | None) -> RecordingFile | None:
    """Return the recording of a file whose layout is known; None if it is not.

    Raises SessionError if it is, but holds no such area.
    """
    fitting = {
        name: recipe
        for name, recipe in ((each.stem, load_settings(each, Recipe)) for each in _files())
        if _fits(recipe, content)
    }
    areas = tuple(dict.fromkeys(recipe.spikes.area for recipe in fitting.values()))
    if not areas:
        return None
    if area not in (None, *areas):
        raise SessionError(f"no area '{area}': this file holds {', '.join(areas)}")
    name, recipe = next(
        (name, each) for name, each in fitting.items() if area in (None, each.spikes.area)
    )
    found = cooked(recipe, content, path, area)
    others = tuple(other for other in areas if other != recipe.spikes.area)
    return found.with_note(f"read by the built-in recipe {name}", (recipe.spikes.area, *others))


def _files() -> list[Path]:
    return sorted(_FOLDER.glob("*.toml"))


def _fits(recipe: Recipe, content: Mapping[str, Any]) -> bool:
    """Return True if a file holds all arrays that a recipe needs."""
    try:
        for path in recipe.arrays():
            value_at(content, path)
    except SessionError:
        return False
    return True
