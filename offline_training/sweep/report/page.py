"""Write the report: tables, and one HTML page that holds everything."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from offline_training.methods.registry import load_method
from offline_training.sweep.plan.fits import SCORING_VERSION
from offline_training.sweep.report.choices import (
    Choice,
    Sessions,
    best_choices,
    complete_ways,
    scores_by_session,
)
from offline_training.sweep.report.figures import Picture, session_curve, setting_maps
from offline_training.sweep.results.folder import SweepFolder
from offline_training.sweep.results.tables import collect, read_runs, read_scores
from rt_ner.core.atomic_files import replace_file
from rt_ner.core.errors import ConfigError
from rt_ner.core.quantities.interval import mean_of

PAGE = "report.html"
_MOST_WAYS, _MOST_FAILURES = 30, 50
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { padding: .25em .8em; border-bottom: 1px solid #ccc; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; } figure { margin: 1.5em 0; } figcaption { color: #444; }
"""
_READING = """\
Every number is R² (1 is perfect, 0 is no better than the mean). <b>Validation</b> trials are the
last of the training trials; no method learns from them, and settings are chosen by them.
<b>Held-out</b> trials are the last of the session. Quote the held-out R², but do not choose
settings by it. The <b>control</b> learned from shuffled trials: it should be near 0 or below.
The <b>95 % interval</b> of a session shows how far the mean R² over seeds might change with other
held-out trials of the same session (bootstrap over trials). That of a mean over sessions shows how
far it might change with other sessions (bootstrap over sessions). The readout <b>knn</b> is for
comparison; no live decoder has it."""


@dataclass(frozen=True)
class _Table:
    """A table of the page; the last ``n_numbers`` columns are numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_numbers: int


def write_report(path: Path) -> dict[str, Any]:
    """Collect the tables, write the page beside them, and return its numbers."""
    folder = SweepFolder(path)
    folder.check()
    n_done = collect(folder)
    runs = read_runs(folder)
    failures = [run for run in runs if run["state"] == "failed"]
    if not n_done:
        raise ConfigError(_nothing_done(folder, failures))
    rows = current_rows(folder)
    if not rows:
        raise ConfigError(
            f"{folder.path}: no fit belongs to the current settings: run the sweep again first"
        )
    sessions = scores_by_session(rows)
    choices = best_choices(sessions, folder)
    pictures = [session_curve(sessions, choices), *setting_maps(sessions)]
    tables = [_choice_table(choices), _way_table(sessions), _failure_table(failures)]
    replace_file(folder.path / PAGE, _html(folder.path.name, tables, pictures, n_done).encode())
    return {
        "fits": n_done,
        "failed": len(failures),
        "sessions": len(sessions),
        "report": str(folder.path / PAGE),
        "best": [_choice_json(choice) for choice in choices],
    }


def current_rows(folder: SweepFolder) -> list[dict[str, Any]]:
    """Return the scores that belong to the plan, and to this version of methods and scoring.

    A folder may also hold those of earlier plans, which would not compare.
    """
    plan = folder.read_plan()
    hashes = {session.sha256 for session in folder.read_sessions()}
    wanted = {
        "control": plan.settings.control,
        "validation": plan.settings.validation,
        "scoring_version": SCORING_VERSION,
    }
    return [
        row
        for row in read_scores(folder)
        if row["session_sha256"] in hashes
        and row["method_version"] == load_method(row["method"]).version
        and all(row[name] == value for name, value in wanted.items())
    ]


def _nothing_done(folder: SweepFolder, failures: Sequence[dict[str, Any]]) -> str:
    if failures:
        first = failures[0]["error"]
        return f"{folder.path}: all {len(failures)} fits failed. First error: {first}"
    return f"{folder.path}: no fit is done yet: run the sweep, or the commands of its task list"


def _choice_json(choice: Choice) -> dict[str, Any]:
    return {
        "session": choice.session,
        "method": choice.way.method,
        "settings": choice.way.values,
        "validation_r2": choice.validation_r2,
        "r2": choice.r2,
        "seed_sd": choice.seed_sd,
        "seeds": choice.n_seeds,
        "interval95": choice.interval95,
        "control_r2": choice.control_r2,
    }


def _choice_table(choices: Sequence[Choice]) -> _Table:
    rows = [
        (
            choice.session,
            choice.way.method,
            choice.way.shown or "–",
            _number(choice.validation_r2),
            _number(choice.r2),
            f"{_number(choice.seed_sd)} ({choice.n_seeds})",
            " to ".join(_number(each) for each in choice.interval95),
            _number(choice.control_r2),
        )
        for choice in choices
    ]
    columns = (
        "session", "method", "settings", "validation", "held out",
        "SD over seeds (number of seeds)", "95 % interval", "control",
    )  # fmt: skip
    return _Table(
        "Best method and settings for each session (highest validation R²)", columns, rows, 5
    )


def _way_table(sessions: Sessions) -> _Table:
    rows = []
    for way, (validation, held_out) in [*complete_ways(sessions).items()][:_MOST_WAYS]:
        scores = (_number(float(validation.mean())), f"{mean_of(held_out):.3f}")
        rows.append((way.method, way.readout, way.shown or "–", *scores))
    columns = ("method", "readout", "settings", "validation", "held out (95 % interval)")
    title = (
        f"All methods and settings: mean R² over {len(sessions)} sessions, best validation first"
    )
    note = f"{title} (at most {_MOST_WAYS} rows; only those that all sessions have)"
    return _Table(note, columns, rows, 2)


def _failure_table(failures: Sequence[dict[str, Any]]) -> _Table:
    rows = [
        (f"{each['session']} {each['area']}", each["method"], each["settings"], str(each["seed"]),
         each["error"])
        for each in failures[:_MOST_FAILURES]
    ]  # fmt: skip
    title = f"Failed fits: {len(failures)} (at most {_MOST_FAILURES} rows; full errors: failed/)"
    return _Table(title, ("session", "method", "settings", "seed", "error"), rows, 0)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".replace("-", "−")


def _html(name: str, tables: Sequence[_Table], pictures: Sequence[Picture], n_done: int) -> str:
    best, ways, failures = tables
    body = [_table_html(best), _picture_html(pictures[0]), _table_html(ways)]
    body += [_picture_html(picture) for picture in pictures[1:]]
    if failures.rows:
        body.append(_table_html(failures))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Sweep {escape(name)}'
        f"</title><style>{_STYLE}</style></head><body>\n<h1>Sweep {escape(name)}</h1>\n"
        f"<p>{n_done} fits. {_READING}</p>\n{''.join(body)}</body></html>\n"
    )


def _table_html(table: _Table) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    n_words = len(table.columns) - table.n_numbers
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{' class=number' if index >= n_words else ''}>{escape(cell)}</td>"
            for index, cell in enumerate(row)
        )
        + "</tr>\n"
        for row in table.rows
    )
    return f"<h2>{escape(table.title)}</h2>\n<table><tr>{head}</tr>\n{rows}</table>\n"


def _picture_html(picture: Picture) -> str:
    source = base64.b64encode(picture.png).decode()
    return (
        f'<figure><img alt="{escape(picture.alternative)}" src="data:image/png;base64,{source}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>\n"
    )
