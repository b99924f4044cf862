"""Show scores as tables of text, for the terminal and for Markdown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from offline_training.compare.report.paper import paper_rows
from offline_training.compare.run import Results
from offline_training.compare.scoring.rows import Scored, Way, mean_over_seeds
from rt_ner.core.arrays import FloatArray

_NOTHING = "–"


@dataclass(frozen=True)
class TextTable:
    """A table of cells as shown. The first ``n_names`` columns are words."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_names: int = 2


@dataclass(frozen=True)
class Score:
    """A score as tables show it.

    ``column`` is its heading in the summary, empty if it is not shown there. ``in_paper`` is True
    if the NER paper reports it.
    """

    name: str
    title: str
    show: Callable[[float], str]
    column: str = ""
    in_paper: bool = False


def shown(value: float) -> str:
    """Return a score with three decimals and a true minus sign."""
    return f"{value:.3f}".replace("-", "−")


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _seconds(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


VELOCITY = Score("r2", "Velocity R²", shown, "velocity R²")
SCORES = (
    VELOCITY,
    Score("path_r2", "Position R²", shown, "position R²", in_paper=True),
    Score("direction_acc", "Direction accuracy (%)", _percent, "direction (%)", in_paper=True),
    Score("shuffled_r2", "Control: velocity R² with shuffled labels", shown, "control R²"),
    Score("swapped_r2", "Velocity R², arguments swapped", shown, in_paper=True),
    Score("train_r2", "Training trials: velocity R²", shown),
    Score("train_path_r2", "Training trials: position R²", shown),
    Score("fit_s", "Training time (s)", _seconds, "training (s)"),
)


def _titled(title: str, results: Results) -> str:
    """Return a title that names the outputs' kind, where that is not velocity."""
    kinds = {row.decodes for row in results.rows}
    kind = kinds.pop() if len(kinds) == 1 else "output"
    return title.replace("velocity", kind).replace("Velocity", kind.capitalize())


def recording_names(results: Results) -> list[str]:
    """Return the recordings in order of appearance."""
    return list(dict.fromkeys(row.recording for row in results.rows))


def known_scores(results: Results) -> list[Score]:
    """Return the scores that any row has; without controls, theirs is missing."""
    return [
        score
        for score in SCORES
        if any(getattr(row, score.name) is not None for row in results.rows)
    ]


def summary_table(results: Results) -> TextTable:
    """Return means over seeds and recordings, one row per method and readout."""
    recordings = recording_names(results)
    scores = [score for score in known_scores(results) if score.column]
    means = [mean_over_seeds(results.rows, score.name) for score in scores]
    rows = tuple(
        (
            *way,
            *(
                _mean(score, of_ways[way], len(recordings))
                for score, of_ways in zip(scores, means, strict=True)
            ),
        )
        for way in means[0]
    )
    columns = ("method", "readout", *(_titled(score.column, results) for score in scores))
    n = len(recordings)
    title = f"Held-out trials, mean of {n} recordings" if n > 1 else recordings[0]
    return TextTable(title, columns, rows)


def score_table(results: Results, score: Score) -> TextTable:
    """Return one score per recording, averaged over seeds, with the paper's if it has any."""
    recordings = recording_names(results)
    rows = _score_rows(results.rows, score, recordings)
    if score.in_paper:
        quoted = _score_rows(paper_rows(recordings), score, recordings)
        rows += [(f"paper: {method}", *cells) for method, *cells in quoted]
    return TextTable(
        _titled(score.title, results), ("method", "readout", *recordings, "mean"), tuple(rows)
    )


def across_summary(results: Results) -> TextTable:
    """Return means over pairs of recordings, one row per method."""
    rows = []
    for method in across_methods(results):
        pairs = [transfer for transfer in results.across if transfer.method == method]
        means = (
            np.mean([np.nan if (r2 := getattr(pair, name)) is None else r2 for pair in pairs])
            for name in ("r2", "path_r2", "unaligned_r2")
        )
        rows.append((method, *(shown(float(mean)) for mean in means)))
    columns = ("method", "velocity R²", "position R²", "velocity R², not aligned")
    title = f"Across recordings: mean of {len(results.across) // max(len(rows), 1)} pairs"
    return TextTable(title, columns, tuple(rows), n_names=1)


def across_table(results: Results, method: str) -> TextTable:
    """Return velocity R² of one method from each recording (row) to each (column)."""
    recordings = recording_names(results)
    rows = tuple(
        (source, *(_cell(value, shown) for value in values))
        for source, values in zip(recordings, across_matrix(results, method), strict=True)
    )
    return TextTable(f"{method}: velocity R² from (row) to (column)", ("", *recordings), rows, 1)


def across_methods(results: Results) -> list[str]:
    """Return the methods that were scored across recordings."""
    return list(dict.fromkeys(transfer.method for transfer in results.across))


def across_matrix(results: Results, method: str) -> FloatArray:
    """Return velocity R² ``(from, to)``, within recordings on the diagonal; NaN if not aligned."""
    index = {name: place for place, name in enumerate(recording_names(results))}
    matrix = np.full((len(index), len(index)), np.nan)
    for transfer in results.across:
        if transfer.method == method:
            source, target = transfer.pair
            matrix[index[source], index[target]] = transfer.r2
    for row in results.rows:
        if row.way == (method, "linear") and row.seed == 0:
            matrix[index[row.recording], index[row.recording]] = row.r2
    return matrix


def _score_rows(
    rows: Sequence[Scored], score: Score, recordings: Sequence[str]
) -> list[tuple[str, ...]]:
    of_ways: dict[Way, dict[str, float]] = mean_over_seeds(rows, score.name)
    return [
        (*way, *(_cell(values.get(name, np.nan), score.show) for name in recordings),
         _mean(score, values, len(recordings)))
        for way, values in of_ways.items()
    ]  # fmt: skip


def _mean(score: Score, values: dict[str, float], n_expected: int) -> str:
    """Show the mean over recordings, or a dash if some lack the score: means would not compare."""
    if len(values) < n_expected:
        return _NOTHING
    return score.show(float(np.mean(list(values.values()))))


def _cell(value: float, show: Callable[[float], str]) -> str:
    return _NOTHING if np.isnan(value) else show(value)
