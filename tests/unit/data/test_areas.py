"""Several areas of one recording are one session."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rt_ner.core.errors import SessionError
from rt_ner.data import loading
from rt_ner.data.loading import load_session, save_session
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.joined.areas import join_areas
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import build_dataset

MS = 1_000_000


def two_areas(path: Path) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    counts = {
        f"counts_{area}": rng.poisson(1.0, (8, 48, n)).astype(np.uint8)
        for area, n in (("M1", 3), ("PMd", 2))
    }
    np.savez(
        path, **counts, velocity=rng.normal(size=(8, 40, 2)),
        direction_deg=np.arange(8) * 45.0, bin_s=0.03, pad_bins=4,
    )  # fmt: skip
    return counts


@pytest.mark.parametrize("area", ["M1,PMd", "all", "M1, PMd,"])
def test_areas_are_read_side_by_side(tmp_path: Path, area: str) -> None:
    counts = two_areas(tmp_path / "day1.npz")
    session = load_session(tmp_path / "day1.npz", area)
    assert session.area == "M1,PMd"
    assert session.channel_ids == ("M1-001", "M1-002", "M1-003", "PMd-001", "PMd-002")
    assert isinstance(session.spikes, SpikeCounts)
    expected = np.concatenate([counts["counts_M1"], counts["counts_PMd"]], axis=2).reshape(-1, 5)
    np.testing.assert_array_equal(session.spikes.counts, expected)
    assert len(session.trials) == 8


def test_each_area_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_areas(tmp_path / "day1.npz")
    read: list[str | None] = []
    load = loading.load_recording

    def counted(path: Path, area: str | None, *more: object) -> RecordingFile:
        read.append(area)
        return load(path, area, *more)

    monkeypatch.setattr(loading, "load_recording", counted)
    for area, names in (("all", [None, "PMd"]), ("M1,PMd", [None, "PMd"]), ("PMd", ["PMd"])):
        read.clear()
        load_session(tmp_path / "day1.npz", area)
        assert read == names


def test_what_was_joined_can_be_saved(tmp_path: Path) -> None:
    two_areas(tmp_path / "day1.npz")
    session = load_session(tmp_path / "day1.npz", "PMd,M1")
    save_session(session, tmp_path / "both.npz")
    assert load_session(tmp_path / "both.npz").sha256 == session.sha256
    assert load_session(tmp_path / "both.npz", "PMd,M1").sha256 == session.sha256
    with pytest.raises(SessionError, match="no area 'S1': this session holds M1, PMd"):
        load_session(tmp_path / "day1.npz", "M1,S1")


def test_spike_times_of_areas_are_merged_in_order(small_session: Session) -> None:
    other = replace(small_session, area="PMd")
    both = join_areas([small_session, other])
    assert len(both.channel_ids) == len(set(both.channel_ids)) == 192
    assert both.channel_ids[0] == f"M1/{small_session.channel_ids[0]}"
    shape = WindowShape(hop_ns=10 * MS, bin_ns=30 * MS, history_bins=2)
    alone, joined = (build_dataset(session, shape).windows for session in (small_session, both))
    np.testing.assert_array_equal(joined, np.concatenate([alone, alone], axis=2))


def test_areas_of_two_kinds_are_refused(small_session: Session) -> None:
    spikes = SpikeCounts(np.zeros((100, 96), dtype=np.uint8), 30 * MS)
    with pytest.raises(SessionError, match="spike times, others counts"):
        join_areas([small_session, replace(small_session, area="PMd", spikes=spikes)])
