"""The worked examples of CONTRIBUTING.md: a reader and a method."""

from pathlib import Path

import numpy as np
import pytest
import torch

import rt_ner
from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from offline_training.methods.method import FitContext
from rt_ner.core.errors import SessionError
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import build_dataset
from rt_ner.offline.scores import r2_score
from tests.helpers.code_blocks import shown_module

BIN_NS = 30_000_000


def table(path: Path, n_rows: int, heading: str = "end_s,vx,vy,elec001,elec002") -> Path:
    row = np.arange(n_rows)
    rows = np.stack([0.03 * (row + 1), row % 7, row % 5, row % 3, row % 2], axis=1)
    np.savetxt(path, rows, delimiter=",", header=heading, comments="")
    return path


def test_the_reader_reads_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = shown_module("Add a reader", monkeypatch)
    monkeypatch.setattr("rt_ner.data.loading.reader_for", lambda *_: shown.read)
    monkeypatch.setattr("rt_ner.data.loading.check_ending", lambda _: None)
    path = table(tmp_path / "day1.csv", 2000)
    session = rt_ner.load_session(path)
    assert session.channel_ids == ("elec001", "elec002")
    assert session.spikes.bin_ns == BIN_NS
    np.testing.assert_array_equal(session.behaviour.values[:7, 0], np.arange(7))
    assert session.behaviour.time_ns[0] == BIN_NS
    with pytest.raises(SessionError, match="no area 'M1'"):
        rt_ner.load_recording(path, area="M1")


@pytest.mark.parametrize(("n_rows", "heading"), [(1, "end_s,vx,vy,a,b"), (9, "t,vx,vy,a,b")])
def test_the_reader_refuses_what_is_no_table(
    n_rows: int, heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = shown_module("Add a reader", monkeypatch)
    with pytest.raises(SessionError, match="expected end_s, vx, vy"):
        shown.read(table(tmp_path / "day1.csv", n_rows, heading), None)


def test_the_method_decodes_velocity(monkeypatch: pytest.MonkeyPatch) -> None:
    method = shown_module("Add a method", monkeypatch).NEWEST_BIN
    session = simulate_session(3, TaskSettings(n_trials=24), ArraySettings(n_electrodes=32))
    dataset = build_dataset(session, WindowShape(hop_ns=BIN_NS, bin_ns=BIN_NS, history_bins=6))
    is_train = dataset.labels.trial < 18
    context = FitContext(0, torch.device("cpu"), BIN_NS, lambda _: None)
    fitted = method.fit(dataset.where(is_train), context)
    held_out = dataset.where(~is_train)
    assert method.direct
    assert r2_score(held_out.labels.values, fitted(held_out)) > 0.2
