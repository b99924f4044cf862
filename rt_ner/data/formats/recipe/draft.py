"""Draft a recipe for a file: all that it holds, and a guess of what each part is."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rt_ner.data.formats.common.guards.foreign_files import described, foreign_file
from rt_ner.data.formats.common.guards.stand_ins import recording_at
from rt_ner.data.formats.recipe.content import content_of
from rt_ner.data.formats.recipe.guesses.behaviour_guess import behaviour_lines
from rt_ner.data.formats.recipe.guesses.found import found_in
from rt_ner.data.formats.recipe.guesses.spikes_guess import NO_SPIKES, spikes_guess
from rt_ner.data.formats.recipe.guesses.trials_guess import trial_lines
from rt_ner.data.formats.recipe.parts.marker_draft import marker_draft
from rt_ner.data.formats.recipe.reader import is_recording, recorded

_UNKNOWN_SPIKES = (
    "[spikes]",
    'array = "?"  # could not be guessed: the path of the spikes, as listed above',
    'values = "?"  # counts, rates (in Hz), smoothed, or times (in s, a list per channel)',
)


class Draft(NamedTuple):
    """The text of a recipe (TOML), and notes on what could not be guessed."""

    text: str
    notes: tuple[str, ...]


def draft_recipe(path: Path, name: str) -> Draft:
    """Return a recipe for a file, with comments on what could not be guessed.

    ``name`` is that of the file, as the recipe names it.
    Raises SessionError if the file can't be read, or is a recording without markers.
    """
    path = recording_at(path)
    if is_recording(path):
        with foreign_file("recording"):
            return Draft(marker_draft(recorded(path), name), ())
    content = content_of(path)
    with foreign_file("file of arrays"):
        return _of_arrays(content, name)


def _of_arrays(content: Mapping[str, Any], name: str) -> Draft:
    """Return a draft for a file of arrays."""
    found = list(found_in(content))
    spikes = spikes_guess(found)
    behaviour = behaviour_lines(found, spikes)
    lines = [
        "# A draft: check every line. This file holds:",
        *(f"#   {one.described()}" for one in found), "",
        f"file = {json.dumps(name)}", "",
        *(spikes.lines if spikes else _UNKNOWN_SPIKES), "",
        *behaviour, "", *trial_lines(found), "",
    ]  # fmt: skip
    held = f"the file holds {described(content)}"
    notes = () if spikes else (f"nothing looks like spikes: {NO_SPIKES}; {held}",)
    return Draft("\n".join(lines), (*notes, *_unknown(behaviour)))


def _unknown(lines: Sequence[str]) -> tuple[str, ...]:
    """Return notes on the lines of behaviour and time that wait for an answer."""
    n = sum("could not be guessed" in line for line in lines)
    unknown = (f"lines on behaviour and time that could not be guessed: {n}",) if n else ()
    has_units = any("placeholder" in line for line in lines)
    return (*unknown, *(("the units are placeholders: enter the true ones",) if has_units else ()))
