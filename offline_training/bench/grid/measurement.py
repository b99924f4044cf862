"""Calibrate a simulated subject for a short time, and let it choose cells of a grid by clicks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
import torch

from drivers.simulated.subject.neurons import Neurons
from offline_training.closed_loop.in_process.first_day import calibration_session
from offline_training.closed_loop.in_process.simulation import (
    Mover,
    Reference,
    SimulatedBlock,
    simulate_block,
)
from offline_training.settings import EnsembleSettings, TrainSettings
from offline_training.training import fit_decoder, prepared
from rt_ner.core.clock import NS_PER_S, ns_from_s
from rt_ner.core.contract.kinds import CLICK_LABEL
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, OutputKind
from rt_ner.core.errors import ConfigError
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.recalibration.intention.reach_model import HAND_ANSWER_S
from rt_ner.task.scores import machine_scores
from rt_ner.task.settings import ClickSettings, Layout, Selection, TaskSettings
from rt_ner.terminal.progress import Progress

# The goal: net bit rate over the ideal decoder's, and false clicks per minute.
LEAST_OF_IDEAL, MOST_FALSE_PER_MIN = 0.8, 1.0
# In the calibration, a click is held for longer, because what is learned ends with the trial.
_CALIBRATION_HELD_MS = 200.0
# So few reaches are better learned by an ensemble; and a tenth of them is held out.
_LEARNING = {"ensemble": EnsembleSettings(members=4), "held_out": 0.1}
# Shortest time that a selection with the hand takes; for the number of trials to calibrate with.
_SHORTEST_TRIAL_S = 0.5
# A click that was decoded so long after the last intended one was not meant.
_MEANT_S = 0.6


@dataclass(frozen=True, eq=False)
class GridPlan:
    """Plan of the measurement; ``neurons`` returns those of a seed."""

    neurons: Callable[[int], Neurons]
    settings: TrainSettings
    device: torch.device
    grid_side: int = 6
    calibration_s: float = 40.0
    trials: int = 200

    def calibration(self, seed: int) -> TaskSettings:
        """Return the settings of the calibration: out and back in all directions, by clicks."""
        return TaskSettings(
            layout=Layout.CENTRE_OUT_BACK,
            selection=Selection.CLICK,
            trials=round(self.calibration_s / _SHORTEST_TRIAL_S),
            seed=seed,
            click=ClickSettings(held_ms=_CALIBRATION_HELD_MS),
        )

    def task(self, selection: Selection, seed: int) -> TaskSettings:
        """Return the settings of a block on the grid."""
        return TaskSettings(
            layout=Layout.GRID,
            grid_side=self.grid_side,
            selection=selection,
            trials=self.trials,
            seed=seed,
        )


def measure_grid(plan: GridPlan, seeds: Sequence[int], progress: Progress) -> list[dict[str, Any]]:
    """Return a row of scores per seed, decoder and way to select.

    The ideal decoder returns what the same subject intends. Besides the task's scores,
    ``unmeant_clicks_per_min`` counts clicks that the subject did not intend, which no task knows.
    """
    rows = []
    for number, seed in enumerate(seeds):
        progress(f"subject {number + 1}", number / len(seeds), None)
        neurons = plan.neurons(seed)
        movers: dict[str, Mover] = {
            "NER": _calibrated(plan, neurons, seed),
            "ideal": Reference.IDEAL,
        }
        for name, mover in movers.items():
            for selection in Selection:
                task = plan.task(selection, seed + 1)
                found = simulate_block(neurons, mover, task, seed + 1)
                rows.append(
                    {"seed": seed, "decoder": name, "selection": str(selection)} | _scores(found)
                )
    return rows


def _calibrated(plan: GridPlan, neurons: Neurons, seed: int) -> Mover:
    """Return NER trained on a calibration with the subject's own hand and button."""
    found = simulate_block(neurons, Reference.HAND, plan.calibration(seed), seed)
    session = clicking_session(found, plan.calibration_s)
    settings = plan.settings.model_copy(update=_LEARNING | {"classes": CLICK_LABEL, "seed": seed})
    learned, split = prepared(session, settings, lambda _: None)
    return fit_decoder(learned, split, settings, plan.device, lambda *_: None)[0]


def clicking_session(found: SimulatedBlock, seconds: float) -> Session:
    """Return the first seconds of a calibration as a session, with the hand's button as a column.

    Both are those a little later, for the hand lags the intention. ConfigError if the calibration
    was shorter.
    """
    block = found.block.until(ns_from_s(seconds))
    if len(block.counts) * block.hop_ns < ns_from_s(seconds):
        raise ConfigError(f"the calibration ended before {seconds:g} s: choose a shorter one")
    session = calibration_session(block, HAND_ANSWER_S)
    lead = ns_from_s(HAND_ANSWER_S) // block.hop_ns
    hop = session.behaviour.time_ns // block.hop_ns - 1
    values = np.column_stack([session.behaviour.values, found.click[hop + lead, 1]])
    button = Output(CLICK_LABEL, "", OutputKind.OTHER)
    behaviour = Behaviour(session.behaviour.time_ns, values, (*VELOCITY_XY, button))
    return replace(session, behaviour=behaviour)


def _scores(found: SimulatedBlock) -> dict[str, float]:
    scores = machine_scores(found.machine)
    if not found.machine.settings.is_by_click:
        return scores
    minutes = len(found.click) * found.block.hop_ns / NS_PER_S / 60
    return scores | {"unmeant_clicks_per_min": _n_unmeant(found) / minutes}


def _n_unmeant(found: SimulatedBlock) -> int:
    """Return the number of clicks without an intended one shortly before."""
    hop_ns = found.block.hop_ns
    meant = np.flatnonzero(found.click[:, 0] > 0.5) * hop_ns
    clicks_ns = np.array(found.clicks_ns, dtype=np.int64)
    latest = np.append(-np.inf, meant)[np.searchsorted(meant, clicks_ns)]
    return int((clicks_ns - latest > ns_from_s(_MEANT_S)).sum())


def summary_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return means over the subjects by decoder and way to select, and if the goal is met."""
    means = {
        f"{decoder} {selection}": _means(
            [row for row in rows if (row["decoder"], row["selection"]) == (decoder, selection)]
        )
        for decoder in ("NER", "ideal")
        for selection in map(str, Selection)
    }
    ner, ideal = means["NER click"], means["ideal click"]
    of_ideal = ner["bitrate_bps"] / ideal["bitrate_bps"] if ideal["bitrate_bps"] else float("nan")
    false_per_min = ner["false_clicks_per_min"]
    return {
        "means": means,
        "of_ideal": of_ideal,
        "false_clicks_per_min": false_per_min,
        "is_rate_met": of_ideal >= LEAST_OF_IDEAL,
        "are_false_clicks_met": false_per_min <= MOST_FALSE_PER_MIN,
    }


def _means(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the means of all scores that each of the rows has."""
    names = [name for name in rows[0] if name not in ("seed", "decoder", "selection")]
    return {name: fmean(row[name] for row in rows) for name in names}
