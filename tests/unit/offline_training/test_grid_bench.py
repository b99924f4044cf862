"""The measurement of selection by clicks: what it simulates, teaches and sums up."""

from types import SimpleNamespace

import numpy as np
import pytest

from drivers.simulated.subject.neurons import made_up
from offline_training.bench.grid import commands
from offline_training.bench.grid.measurement import clicking_session, summary_of
from offline_training.closed_loop.in_process.simulation import Reference, simulate_block
from offline_training.dataset.outputs import with_classes_taught
from rt_ner.core.errors import ConfigError
from rt_ner.offline.classes.hop_classes import classes_of
from rt_ner.task.settings import Layout, Selection, TaskSettings

FEW = made_up(np.random.default_rng(0), n_electrodes=4)
TASK = TaskSettings(layout=Layout.GRID, selection=Selection.CLICK, trials=10)


def test_the_ideal_decoder_selects_cells_by_the_clicks_that_are_meant() -> None:
    found = simulate_block(FEW, Reference.IDEAL, TASK, 1)
    assert found.machine.n_false_clicks == 0
    assert len(found.clicks_ns) == len(found.machine.trials) == 10
    assert found.score.success_rate == 1.0
    hops = np.array(found.clicks_ns) // found.block.hop_ns
    assert (found.click[hops - 1, 0] > 0.5).all()
    pressed, meant = found.click[:, 1] > 0, found.click[:, 0] > 0.5
    assert 0.05 < meant.mean() < 0.5
    assert (pressed[10:] == meant[:-10]).mean() > 0.98, "the hand follows 100 ms later"


def test_without_clicks_to_make_nobody_clicks() -> None:
    found = simulate_block(FEW, Reference.IDEAL, TaskSettings(layout=Layout.GRID, trials=3), 1)
    assert not found.click.any()
    assert not found.clicks_ns


def test_a_calibration_holds_the_button_which_is_taught_beside_the_movement() -> None:
    found = simulate_block(FEW, Reference.HAND, TASK, 1)
    session = clicking_session(found, 5.0)
    assert [output.name for output in session.behaviour.outputs] == ["vx", "vy", "click"]
    classes = classes_of(session, "click", found.block.hop_ns)
    assert classes.names == ("0", "1")
    taught = with_classes_taught(classes.labels, classes)
    added = taught.values[:, -1]
    assert len(np.unique(added)) == 2
    np.testing.assert_array_equal(added > 0, classes.labels.classes == "1")
    assert added.std() == pytest.approx(classes.labels.values.std(), rel=0.01)
    movement = classes_of(session.only(["vx", "vy"]), "movement", found.block.hop_ns)
    assert with_classes_taught(movement.labels, movement) is movement.labels
    with pytest.raises(ConfigError, match="the calibration ended before 600 s"):
        clicking_session(found, 600.0)


def test_the_summary_says_what_is_met() -> None:
    rates = {("NER", "click"): 3.0, ("NER", "dwell"): 2.0}
    rows = [
        {
            "seed": seed,
            "decoder": decoder,
            "selection": selection,
            "bitrate_bps": rates.get((decoder, selection), 4.0) + seed,
            "false_clicks_per_min": 0.5,
        }
        for seed in (0, 1)
        for decoder in ("NER", "ideal")
        for selection in ("dwell", "click")
    ]
    summary = summary_of(rows)
    assert summary["of_ideal"] == pytest.approx(3.5 / 4.5)
    assert (summary["is_rate_met"], summary["are_false_clicks_met"]) == (False, True)
    assert summary["means"]["NER dwell"]["bitrate_bps"] == 2.5


def test_the_table_fits_a_terminal_of_80_characters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    scores = dict.fromkeys(commands._COLUMNS, 12.345)
    names = ("NER dwell", "NER click", "ideal dwell", "ideal click")
    met = {"of_ideal": 0.73, "is_rate_met": False, "are_false_clicks_met": True}
    summary = {"means": dict.fromkeys(names, scores), "false_clicks_per_min": 0.2, **met}
    commands._print(SimpleNamespace(grid_side=30, calibration_s=40.0), 10, summary)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    for name in names:
        (row,) = [line for line in lines if name in line]
        assert row.count("12.3") == 5, "no number is cut"
    for heading in commands._COLUMNS.values():
        assert all(any(word in line for line in lines) for word in heading.split("\n"))
