"""Progress: readable at 80 columns, and plain lines where there is no terminal."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from rt_ner.terminal.bars import Bars
from rt_ner.terminal.progress import (
    Bar,
    FitProgress,
    Forecast,
    PlainLines,
    StageProgress,
    clock,
    no_progress,
    show_fits,
    show_progress,
)

NARROWEST_BAR = 15
BAR = "━╸╺"


def drawn(show: Callable[[Bars], object], width: int = 80) -> list[str]:
    console = Console(
        width=width, file=io.StringIO(), force_terminal=True, color_system=None, highlight=False
    )
    bars = Bars(console)
    show(bars)
    with console.capture() as capture:
        console.print(bars.progress.get_renderable())
    return capture.get().splitlines()


def bar_width(line: str) -> int:
    return sum(line.count(character) for character in BAR)


@pytest.mark.parametrize("width", [80, 100, 200])
def test_nothing_is_cut_and_the_bar_is_wide_enough(width: int) -> None:
    def show(bars: Bars) -> None:
        shown = StageProgress(bars, "R²")
        shown("training", 1.0, 0.912)
        shown("control", 1.0)

    first, second = drawn(show, width)
    assert first.split()[0] == "training"
    assert "100 %" in first
    assert "R² 0.912" in first
    assert second.split()[0] == "control"
    for line in (first, second):
        assert "…" not in line
        assert len(line) <= width
        assert bar_width(line) >= NARROWEST_BAR


def test_a_long_stage_goes_on_in_the_next_line() -> None:
    def show(bars: Bars) -> None:
        fits = FitProgress(bars, {"cebra-16": 400, "ner": 400})
        fits.begins_fit("cebra-16", "monkey_J_2015-03-11, seed 1 of 3: cebra-16 control")
        fits.goes_on(0.999)

    lines = drawn(show)
    text = " ".join(line.split("  ")[0].strip() for line in lines)
    assert text.startswith("monkey_J_2015-03-11, seed 1 of 3: cebra-16 control")
    assert "fit 1/800" in lines[0]
    assert all("…" not in line and len(line) <= 80 for line in lines)


def test_the_longest_times_leave_the_bar_its_width() -> None:
    left = "over 10:20:30 left"
    bar = Bar("fits", "monkey_J_2015-03-11: cebra-16", 1.0, "", "fit 800/800", lambda: left)
    (first, *_) = drawn(lambda bars: bars.show(bar))
    assert bar_width(first) >= NARROWEST_BAR
    unfinished = Bar("fits", "monkey_J_2015-03-11: cebra-16", 0.5, "", "fit 800/800", lambda: left)
    (first, *_) = drawn(lambda bars: bars.show(unfinished))
    assert left in first
    assert "fit 800/800" in first


def test_a_stage_keeps_its_bar_and_a_new_one_gets_another() -> None:
    def show(bars: Bars) -> None:
        shown = StageProgress(bars)
        for stage, fraction in (("training", 0.1), ("training", 1.0), ("control", 0.2)):
            shown(stage, fraction)

    lines = drawn(show)
    assert [line.split()[0] for line in lines] == ["training", "control"]
    assert "100 %" in lines[0]
    assert "20 %" in lines[1]


def test_messages_are_not_wrapped() -> None:
    console = Console(width=80, file=io.StringIO(), color_system=None)
    with console.capture() as capture:
        StageProgress(Bars(console)).warn("x" * 200)
    assert capture.get() == f"warning: {'x' * 200}\n"


def test_lines_at_stage_changes_only(capsys: pytest.CaptureFixture[str]) -> None:
    shown = StageProgress(PlainLines(), "R²")
    for fraction in (0.0, 0.2, 0.7, 1.0, 1.0):
        shown("training", fraction, None if fraction < 0.5 else 0.9)
    shown("control", 0.3)
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.splitlines() == [
        "training",
        "training: done in 0:00, R² 0.900",
        "control",
    ]


def test_a_line_per_fit(capsys: pytest.CaptureFixture[str]) -> None:
    with show_fits({"ner": 2}) as fits:
        fits.tell("warning: few trials")
        for seed in (1, 2):
            fits.begins_fit("ner", f"day1, seed {seed}: ner")
            fits.goes_on(0.5)
            fits.ends()
    lines = capsys.readouterr().err.splitlines()
    assert lines[:3] == [
        "warning: few trials",
        "day1, seed 1: ner (fit 1/2)",
        "day1, seed 2: ner (fit 2/2)",
    ]
    assert len(lines) == 4
    assert lines[3] == "all fits: done in 0:00"


def test_progress_is_what_a_callback_may_be() -> None:
    seen: list[tuple[str, float, float | None]] = []

    def job(progress: Callable[[str, float, float | None], None]) -> None:
        progress("training", 0.5, 0.9)

    job(no_progress)
    job(lambda *said: seen.append(said))
    with show_progress() as shown:
        job(shown)
    assert seen == [("training", 0.5, 0.9)]


def test_the_time_left_is_what_the_fits_have_taken() -> None:
    now_s = 0.0
    forecast = Forecast({"latents": 4, "direct": 4}, lambda: now_s)
    assert forecast.left() == (0.0, ("latents", "direct"))
    assert forecast.text() == ""
    forecast.begins("latents")
    now_s = 5.0
    forecast.goes_on(0.5)
    assert forecast.left() == (35.0, ("direct",))
    assert forecast.text() == "over 0:35 left"
    now_s = 12.0
    forecast.ends()
    assert forecast.left() == (36.0, ("direct",))
    forecast.begins("direct")
    now_s = 13.0
    forecast.ends()
    assert forecast.left() == (36.0 + 3.0, ())
    forecast.begins("direct")
    now_s = 20.0
    assert forecast.left() == (36.0 + 2.0, ())
    assert forecast.text() == "0:38 left"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (65.4, "1:05"), (3599.6, "1:00:00"), (3723, "1:02:03")]
)
def test_durations(seconds: float, text: str) -> None:
    assert clock(seconds) == text
