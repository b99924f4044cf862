"""Write the results of a comparison: figures, a page to read, and JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from offline_training.compare.evaluation_split import EvaluationSplit
from offline_training.compare.report.figures import draw_across, draw_direction, draw_scores
from offline_training.compare.report.pinwheel import draw_latents
from offline_training.compare.report.tables import (
    TextTable,
    across_methods,
    across_summary,
    across_table,
    known_scores,
    score_table,
    summary_table,
)
from offline_training.compare.run import Results
from rt_ner.bundle.storage import add_to_report, load_bundle
from rt_ner.core.atomic_files import check_home, replace_folder
from rt_ner.core.errors import ConfigError

NUMBERS_FILE, TEXT_FILE = "compare.json", "compare.md"
# Prefix of the figures' names in a bundle, which has figures of its own.
_IN_BUNDLE = "compare-"
_FIGURES = {
    "r2.png": draw_scores,
    "direction.png": draw_direction,
    "latents.png": draw_latents,
    "across.png": draw_across,
}
_NOTES = """\
Scores are means over seeds on held-out trials: the last fifth, which no method, readout or choice
has seen. R² is the mean over x and y; position is velocity summed within a trial. *linear* is the
live decoder's readout, *knn* the mean velocity of the nearest training latents, *own* a decoder
without latents. Direction is classified from the method's values, whatever the readout. Time is
that of training the method, without readouts. The control is trained on trials whose labels have
been shuffled.

Rows *paper* quote the NER paper. Its decoding is not causal (it uses 120 ms of the future), and its
velocity R² has its arguments swapped, so it is shown next to ours, swapped in the same way.
"""
_ACROSS_NOTES = """\
Scores of one recording's readout on the latents of another, aligned to those of the first by an
orthogonal Procrustes fit to condition averages (direction × time since the go cue) of training
trials. First seed, linear readout.
"""


def check_out(folder: Path) -> None:
    """Raise ConfigError unless ``folder`` is new, empty, or holds a comparison only."""
    if not folder.exists():
        check_home(folder)
        return
    if not folder.is_dir():
        raise ConfigError(f"--out {folder} is a file: choose a new folder")
    held = {path.name for path in folder.iterdir()}
    strange = sorted(held - {NUMBERS_FILE, TEXT_FILE, *_FIGURES})
    if strange or (held and NUMBERS_FILE not in held):
        raise ConfigError(
            f"--out {folder} holds {', '.join(strange[:3] or sorted(held))}, which is not part of "
            "a comparison: choose a new folder, or that of an earlier comparison to replace it"
        )


def check_bundle(folder: Path, recordings: Sequence[EvaluationSplit]) -> None:
    """Raise RtNerError unless ``folder`` is a bundle of one of the recordings."""
    training = load_bundle(folder).manifest.training
    compared = [(recording.sha256, recording.area) for recording in recordings]
    if (training.session_sha256, training.area) not in compared:
        raise ConfigError(
            f"--bundle {folder} was trained on {training.session} {training.area}, which is not "
            f"compared here ({', '.join(recording.name for recording in recordings)}): add that "
            "session, or choose a bundle trained on one of these"
        )


def save(results: Results, out: Path | None, bundle: Path | None = None) -> None:
    """Write tables and figures to a folder, a bundle, or both; each completely or not at all."""
    if out is not None:
        check_out(out)
    if out is None and bundle is None:
        return
    pictures = {name: draw(results) for name, draw in _FIGURES.items()}
    drawn = {name: picture for name, picture in pictures.items() if picture is not None}
    if out is not None:
        replace_folder(out, _files(results, drawn))
    if bundle is not None:
        named = {f"{_IN_BUNDLE}{name}": picture for name, picture in drawn.items()}
        add_to_report(bundle, _files(results, named))


def _files(results: Results, drawn: dict[str, bytes]) -> dict[str, bytes]:
    """Return the content of every file, by name."""
    numbers = scores_json(results) | {"direction_over_time": _direction_json(results)}
    return {
        NUMBERS_FILE: (json.dumps(numbers, indent=2) + "\n").encode(),
        TEXT_FILE: markdown(results, tuple(drawn)).encode(),
        **drawn,
    }


def scores_json(results: Results) -> dict[str, object]:
    """Return all rows and all pairs of recordings as JSON values."""
    return {
        "rows": [asdict(row) for row in results.rows],
        "across": [asdict(transfer) for transfer in results.across],
    }


def markdown(results: Results, figures: tuple[str, ...]) -> str:
    """Return the comparison as a Markdown page."""
    parts = ["# Comparison of decoders\n", _NOTES, _as_markdown(summary_table(results))]
    parts += [_as_markdown(score_table(results, score)) for score in known_scores(results)]
    if results.across:
        parts += ["## Across recordings\n", _ACROSS_NOTES, _as_markdown(across_summary(results))]
        parts += [_as_markdown(across_table(results, each)) for each in across_methods(results)]
    parts += [f"![{name.removesuffix('.png')}]({name})\n" for name in figures]
    return "\n".join(parts)


def _as_markdown(table: TextTable) -> str:
    rules = ["---"] * table.n_names + ["---:"] * (len(table.columns) - table.n_names)
    lines = (table.columns, rules, *table.rows)
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"### {table.title}\n\n{text}\n"


def _direction_json(results: Results) -> list[dict[str, object]]:
    """Return the numbers behind the figure of direction accuracy over time."""
    return [
        {
            "session": each.recording.session,
            "area": each.recording.area,
            "method": each.method,
            "seed": each.seed,
            "chance": each.score.chance,
            "since_go_s": each.recording.step_end_s.tolist(),
            "right": each.score.right.tolist(),
            "trials": each.score.trials.tolist(),
        }
        for each in results.directions
    ]
