"""Sessions of any continuous behaviour, with or without trials."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rt_ner.core.contract.outputs import MOST_OUTPUTS, VELOCITY_XY, Output, OutputKind
from rt_ner.core.errors import SessionError
from rt_ner.data.loading import load_recording, load_session, save_session
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from tests.helpers.outputs import position_xy

BIN_NS, S = 50_000_000, 1_000_000_000


def continuous(
    seconds: int = 60, outputs: tuple[Output, ...] = position_xy("cursor"), seed: int = 0
) -> Session:
    rng = np.random.default_rng(seed)
    n_bins = seconds * 20
    values = np.cumsum(rng.normal(size=(n_bins, len(outputs))), axis=0)
    return Session(
        name="day1",
        area="M1",
        channel_ids=("a", "b"),
        spikes=SpikeCounts(rng.poisson(1.0, (n_bins, 2)).astype(np.uint8), BIN_NS),
        behaviour=Behaviour(np.arange(n_bins, dtype=np.int64) * BIN_NS, values, outputs),
    )


@pytest.mark.parametrize(("seconds", "n_blocks"), [(20, 20), (60, 20), (200, 20), (1200, 120)])
def test_without_trials_the_recording_is_cut_into_blocks(seconds: int, n_blocks: int) -> None:
    session = continuous(seconds)
    trials = session.trials
    assert trials.are_blocks
    assert len(trials) == n_blocks
    np.testing.assert_array_equal(trials.start_ns[1:], trials.end_ns[:-1])
    assert (trials.start_ns[0], trials.end_ns[-1]) == (0, (seconds * 20 - 1) * BIN_NS)
    assert session.missing_for_training() == []
    assert (
        repr(session) == f"<Session day1 M1: 2 channels, {n_blocks} blocks, {seconds - 0.05:.0f} s>"
    )


def test_blocks_lie_where_both_were_recorded() -> None:
    whole = continuous(60)
    early = SpikeCounts(whole.spikes.counts[:800], BIN_NS)
    assert Session("day1", "M1", ("a", "b"), early, whole.behaviour).end_ns == 40 * S
    late = replace(whole.behaviour, time_ns=whole.behaviour.time_ns + 100 * S)
    with pytest.raises(SessionError, match="not recorded at the same time"):
        Session("day1", "M1", ("a", "b"), whole.spikes, late)


@pytest.mark.parametrize(
    "outputs",
    [
        VELOCITY_XY,
        position_xy(),
        (Output("grip", "N", OutputKind.FORCE),),
        (*VELOCITY_XY, *position_xy("hand"), Output("elbow", "deg", OutputKind.ANGLE)),
    ],
)
def test_a_session_comes_back_as_it_was_saved(tmp_path: Path, outputs: tuple[Output, ...]) -> None:
    session = continuous(30, outputs)
    save_session(session, tmp_path / "day1.npz")
    back = load_session(tmp_path / "day1.npz")
    assert back.behaviour.outputs == outputs
    np.testing.assert_array_equal(back.behaviour.values, session.behaviour.values)
    assert back.trials.are_blocks
    assert back.sha256 == session.sha256


def test_sessions_differ_by_what_they_hold() -> None:
    sessions = [continuous(30), continuous(30, VELOCITY_XY), continuous(30, position_xy("hand"))]
    hashes = {session.sha256 for session in sessions}
    assert len(hashes) == 3


def test_some_outputs_are_taken_by_name() -> None:
    outputs = (*VELOCITY_XY, *position_xy("hand"))
    session = continuous(30, outputs)
    chosen = session.only(["hand_y", "vx"])
    assert [output.name for output in chosen.behaviour.outputs] == ["hand_y", "vx"]
    np.testing.assert_array_equal(chosen.behaviour.values, session.behaviour.values[:, [3, 0]])
    assert session.only([output.name for output in outputs]) is session
    with pytest.raises(
        SessionError, match=r"no output 'hand_z': this session holds vx, vy, hand_x"
    ):
        session.only(["hand_z"])


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([], f"0 outputs: expected 1 to {MOST_OUTPUTS}"),
        ([f"q{k}" for k in range(MOST_OUTPUTS + 1)], f"{MOST_OUTPUTS + 1} outputs"),
        (["a", "a"], "give each a name of its own"),
        (["a", ""], "give each a name of its own"),
    ],
)
def test_outputs_must_have_names_of_their_own(names: list[str], reason: str) -> None:
    outputs = tuple(Output(name, "cm", OutputKind.POSITION) for name in names)
    with pytest.raises(SessionError, match=reason):
        Behaviour(np.arange(3, dtype=np.int64), np.zeros((3, len(names))), outputs)


def arrays(**changes: object) -> dict[str, object]:
    rng = np.random.default_rng(0)
    usual = {
        "counts": rng.poisson(1.0, (600, 3)).astype(np.uint8),
        "bin_s": 0.05,
        "cursor_cm": rng.normal(size=(600, 2)).astype(np.float32),
        "force": rng.normal(size=600),
        "channel": np.array(["01", "02", "07"]),
        "trial_start_s": np.arange(3.0),
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def test_the_continuous_layout_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "wrist.npz", **arrays())
    recording = load_recording(tmp_path / "wrist.npz")
    session = recording.session()
    assert session.channel_ids == ("elec001", "elec002", "elec007")
    named = [(output.name, output.unit) for output in session.behaviour.outputs]
    assert named == [("cursor_x", "cm"), ("cursor_y", "cm"), ("force_x", "a.u.")]
    assert session.behaviour.time_ns[:2].tolist() == [0, BIN_NS], "stamped at the bin's start"
    assert session.trials.are_blocks
    assert "the whole recording is used" in recording.missing["trials"]
    assert load_session(tmp_path / "wrist.npz", "array").sha256 == session.sha256


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"cursor_cm": np.zeros((599, 2))}, "cursor_cm has 599 rows, counts has 600 bins"),
        ({"counts": np.zeros((600, 3, 2), np.uint8)}, r"expected \(bin, channel\)"),
        ({"counts": np.full((600, 3), 0.5)}, "can't be spike counts"),
        ({"cursor_cm": np.full((600, 2), np.nan)}, "600 NaN"),
        ({"cursor_cm": None, "force": None}, "not a session"),
    ],
)
def test_a_damaged_one_is_refused(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    np.savez(tmp_path / "wrist.npz", **arrays(**changes))
    with pytest.raises(SessionError, match=reason):
        load_session(tmp_path / "wrist.npz")
    with pytest.raises(
        SessionError, match="does not name areas|not a session|rows|shape|counts|NaN"
    ):
        load_session(tmp_path / "wrist.npz", "M1")
