"""Show a transfer as a table or as JSON."""

from dataclasses import asdict

from rich.table import Table

from offline_training.compare.report.tables import shown
from offline_training.transfer.matching.matching import Matching
from offline_training.transfer.results import TRANSFER, Curve, Point


def curve_json(curve: Curve) -> dict[str, object]:
    """Return the results as JSON values."""
    days = curve.days
    return {
        "from": days.known,
        "to": days.target.session.name,
        "area": days.target.session.area,
        "full_r2": curve.full_r2,
        "match": _match_json(curve),
        "curve": [asdict(point) for point in curve.points],
    }


def curve_table(curve: Curve) -> Table:
    """Return R² per method (columns) and number of labelled trials (rows)."""
    days = curve.days
    title = f"{days.known} → {days.target.session.name} {days.target.session.area}"
    table = Table(
        title=title,
        title_justify="left",
        caption=f"{curve.kind.capitalize()} R² on held-out trials of the new day; % of the R² of "
        "NER from scratch on all its trials. Controls: random match, shuffled labels",
        caption_justify="left",
    )
    methods = list(dict.fromkeys(point.method for point in curve.points))
    table.add_column("trials")
    for name in (TRANSFER, "control", *methods[1:]):
        table.add_column(name, justify="right")
    for n_trials in sorted({point.trials for point in curve.points}):
        of_trials = {point.method: point for point in curve.points if point.trials == n_trials}
        table.add_row(_trials(n_trials), *_cells(of_trials, methods))
    return table


def match_line(curve: Curve) -> str:
    """Describe the match, and say if decoding without labels can be trusted."""
    matching = curve.matching
    n_source, n_target = _sizes(curve)
    pairs = f"{len(matching.pairs)} pairs among {n_source} and {n_target} units"
    if matching.by_name:
        return f"Match: {pairs}, by name."
    scores = f"score {matching.score:.1f}, by chance up to {matching.chance.max():.1f}"
    if matching.is_real:
        return f"Match: {pairs}, by their firing ({scores})."
    return f"Match: {pairs}, no better than chance ({scores}): don't trust the label-free row."


def _match_json(curve: Curve) -> dict[str, object]:
    matching: Matching = curve.matching
    n_source, n_target = _sizes(curve)
    return {
        "pairs": len(matching.pairs),
        "units_a": n_source,
        "units_b": n_target,
        "by_name": matching.by_name,
        "score": None if matching.by_name else matching.score,
        "chance_max": None if matching.by_name else float(matching.chance.max()),
        "is_real": matching.is_real,
    }


def _sizes(curve: Curve) -> tuple[int, int]:
    source, target = (
        len(day.session.channel_ids) for day in (curve.days.source, curve.days.target)
    )
    return source, target


def _cells(of_trials: dict[str, Point], methods: list[str]) -> list[str]:
    control = of_trials[TRANSFER].shuffled_r2
    scores = [_score(of_trials.get(method)) for method in methods]
    return [scores[0], "–" if control is None else shown(control), *scores[1:]]


def _score(point: Point | None) -> str:
    if point is None:
        return "–"
    return f"{shown(point.r2)}  {100 * point.relative:3.0f} %".replace("-", "−")


def _trials(n_trials: int) -> str:
    return str(n_trials) if n_trials else "0, no labels"
