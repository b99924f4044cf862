"""Score trials by the field's measures."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.task.trials.trial_machine import Trial, TrialMachine


@dataclass(frozen=True)
class TrialScore:
    """Scores of one successful trial.

    ``acquire_s`` is the time from the go cue to the last entry into the target, without its hold or
    click, and ``dial_in_s`` that from the first entry to the last (Gilja et al. 2012).
    ``path_efficiency`` is the straight distance over the length of the path, until the last entry.
    ``movement_error_cm`` is the mean distance from the straight line (MacKenzie et al. 2001).
    ``throughput_bps`` is the index of difficulty over ``acquire_s`` (ISO 9241-9). The index is
    log2(distance / width + 1) bits, Shannon's form, with the distance from the position at the go
    cue to the target's centre, and the target's diameter as its width.
    """

    acquire_s: float
    dial_in_s: float
    path_efficiency: float
    movement_error_cm: float
    difficulty_bits: float
    throughput_bps: float


@dataclass(frozen=True)
class BlockScore:
    """Scores of a block: medians and means of its successful trials, NaN if there are none."""

    trials: int
    success_rate: float
    acquire_s_median: float
    dial_in_s_median: float
    path_efficiency: float
    movement_error_cm: float
    throughput_bps: float


def score_trial(trial: Trial) -> TrialScore:
    """Score a successful trial."""
    last_ns = trial.entries_ns[-1]
    until = np.searchsorted(trial.path_ns, last_ns, side="right")
    path = np.array(trial.path_cm[:until])
    start, centre = path[0], trial.target.centre_cm
    path_cm = float(np.hypot(*np.diff(path, axis=0).T).sum())
    straight_cm = float(np.hypot(*(path[-1] - start)))
    distance_cm = float(np.hypot(*(centre - start)))
    difficulty = float(np.log2(distance_cm / (2 * trial.target.radius) + 1))
    acquire_s = (last_ns - trial.go_ns) / NS_PER_S
    return TrialScore(
        acquire_s=acquire_s,
        dial_in_s=(last_ns - trial.entries_ns[0]) / NS_PER_S,
        path_efficiency=straight_cm / path_cm if path_cm else 1.0,
        movement_error_cm=float(_from_line_cm(path, start, centre).mean()),
        difficulty_bits=difficulty,
        throughput_bps=difficulty / acquire_s if acquire_s else np.nan,
    )


def score_block(trials: Sequence[Trial]) -> BlockScore:
    """Score a block of trials."""
    scores = [score_trial(trial) for trial in trials if trial.success]

    def over(name: str, of: Callable[[list[float]], Any]) -> float:
        values = [getattr(score, name) for score in scores]
        return float(of(values)) if values else float("nan")

    return BlockScore(
        trials=len(trials),
        success_rate=len(scores) / len(trials) if trials else float("nan"),
        acquire_s_median=over("acquire_s", np.median),
        dial_in_s_median=over("dial_in_s", np.median),
        path_efficiency=over("path_efficiency", np.mean),
        movement_error_cm=over("movement_error_cm", np.mean),
        throughput_bps=over("throughput_bps", np.mean),
    )


def machine_scores(machine: TrialMachine) -> dict[str, float]:
    """Return all scores of the trials so far by name.

    The bit rate is among them if the set of targets is fixed, and the rate of false clicks if
    targets are selected by clicks.
    """
    trials, settings = machine.trials, machine.settings
    scores: dict[str, float] = asdict(score_block(trials))
    if trials and settings.n_choices is not None:
        scores["bitrate_bps"] = bit_rate(trials, settings.n_choices)
    if trials and settings.is_by_click:
        scores["false_clicks_per_min"] = false_clicks_per_min(machine.n_false_clicks, trials)
    return scores


def bit_rate(trials: Sequence[Trial], n_choices: int) -> float:
    """Return the net bit rate in bits/s: log2(N − 1) · max(right − wrong, 0) / time.

    A wrong selection costs a right one, and one of the N targets would be the delete key (the
    achieved bit rate of Nuyujukian et al. 2015, "A high-performance keyboard neural prosthesis
    enabled by task optimization", IEEE Trans Biomed Eng). A reach whose time is up selects nothing:
    it costs its time alone. The time is from the first go cue to the end of the last trial.
    """
    if not trials:
        return float("nan")
    right = sum(bool(trial.success) for trial in trials)
    wrong = sum(trial.selected is not None and not trial.success for trial in trials)
    return float(np.log2(n_choices - 1) * max(right - wrong, 0) / _seconds(trials))


def false_clicks_per_min(n_false: int, trials: Sequence[Trial]) -> float:
    """Return the rate of so many clicks that did not select the wanted target, per minute.

    The time is that of the bit rate; NaN without a trial.
    """
    return 60 * n_false / _seconds(trials) if trials else float("nan")


def _seconds(trials: Sequence[Trial]) -> float:
    """Return the time from the first go cue to the end of the last trial."""
    return (trials[-1].end_ns - trials[0].go_ns) / NS_PER_S


def _from_line_cm(path: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
    """Return the distance of each position ``(step, 2)`` from the line from start to end."""
    along = (end - start) / max(float(np.hypot(*(end - start))), 1e-12)
    away = path - start
    distance: FloatArray = np.abs(away[:, 0] * along[1] - away[:, 1] * along[0])
    return distance
