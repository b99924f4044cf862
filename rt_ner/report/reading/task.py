"""Read the trials of the task, and score them block by block."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pydantic import ValidationError

from rt_ner.core.arrays import Int64Array
from rt_ner.core.clock import FOREVER_NS, NS_PER_S
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.contract.markers import (
    FALSE_CLICK,
    TrialEvent,
    is_selection_marker,
    parse_trial_marker,
)
from rt_ner.report.reading.streams import Found
from rt_ner.task.scores import BlockScore, bit_rate, false_clicks_per_min, score_block
from rt_ner.task.settings import Layout, TaskSettings
from rt_ner.task.trials.recorded_trials import correct_selections, trials_of
from rt_ner.task.trials.trial_machine import Trial

# A block ends at a swap of the bundle and at a pause. Longer ones are cut into blocks of about so
# many trials, or into fewer if there would be too many blocks.
_TRIALS, _MOST_BLOCKS, _PAUSE_NS = 20, 15, 60 * NS_PER_S


@dataclass(frozen=True)
class Block:
    """Trials in a row with one bundle, and their scores.

    Attributes
    ----------
    trials
        The trials.
    score
        Their scores.
    bit_rate_bps
        Net bit rate; NaN if the number of choices is not known.
    false_clicks_per_min
        Clicks that did not select the wanted target, per minute, those until the next block among
        them; NaN unless targets are selected by clicks, and markers tell of them.
    decoder
        Number of the bundle among those of the session, from 1.

    """

    trials: tuple[Trial, ...]
    score: BlockScore
    bit_rate_bps: float
    false_clicks_per_min: float
    decoder: int


@dataclass(frozen=True)
class Task:
    """The task of a session.

    Attributes
    ----------
    settings
        Its settings; None if they were not recorded.
    whole
        All trials as one block.
    blocks
        The same trials, block by block.
    n_marked
        Number of trials that only markers tell of, without an outcome.

    """

    settings: TaskSettings | None
    whole: Block
    blocks: tuple[Block, ...]
    n_marked: int = 0


def read_task(found: Found, swaps_ns: Sequence[int]) -> Task | None:
    """Return the task's trials; None if none was recorded. A swap begins a new block."""
    settings = _settings(found)
    is_square = settings is not None and settings.layout is Layout.GRID
    cursor, target = found.numbers(Kind.CURSOR), found.numbers(Kind.TARGET)
    phases = found.texts(Kind.TASK)
    complete = phases and cursor[1].shape[1] == 2 and target[1].shape[1] > 2
    trials = trials_of(phases, cursor, target, is_square) if complete else []
    # The cursor of such a trial was lost, or entered the target between two samples.
    scored = [one for one in trials if one.entries_ns or not one.success]
    false_ns = None
    if settings and settings.is_by_click and found.first(Kind.MARKERS):
        correct_selections(scored, _times_ns(found, is_selection_marker))
        false_ns = _times_ns(found, FALSE_CLICK.__eq__)
    parts = _parts(scored, swaps_ns)
    ends_ns = [*(part[0].go_ns for _, part in parts[1:]), FOREVER_NS]
    blocks = tuple(
        _block(part, settings, _between(false_ns, part, end_ns), n)
        for (n, part), end_ns in zip(parts, ends_ns, strict=False)
    )
    whole = _block(scored, settings, _between(false_ns, scored, FOREVER_NS), 1)
    n_marked = 0 if phases else _n_marked(found)
    return Task(settings, whole, blocks, n_marked) if phases or n_marked else None


def _settings(found: Found) -> TaskSettings | None:
    info = found.first(Kind.TASK)
    text = info.header.findtext("desc/about/settings") if info else None
    try:
        return TaskSettings.model_validate_json(text) if text else None
    except ValidationError:
        return None


def _times_ns(found: Found, is_meant: Callable[[str], bool]) -> Int64Array:
    """Return the times of some of the task's markers."""
    times_ns = [time_ns for time_ns, text in found.texts(Kind.MARKERS) if is_meant(text)]
    return np.array(times_ns, dtype=np.int64)


def _between(
    false_ns: Int64Array | None, trials: Sequence[Trial], end_ns: int
) -> Int64Array | None:
    """Return the false clicks from the first go cue of some trials on, until ``end_ns``."""
    if false_ns is None or not trials:
        return None
    return false_ns[(false_ns >= trials[0].go_ns) & (false_ns < end_ns)]


def _block(
    trials: Sequence[Trial],
    settings: TaskSettings | None,
    false_ns: Int64Array | None,
    decoder: int,
) -> Block:
    nan, n_choices = float("nan"), settings.n_choices if settings else None
    is_told = n_choices is not None and n_choices > 1 and len(trials) > 0
    bps = bit_rate(trials, n_choices) if is_told and n_choices else nan
    per_min = nan if false_ns is None else false_clicks_per_min(len(false_ns), trials)
    return Block(tuple(trials), score_block(trials), bps, per_min, decoder)


def _parts(trials: Sequence[Trial], swaps_ns: Sequence[int]) -> list[tuple[int, list[Trial]]]:
    """Return the trials of each block, with the number of the bundle."""
    cuts = [
        index
        for index, (one, other) in enumerate(pairwise(trials), 1)
        if other.go_ns - one.end_ns > _PAUSE_NS
        or any(one.go_ns < swap_ns <= other.go_ns for swap_ns in swaps_ns)
    ]
    parts, n_trials = [], max(_TRIALS, len(trials) / _MOST_BLOCKS)
    for begin, end in pairwise([0, *cuts, len(trials)]):
        n_blocks = max(1, round((end - begin) / n_trials))
        for rows in np.array_split(np.arange(begin, end), n_blocks):
            part = [trials[row] for row in rows.tolist()]
            if part:
                parts.append((1 + sum(ns <= part[0].go_ns for ns in swaps_ns), part))
    return parts


def _n_marked(found: Found) -> int:
    markers = [parse_trial_marker(text) for _, text in found.texts(Kind.MARKERS)]
    return sum(one is not None and one.event is TrialEvent.GO for one in markers)
