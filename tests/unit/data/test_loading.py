"""Loading and saving: endings, missing packages, short reprs and the documented examples."""

import doctest
import sys
from pathlib import Path

import numpy as np
import pytest

from rt_ner.core.errors import SessionError
from rt_ner.data import loading
from rt_ner.data.loading import load_recording, load_session, save_session
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session import session as session_module
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.data.session.trials import Trials

MS = 1_000_000


def reaches(n_trials: int = 5, count: int = 1, kinematics_from: int = 0) -> Session:
    """Trials of one second each, in bins of 10 ms with ``count`` spikes per channel."""
    start_ns = np.arange(n_trials, dtype=np.int64) * 1000 * MS
    n_bins = 100 * n_trials
    return Session(
        name="day1",
        area="M1",
        channel_ids=("a", "b"),
        spikes=SpikeCounts(np.full((n_bins, 2), count, dtype=np.uint8), 10 * MS),
        behaviour=Behaviour(
            (np.arange(1, n_bins + 1, dtype=np.int64) + kinematics_from) * 10 * MS,
            np.ones((n_bins, 2)),
        ),
        trials=Trials(
            start_ns,
            start_ns + 100 * MS,
            start_ns + 1000 * MS,
            90.0 * np.arange(n_trials),
            np.zeros((n_trials, 2)),
        ),
    )


@pytest.mark.parametrize("module", [loading, session_module])
def test_the_documented_examples_hold(module: object) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize("name", ["day1.npz", "day1.nwb", "DAY1.NPZ"])
def test_a_session_is_saved_by_its_ending(name: str, tmp_path: Path) -> None:
    if name.endswith("nwb"):
        pytest.importorskip("pynwb")
    session = reaches()
    save_session(session, f"{tmp_path}/{name}")
    assert load_session(f"{tmp_path}/{name}", "M1").sha256 == session.sha256


@pytest.mark.parametrize("name", ["day1", "day1.mat", "day1.xdf"])
def test_other_endings_are_not_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(SessionError, match=r"expected a name that ends in \.npz or \.nwb"):
        save_session(reaches(), tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("ending", "folder", "package"),
    [
        (".xdf", "xdf", "pyxdf"),
        (".nwb", "nwb", "pynwb"),
        (".mat", "matlab", "pymatreader"),
        (".nev", "blackrock", "neo.rawio"),
    ],
)
def test_a_missing_package_is_named_with_the_remedy(
    ending: str, folder: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(f"rt_ner.data.formats.{folder}")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / f"a{ending}"
    path.write_bytes(bytes(100))
    with pytest.raises(SessionError, match=rf"{package}.*pip install 'rt-ner\[formats\]'"):
        load_recording(path)


def test_reprs_are_short() -> None:
    session = reaches()
    times = np.zeros(1000, dtype=np.int64)
    units = np.zeros(1000, dtype=np.int32)
    spikes = SpikeTimes(times, units, ("a/1",), np.zeros(1, dtype=np.int32), 1)
    assert repr(session) == "<Session day1 M1: 2 channels, 5 trials, 5 s>"
    assert repr(session.spikes) == "<SpikeCounts: 2 channels, 500 bins of 10 ms, 1,000 spikes>"
    assert repr(spikes) == "<SpikeTimes: 1 channels, 1 units, 1,000 spikes>"
    assert repr(session.behaviour) == "<Behaviour vx, vy: 500 samples from 0 s to 5 s>"
    assert repr(session.trials) == "<Trials: 5 reaches in 5 directions, 5 s>"


def test_the_repr_of_a_recording_names_missing_parts() -> None:
    whole = RecordingFile.of_session(reaches(), ("M1", "PMd"))
    assert repr(whole) == "<RecordingFile day1 M1: 2 channels, behaviour, 5 trials, 5 s>"
    assert (
        repr(RecordingFile("day1", areas=()))
        == "<RecordingFile day1: no spikes, no behaviour, no trials, 0 s>"
    )


def test_nothing_is_missing_in_a_whole_session() -> None:
    assert reaches().missing_for_training() == []
    assert RecordingFile.of_session(reaches(), ()).missing_for_training() == []


@pytest.mark.parametrize(
    ("session", "reason"),
    [
        (reaches(n_trials=4), "too few trials: 4, at least 5 are needed"),
        (reaches(count=0), "no spikes: all channels are silent"),
        (reaches(kinematics_from=10_000), "no behaviour within the trials"),
    ],
)
def test_reasons_against_training_are_given(session: Session, reason: str) -> None:
    (missing,) = session.missing_for_training()
    assert missing.startswith(reason)
    assert RecordingFile.of_session(session, ()).missing_for_training() == [missing]


def test_parts_that_do_not_fit_are_a_reason_too() -> None:
    whole = reaches()
    recording = RecordingFile(
        "day1", ("M1",), ("a", "a"), whole.spikes, whole.behaviour, whole.trials
    )
    assert recording.missing_for_training() == [
        "channel ids repeat: every channel needs an id of its own"
    ]
