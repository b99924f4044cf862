"""Trials as a recipe says: end to end, or by a table of times."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.trials.directions import (
    Directions,
    complete,
    displacements_cm,
    stated_directions,
    target_directions,
    way_deg,
)
from rt_ner.data.formats.common.trials.outcomes import outcomes
from rt_ner.data.formats.common.trials.trial_table import trial_times
from rt_ner.data.formats.recipe.content import numbers_at, value_at
from rt_ner.data.formats.recipe.parts.recipe_spikes import RecipeSpikes, bins_per_trial
from rt_ner.data.formats.recipe.schema import Recipe, TrialsAt
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.trials import Trials


def trials_by(
    recipe: Recipe, content: Mapping[str, Any], behaviour: Behaviour, spikes: RecipeSpikes
) -> tuple[Trials | None, tuple[str, ...]]:
    """Return the trials that a recipe finds in a file's content, and notes; None without any."""
    place = recipe.trials
    if place is None:
        return None, ()
    per_trial = bins_per_trial(recipe, content, len(spikes.start_ns))
    if per_trial:
        return _end_to_end(place, content, behaviour, spikes, per_trial)
    if not (place.start and place.end):
        raise SessionError("trials need either bins, or start and end: paths of times in s")
    return _by_times(place, content, behaviour, spikes)


def _end_to_end(
    place: TrialsAt,
    content: Mapping[str, Any],
    behaviour: Behaviour,
    spikes: RecipeSpikes,
    per_trial: int,
) -> tuple[Trials, tuple[str, ...]]:
    """Return trials of so many bins each. Their go cue is at the first bin with behaviour."""
    go_ns = spikes.start_ns[::per_trial]
    start_ns = go_ns - spikes.margin * spikes.bin_ns
    end_ns = start_ns + (per_trial + 2 * spikes.margin) * spikes.bin_ns
    rows = np.arange(len(go_ns), dtype=np.int64)
    found = _directions(place, content, rows, per_trial, way_deg(go_ns, end_ns, behaviour))
    moved = displacements_cm(go_ns, end_ns, behaviour)
    return Trials(start_ns, go_ns, end_ns, found.degrees, moved), found.notes


def _by_times(
    place: TrialsAt, content: Mapping[str, Any], behaviour: Behaviour, spikes: RecipeSpikes
) -> tuple[Trials | None, tuple[str, ...]]:
    """Return the successful trials of a table."""
    zero_s = spikes.zero_ns / NS_PER_S
    start_s, stop_s = (
        np.ravel(numbers_at(content, path)) - zero_s for path in (place.start, place.end)
    )
    go_s = np.ravel(numbers_at(content, place.go)) - zero_s if place.go else start_s
    if not len(start_s) == len(stop_s) == len(go_s):
        raise SessionError(
            f"trials: {len(start_s)} starts, {len(go_s)} go cues and {len(stop_s)} ends; expected "
            "one each"
        )
    table = {"outcome": np.ravel(value_at(content, place.outcome))} if place.outcome else {}
    found = outcomes(table, len(start_s))
    times = trial_times(start_s, go_s, stop_s, found.succeeded)
    notes = (*found.notes, *times.notes)
    if not times.rows.size:
        return None, notes
    moved_deg = way_deg(times.go_ns, times.end_ns, behaviour)
    directions = _directions(place, content, times.rows, 1, moved_deg)
    moved = displacements_cm(times.go_ns, times.end_ns, behaviour)
    trials = Trials(times.start_ns, times.go_ns, times.end_ns, directions.degrees, moved)
    return trials, (*notes, *directions.notes)


def _directions(
    place: TrialsAt,
    content: Mapping[str, Any],
    rows: Int64Array,
    per_trial: int,
    moved_deg: FloatArray,
) -> Directions:
    """Return the directions of some trials, stated per trial or per bin."""
    if place.direction:
        stated = np.ravel(numbers_at(content, place.direction))
        if len(stated) > rows.max() * per_trial and per_trial > 1 and len(stated) != len(rows):
            stated = stated[::per_trial]
        if len(stated) <= rows.max():
            raise SessionError(
                f"'{place.direction}' has {len(stated)} directions, expected one for each of the "
                f"{rows.max() + 1} trials: check trials.direction in the recipe"
            )
        return stated_directions(place.direction, stated[rows], moved_deg)
    if place.target:
        target = numbers_at(content, place.target)
        if target.ndim != 2 or target.shape[1] not in (2, 4) or len(target) <= rows.max():
            raise SessionError(
                f"'{place.target}' has shape {target.shape}, expected (trial, 2), or (trial, 4): "
                "two corners"
            )
        if target.shape[1] == len("xyxy"):
            target = (target[:, :2] + target[:, 2:]) / 2
        return target_directions(place.target, target[rows], moved_deg)
    return complete(moved_deg, "no directions: those of the movement are used")
