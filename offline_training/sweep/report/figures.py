"""Draw a sweep: heat maps of settings, and scores from session to session."""

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from offline_training.figures.report import png_of
from offline_training.sweep.report.choices import (
    LIVE_READOUTS,
    Choice,
    Scores,
    Sessions,
    Way,
)
from rt_ner.core.arrays import FloatArray
from rt_ner.core.quantities.interval import mean_of

_MOST_MAPS, _MOST_METHODS = 6, 6
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


class Picture(NamedTuple):
    """A picture with its caption, and its content in words for those who can't see it."""

    png: bytes
    caption: str
    alternative: str


def setting_maps(sessions: Sessions) -> list[Picture]:
    """Return one heat map per method and pair of settings that vary; a line for a single one."""
    pictures = []
    methods = {way.method: None for ways in sessions.values() for way in ways if way.values}
    for method in methods:
        cells = _cells(sessions, method)
        varied = _varied(cells)
        pairs = [*combinations(varied, 2)][:_MOST_MAPS]
        pictures += [_map(method, pair, varied, cells) for pair in pairs]
        if len(varied) == 1:
            pictures.append(_line(method, next(iter(varied)), varied, cells))
    return pictures


def _cells(sessions: Sessions, method: str) -> list[tuple[dict[str, Any], float]]:
    """Return settings and mean validation R² of a method's live readout, for each session."""
    return [
        (way.values, float(np.mean(scores.validation)))
        for ways in sessions.values()
        for way, scores in ways.items()
        if way.method == method and way.readout in LIVE_READOUTS
    ]


def _varied(cells: Sequence[tuple[dict[str, Any], float]]) -> dict[str, list[str]]:
    """Return the values, as JSON, of each setting that has several; numbers in order."""
    values: dict[str, dict[str, Any]] = {}
    for settings, _ in cells:
        for name, value in settings.items():
            values.setdefault(name, {})[json.dumps(value)] = value
    ordered = {
        name: [text for text, _ in sorted(found.items(), key=lambda item: _place(item[1]))]
        for name, found in values.items()
    }
    return {name: texts for name, texts in ordered.items() if len(texts) > 1}


def _place(value: Any) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, int | float) else (np.inf, str(value))


def _map(
    method: str,
    pair: tuple[str, str],
    varied: Mapping[str, list[str]],
    cells: Sequence[tuple[dict[str, Any], float]],
) -> Picture:
    rows, columns = (varied[name] for name in pair)
    scores = [[_scores_at(cells, pair, (row, col)) for col in columns] for row in rows]
    means = np.array([[np.mean(found) if found else np.nan for found in row] for row in scores])
    figure = Figure(figsize=(2.6 + 0.75 * len(columns), 1.9 + 0.45 * len(rows)), facecolor="white")
    axes = figure.subplots()
    image = axes.imshow(means, cmap="cividis", aspect="auto")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel(pair[1])
    axes.set_ylabel(pair[0])
    _write_numbers(axes, means)
    figure.colorbar(image, ax=axes, label="validation R²")
    figure.tight_layout()
    row, column = np.unravel_index(int(np.nanargmax(means)), means.shape)
    best = f"{pair[0]} = {rows[row]}, {pair[1]} = {columns[column]}"
    return Picture(
        png_of(figure),
        f"{method}: mean validation R² over sessions, seeds and all other settings; empty "
        "cells were not tried. With a random or Optuna search, cells may also differ in others",
        f"Heat map of {method} by {pair[0]} and {pair[1]}; highest, {np.nanmax(means):.3f}, at "
        f"{best}; lowest {np.nanmin(means):.3f}",
    )


def _write_numbers(axes: Axes, means: FloatArray) -> None:
    middle = (np.nanmin(means) + np.nanmax(means)) / 2
    for (row, column), value in np.ndenumerate(means):
        if np.isfinite(value):
            colour = "white" if value < middle else "black"
            axes.text(
                column, row, f"{value:.3f}", ha="center", va="center", color=colour, fontsize=9
            )


def _scores_at(
    cells: Sequence[tuple[dict[str, Any], float]], names: tuple[str, ...], at: tuple[str, ...]
) -> list[float]:
    """Return the scores where settings have these values; none if that was not tried."""
    return [
        r2
        for settings, r2 in cells
        if all(json.dumps(settings.get(name)) == text for name, text in zip(names, at, strict=True))
    ]


def _line(
    method: str,
    name: str,
    varied: Mapping[str, list[str]],
    cells: Sequence[tuple[dict[str, Any], float]],
) -> Picture:
    """Draw the mean score by the values of the one setting that varies."""
    texts = varied[name]
    means = [mean_of(_scores_at(cells, (name,), (text,))) for text in texts]
    figure = Figure(figsize=(5, 3.2), facecolor="white")
    axes = figure.subplots()
    middles = [each.mean for each in means]
    ends = np.array([each.interval95 or (each.mean, each.mean) for each in means]).T
    axes.errorbar(
        range(len(texts)), middles, np.abs(ends - middles), fmt="o-", capsize=3, color=_COLOURS[0]
    )
    axes.set_xticks(range(len(texts)), texts)
    axes.set_xlabel(name)
    axes.set_ylabel("validation R²")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    shown = ", ".join(f"{text}: {mean:.3f}" for text, mean in zip(texts, means, strict=True))
    return Picture(
        png_of(figure),
        f"{method}: mean validation R² over sessions and seeds; bars: 95 % interval over sessions",
        f"Line of {method} by {name}; {shown}",
    )


def session_curve(sessions: Sessions, choices: Sequence[Choice]) -> Picture:
    """Return the held-out R² of each method, with the settings chosen, from session to session."""
    names = [*sessions]
    figure = Figure(figsize=(max(6.0, 2.5 + 0.55 * len(names)), 4.6), facecolor="white")
    axes = figure.subplots()
    methods = {way.method: None for ways in sessions.values() for way in ways}
    for index, method in enumerate([*methods][:_MOST_METHODS]):
        means, spreads = _by_session(sessions, method)
        shift = 0.08 * (index - (min(len(methods), _MOST_METHODS) - 1) / 2)
        axes.errorbar(
            np.arange(len(names)) + shift, means, yerr=spreads, fmt="o-", ms=4, lw=1,
            color=_COLOURS[index], capsize=2, label=method,
        )  # fmt: skip
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=8)
    axes.set_ylabel("held-out R²")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    worst, best = (pick(choices, key=lambda each: each.r2) for pick in (min, max))
    return Picture(
        png_of(figure),
        "Held-out R² from session to session, in the order of their names; each method "
        "with the settings that validation chose for that session; bars: standard deviation over "
        "seeds",
        f"Scores of {len(names)} sessions and {len(methods)} methods; the best choice has its "
        f"highest R², {best.r2:.3f}, on {best.session}, and its lowest, {worst.r2:.3f}, on "
        f"{worst.session}",
    )


def _by_session(sessions: Sessions, method: str) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation over seeds, of the way that validation chose."""
    means, spreads = [], []
    for ways in sessions.values():
        chosen = _chosen(ways, method)
        held_out = chosen.held_out if chosen else [np.nan]
        means.append(float(np.mean(held_out)))
        spreads.append(float(np.std(held_out, ddof=1)) if len(held_out) > 1 else 0.0)
    return means, spreads


def _chosen(ways: Mapping[Way, Scores], method: str) -> Scores | None:
    own = [
        scores
        for way, scores in ways.items()
        if way.method == method and way.readout in LIVE_READOUTS
    ]
    return max(own, key=lambda scores: float(np.mean(scores.validation)), default=None)
