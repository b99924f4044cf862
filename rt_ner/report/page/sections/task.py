"""Show how the task went: block by block, and target by target."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rt_ner.report.figures.courses import Courses
from rt_ner.report.figures.reaches import direction_deg, paths, targets_of
from rt_ner.report.page.pieces import clock, figure, number, section, table
from rt_ner.report.reading.session import Session
from rt_ner.report.reading.task import Task
from rt_ner.task.scores import BlockScore, score_block
from rt_ner.task.settings import Layout

_MOST_TARGETS = 40
_HEADS = ("trials", "success (%)", "acquisition time (s, median)", "throughput (bits/s)")
_MORE_HEADS = ("path efficiency", "net bit rate (bits/s)")
_FALSE_CLICKS = "false clicks / min"


def task_section(session: Session, courses: Courses) -> Element:
    """Return the section on the task."""
    task = session.task
    if task is None:
        return section("Task", "No task was recorded.")
    if not task.whole.trials:
        said = f" Its markers tell of {task.n_marked} trials." if task.n_marked else ""
        return section("Task", f"No outcome of a trial was recorded.{said}")
    drawn, n_paths = paths(task.whole.trials)
    shown = f"{n_paths} of {len(task.whole.trials)}" if n_paths < len(task.whole.trials) else "all"
    return section(
        "Task",
        _settings(task),
        figure(courses.trials(task), "Each trial at its end, and the success of each block."),
        table(
            ("block", "bundle", "from", *_HEADS, *_MORE_HEADS, *_click_heads(task)),
            _block_rows(session, task),
            3,
        ),
        "Acquisition time: from the go cue to the last entry into the target, without hold and "
        "click. Throughput is Fitts's, after ISO 9241-9; the net bit rate counts a wrong selection "
        "against a right one. Only successful trials have times, throughput and a path efficiency."
        + (" False clicks: all that did not select the target." if _click_heads(task) else ""),
        figure(
            drawn,
            f"Paths of the cursor from the go cue on, {shown} trials, in the colour of their "
            "target; grey: failures.",
            "square",
        ),
        table(("target", *_HEADS), _target_rows(task), 1),
    )


def _settings(task: Task) -> str:
    settings = task.settings
    if settings is None:
        return "The task's settings were not recorded, so the bit rate is not known."
    shown = f"targets of {settings.target_radius_cm:g} cm radius"
    if settings.layout is Layout.GRID:
        cell_cm = settings.workspace_cm / settings.grid_side
        shown = f"{settings.grid_side} × {settings.grid_side} cells of {cell_cm:.2g} cm"
    hold = f"hold {settings.target_hold_ms:g} ms"
    return (
        f"Layout {settings.layout}, {shown}, {'by clicks' if settings.is_by_click else hold}, time "
        f"limit {settings.timeout_s:g} s, assistance {100 * settings.assist:g} %."
    )


def _click_heads(task: Task) -> list[str]:
    """Return the headings of what only a selection by clicks has."""
    return [_FALSE_CLICKS] if task.settings and task.settings.is_by_click else []


def _block_rows(session: Session, task: Task) -> Iterator[list[str]]:
    for name, block in [
        *((str(n), one) for n, one in enumerate(task.blocks, 1)),
        ("all", task.whole),
    ]:
        decoder = str(block.decoder) if session.timing and name != "all" else "–"
        begin_s = (block.trials[0].go_ns - session.begin_ns) / 1e9
        false_clicks = [number(block.false_clicks_per_min) for _ in _click_heads(task)]
        more = [number(block.score.path_efficiency), number(block.bit_rate_bps), *false_clicks]
        yield [name, decoder, clock(begin_s), *_scores(block.score), *more]


def _target_rows(task: Task) -> Iterator[list[str]]:
    by_target = targets_of(task.whole.trials)
    for target, trials in list(by_target.items())[:_MOST_TARGETS]:
        x, y = (round(each, 1) + 0.0 for each in (target.x, target.y))
        place = f"{x:.1f}, {y:.1f} cm ({direction_deg(target):.0f}°)"
        yield [place.replace("-", "−"), *_scores(score_block(trials))]
    if len(by_target) > _MOST_TARGETS:
        yield [f"and {len(by_target) - _MOST_TARGETS} more targets", "", "", "", ""]


def _scores(score: BlockScore) -> list[str]:
    return [
        str(score.trials),
        number(100 * score.success_rate, ".0f"),
        number(score.acquire_s_median),
        number(score.throughput_bps),
    ]
