"""Load plugins, so that the runtime never imports the packages that provide them."""

from collections.abc import Callable
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from rt_ner.core.errors import RtNerError

_TRAINER = ("torch", "onnx", "sklearn", "matplotlib")


def check_trainer() -> None:
    """Raise RtNerError, with the remedy, where the trainer's packages are not installed."""
    if missing := [name for name in _TRAINER if not find_spec(name)]:
        raise RtNerError(f"training needs {', '.join(missing)}: pip install 'rt-ner[train]'")


def plugin(name: str) -> Callable[..., Any]:
    """Return a plugin; RtNerError, with the remedy, if the packages that it needs are missing."""
    found = entry_points(group="rt_ner.plugins", name=name)
    try:
        loaded: Callable[..., Any] = next(iter(found)).load()
    except (StopIteration, ImportError) as error:
        raise RtNerError(
            f"{name.replace('_', ' ')} needs more packages ({error}): pip install 'rt-ner[train]', "
            "or 'rt-ner[train,peers]' for bench peers"
        ) from error
    return loaded
