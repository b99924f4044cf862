"""Parts: what other packages add to the runtime, which never imports them."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from rt_ner.core.errors import RtNerError


def plugin(name: str) -> Callable[..., Any]:
    """A plugin that needs the trainer's packages; RtNerError, with the remedy, without them."""
    found = entry_points(group="rt_ner.plugins", name=name)
    try:
        loaded: Callable[..., Any] = next(iter(found)).load()
    except (StopIteration, ImportError) as error:
        raise RtNerError(
            f"{name.replace('_', ' ')} needs more packages ({error}): pip install 'rt-ner[train]', "
            "of a peer 'rt-ner[train,peers]'"
        ) from error
    return loaded
