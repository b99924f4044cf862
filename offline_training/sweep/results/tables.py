"""Collect the results of a sweep into Parquet tables.

``scores.parquet`` depends on the fits alone, whatever their order, the interruptions and the
workers: the same fits give the same bytes. All that differs from run to run is in ``runs.parquet``.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from offline_training.sweep.results.folder import Record, SweepFolder
from rt_ner.core.atomic_files import replace_file

SCORES, RUNS = "scores.parquet", "runs.parquet"
_FIT_COLUMNS = (
    "session", "area", "method", "seed", "control", "validation", "method_version",
    "scoring_version", "session_sha256",
)  # fmt: skip
# Sums over trials are for the report's intervals; they stay in the files of the fits.
_NOT_IN_TABLE = ("trials",)
_SETTING = "settings."
# Stated, for a column of a small table may hold nothing.
_SCORE_TYPES = {
    "readout": pa.string(), "dims": pa.int64(), "causal": pa.bool_(), "r2": pa.float64(),
    "path_r2": pa.float64(), "direction_acc": pa.float64(), "shuffled_r2": pa.float64(),
    "train_r2": pa.float64(), "train_path_r2": pa.float64(), "swapped_r2": pa.float64(),
    "decodes": pa.string(), "validation_r2": pa.float64(),
}  # fmt: skip
Table = dict[str, list[Any]]


def collect(folder: SweepFolder) -> int:
    """Write both tables from the results on disk; return the number of fits in them."""
    records = [*folder.records()]
    rows = sorted(_score_rows(records), key=_order)
    _write(folder, SCORES, _columns(rows))
    runs = [_run_row(key, record, "done") for key, record in records]
    runs += [_run_row(key, record, "failed") for key, record in folder.records("failed")]
    _write(folder, RUNS, _columns(sorted(runs, key=lambda row: str(row["key"]))))
    return len(records)


def read_scores(folder: SweepFolder) -> list[dict[str, Any]]:
    """Return the rows of the table of scores; settings are columns named ``settings.…``."""
    rows: list[dict[str, Any]] = pq.read_table(folder.path / SCORES).to_pylist()
    return rows


def read_runs(folder: SweepFolder) -> list[dict[str, Any]]:
    """Return the rows of the table of runs."""
    rows: list[dict[str, Any]] = pq.read_table(folder.path / RUNS).to_pylist()
    return rows


def _score_rows(records: Sequence[tuple[str, Record]]) -> Iterator[dict[str, Any]]:
    for key, record in records:
        fit = record["fit"]
        settings = {f"{_SETTING}{name}": value for name, value in fit["settings"].items()}
        for row in record["rows"]:
            scores = {name: value for name, value in row.items() if name not in _NOT_IN_TABLE}
            outputs = ",".join(fit["outputs"])
            named = {name: fit[name] for name in _FIT_COLUMNS}
            yield named | {"outputs": outputs} | settings | scores | {"key": key}


def _order(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the place of a row: by names and settings, then by key."""
    settings = {name: value for name, value in row.items() if name.startswith(_SETTING)}
    shown = json.dumps(settings, sort_keys=True)
    named = (row["session"], row["area"], row["method"], shown, f"{row['seed']:09d}")
    return (*map(str, named), row["key"], row["readout"])


def _run_row(key: str, record: Record, state: str) -> dict[str, Any]:
    fit, run = record["fit"], record["run"]
    return {
        "key": key,
        "session": fit["session"],
        "area": fit["area"],
        "method": fit["method"],
        "seed": fit["seed"],
        "settings": json.dumps(fit["settings"], sort_keys=True),
        "state": state,
        "began": run.get("began"),
        "seconds": run.get("seconds"),
        "host": run.get("host"),
        "processor": run.get("processor"),
        "pid": run.get("pid"),
        "versions": json.dumps(run.get("versions", {}), sort_keys=True),
        "error": record.get("error"),
        "traceback": record.get("traceback"),
    }


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, "pa.Array"]:
    """Return columns in the order of their first appearance, but settings in that of names."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    settings = sorted(name for name in names if name.startswith(_SETTING))
    others = [name for name in names if not name.startswith(_SETTING)]
    place = others.index("outputs") + 1 if "outputs" in others else len(others)
    ordered = [*others[:place], *settings, *others[place:]]
    return {name: _array(name, [row.get(name) for row in rows]) for name in ordered}


def _array(name: str, values: list[JsonValue]) -> "pa.Array":
    """Return a column: numbers as such, values of several kinds as JSON."""
    if name in _SCORE_TYPES:
        return pa.array(values, _SCORE_TYPES[name])
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) > 1 and kinds <= {int, float}:
        return pa.array([None if value is None else float(str(value)) for value in values])
    if len(kinds) == 1 and kinds <= {int, float, str, bool}:
        return pa.array(values)
    return pa.array([None if value is None else json.dumps(value) for value in values], pa.string())


def _write(folder: SweepFolder, name: str, columns: Mapping[str, "pa.Array"]) -> None:
    content = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), content)
    replace_file(folder.path / name, content.getvalue())
