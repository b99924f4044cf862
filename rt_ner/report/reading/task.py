"""Read the trials of the task, and score them block by block."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pydantic import ValidationError

from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.contract.markers import TrialEvent, parse_trial_marker
from rt_ner.report.reading.streams import Found
from rt_ner.task.scores import BlockScore, bit_rate, score_block
from rt_ner.task.settings import Layout, TaskSettings
from rt_ner.task.trials.recorded_trials import trials_of
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
        Achieved bit rate; NaN if the number of choices is not known.
    decoder
        Number of the bundle among those of the session, from 1.

    """

    trials: tuple[Trial, ...]
    score: BlockScore
    bit_rate_bps: float
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
    n_choices = settings.n_choices if settings else None
    whole = _block(scored, n_choices, 1)
    blocks = tuple(_block(part, n_choices, n) for n, part in _parts(scored, swaps_ns))
    n_marked = 0 if phases else _n_marked(found)
    return Task(settings, whole, blocks, n_marked) if phases or n_marked else None


def _settings(found: Found) -> TaskSettings | None:
    info = found.first(Kind.TASK)
    text = info.header.findtext("desc/about/settings") if info else None
    try:
        return TaskSettings.model_validate_json(text) if text else None
    except ValidationError:
        return None


def _block(trials: Sequence[Trial], n_choices: int | None, decoder: int) -> Block:
    is_told = n_choices is not None and n_choices > 1 and len(trials) > 0
    bps = bit_rate(trials, n_choices) if is_told and n_choices else float("nan")
    return Block(tuple(trials), score_block(trials), bps, decoder)


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
