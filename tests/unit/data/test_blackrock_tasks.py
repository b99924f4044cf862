"""Blackrock files of a task: words as trials, analog inputs as behaviour, files side by side."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rt_ner.core.errors import SessionError
from rt_ner.data.formats.recipe.draft import draft_recipe
from rt_ner.data.loading import load_recording, load_session
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.spikes import SpikeTimes
from rt_ner.data.summary import summary_json, summary_table
from tests.helpers.nev_files import nev, nsx

pytest.importorskip("neo")
TICKS, N_TRIALS, MS = 30_000, 8, 1_000_000
SPIKES = [(300 * k, 1 + k % 2, 0) for k in range(1, 1600)]
# 9 three times, the target, the go cue, a reward in all but every fourth trial, 18.
WORDS = [
    (2 * TICKS * trial + tick, code)
    for trial in range(N_TRIALS)
    for tick, code in (
        (3000, 9), (3015, 9), (3030, 9), (6000, 101 + trial % 4), (9000, 20),
        *([(29_000, 96)] if trial % 4 else []), (30_000, 18),
    )
]  # fmt: skip
RECIPE = """
file = "a.nev"
[markers]
start = 9
go = 20
end = 18
success = 96
[markers.degrees]
101 = 0
102 = 90
103 = 180
104 = 270
"""


def circle(n_samples: int, rate_hz: float, radius: float = 8191) -> np.ndarray:
    angle = np.arange(n_samples) / rate_hz
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def written(folder: Path, recipe: str, **files: bytes) -> RecordingFile:
    for ending, content in files.items():
        (folder / f"a.{ending}").write_bytes(content)
    (folder / "recipe.toml").write_text(recipe)
    return load_recording(folder / "recipe.toml")


@pytest.mark.parametrize("upper", [0, 0xFF00])
@pytest.mark.parametrize("port", ["words", "serial"])
def test_words_are_trials_as_a_recipe_says(upper: int, port: str, tmp_path: Path) -> None:
    codes = [(tick, code | upper) for tick, code in WORDS]
    others = {"serial": [(10, 9)]} if port == "words" else {"words": [(10, 9)]}
    stream = "digital" if port == "words" else "serial"
    bits = "bits = 255" if upper else "bits = 0"
    recipe = RECIPE.replace("[markers]\n", f'[markers]\nstream = "{stream}"\n{bits}\n')
    found = written(tmp_path, recipe, nev=nev(["e1", "e2"], SPIKES, **others, **{port: codes}))
    assert found.trials is not None
    won = [trial for trial in range(N_TRIALS) if trial % 4]
    assert (found.trials.start_ns // MS).tolist() == [2000 * trial + 100 for trial in won]
    assert (found.trials.go_ns // MS).tolist() == [2000 * trial + 300 for trial in won]
    assert (found.trials.end_ns // MS).tolist() == [2000 * trial + 1000 for trial in won]
    assert found.trials.direction_deg.tolist() == [90.0 * (trial % 4) for trial in won]
    assert "trials that failed, left out: 2" in found.warnings


def test_comments_are_markers_in_any_alphabet(tmp_path: Path) -> None:
    comments = [
        (TICKS * (2 * trial + at), text)
        for trial in range(3)
        for at, text in ((0, f"Début {trial}"), (1, "終わり"))
    ]
    recipe = 'file = "a.nev"\n[markers]\nstart = "Début {number}"\nend = "終わり"\n'
    found = written(tmp_path, recipe, nev=nev(["e1", "e2"], SPIKES, WORDS, comments))
    assert found.trials is not None
    assert (found.trials.end_ns // MS).tolist() == [1000, 3000, 5000]


def test_inspect_lists_words_and_inputs(tmp_path: Path) -> None:
    comments = [(5, "monkey drinks")]
    (tmp_path / "a.nev").write_bytes(nev(["e1", "e2"], SPIKES, WORDS, comments, [(7, 300)]))
    inputs = nsx(["ainp1", "ainp2"], circle(2000, 1000), 30)
    (tmp_path / "a.ns2").write_bytes(inputs)
    recording = load_recording(tmp_path / "a.nev")
    assert "NS2: 2 channels, 1000 Hz (ainp1 in mV, ainp2 in mV)" in recording.contents
    assert summary_json(recording)["markers"] == {
        "comments": {"monkey drinks": 1},
        "serial": {"300": 1},
        "digital": {"9": 24, "20": 8, "18": 8, "96": 6, "101": 2, "102": 2, "103": 2, "104": 2},
    }
    rows = list(summary_table(recording, tmp_path).columns[1].cells)
    assert "serial: 300 (×1)" in rows
    assert recording.behaviour is None
    assert all("recipe" in recording.missing[part] for part in ("behaviour", "trials"))


def test_what_the_file_lacks_is_named_with_what_it_holds(tmp_path: Path) -> None:
    files = {
        "nev": nev(["e1", "e2"], SPIKES, WORDS),
        "ns2": nsx(["ainp1"], circle(9, 9)[:, :1], 30),
    }
    with pytest.raises(
        SessionError, match=r"no marker '8' \(start\) in this file; it holds: 9 \(×24\)"
    ):
        written(tmp_path, RECIPE.replace("start = 9", "start = 8"), **files)
    outputs = '[[outputs]]\nchannels = ["ainp1", "ainp7"]\n'
    with pytest.raises(
        SessionError, match=r"no NSx file holds all of 'ainp1', 'ainp7'; there is NS2"
    ):
        written(tmp_path, RECIPE + outputs, **files)


@pytest.mark.parametrize("name", ["a", "a.nev", "a.ns2", "a.ns5"])
def test_any_name_of_a_recording_finds_all_of_its_files(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.nev").write_bytes(nev(["e1", "e2"], SPIKES, WORDS))
    (tmp_path / "a.ns2").write_bytes(nsx(["hand_x", "hand_y"], circle(16_000, 1000), 30, "mm"))
    (tmp_path / "a.ns5").write_bytes(nsx(["e1"], np.zeros((480_000, 1))))
    session = load_session(tmp_path / name)
    assert isinstance(session.spikes, SpikeTimes)
    assert session.spikes.time_ns.size == len(SPIKES)
    assert len(session.behaviour.time_ns) == 16_000
    recipe = RECIPE.replace("a.nev", name)
    (tmp_path / "recipe.toml").write_text(recipe)
    assert len(load_session(tmp_path / "recipe.toml").trials) == 6


LABELS = {
    ("HandX", "HandY"): "position", ("posx", "posy"): "position", ("X", "Y"): "position",
    ("cursor_x", "cursor_y"): "position", ("Joystick X", "Joystick Y"): "position",
    ("vx", "vy"): "velocity", ("x_vel", "y_vel"): "velocity", ("handVelX", "handVelY"): "velocity",
    ("eye_x", "eye_y"): None, ("target_pos_x", "target_pos_y"): None, ("ainp1", "ainp2"): None,
    ("ex1", "ey1"): None,
}  # fmt: skip


@pytest.mark.parametrize("labels", LABELS)
def test_a_movement_is_found_by_the_words_of_its_labels(
    labels: tuple[str, str], tmp_path: Path
) -> None:
    # 8191 stands for 50 mm or mm/s: a circle with a radius of 5 cm, once in 2π s.
    values = circle(3000, 1000)
    path = tmp_path / "a.ns2"
    path.write_bytes(nsx(["touch", *labels], np.column_stack([values[:, 0], values]), 30, "mm", 50))
    behaviour = load_recording(path).behaviour
    assert (behaviour is None) == (LABELS[labels] is None)
    if behaviour is not None:
        speed = np.hypot(*behaviour.values[5:-5].T)
        np.testing.assert_allclose(speed.mean(), 5.0, rtol=1e-3)
        is_velocity = LABELS[labels] == "velocity"
        assert behaviour.values[5, 0] == pytest.approx(5.0 if is_velocity else 0.0, abs=1.5)


def test_a_hand_goes_before_other_movements_and_a_velocity_before_a_position(
    tmp_path: Path,
) -> None:
    labels = ["x", "y", "cursor_x", "cursor_y", "hand_x", "hand_y"]
    values = np.zeros((2000, 6))
    values[:, 4] = np.arange(2000)
    (tmp_path / "a.ns3").write_bytes(nsx(labels, values, 15))
    recording = load_recording(tmp_path / "a.ns3")
    assert recording.behaviour is not None
    assert recording.behaviour.values[5, 0] > 0
    assert "velocity is the derivative of hand_x and hand_y" in recording.warnings
    (tmp_path / "a.ns3").write_bytes(nsx([*labels[:-2], "vx", "vy"], values, 15))
    assert not any("derivative" in text for text in load_recording(tmp_path / "a.ns3").warnings)


def test_inputs_beside_broadband_are_no_electrodes_and_are_averaged(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = np.column_stack([circle(90_000, 30_000), rng.normal(0, 10, (90_000, 2))])
    values[70_000, 2] = -500
    labels = ["hand_x", "hand_y", "e1", "ainp3"]
    (tmp_path / "a.ns5").write_bytes(nsx(labels, values, 1, "cm", 5))
    recording = load_recording(tmp_path / "a.ns5")
    assert recording.channel_ids == ("e1",)
    assert recording.behaviour is not None
    assert len(recording.behaviour.time_ns) == 3000
    assert "analog inputs at 30000 Hz, averaged to 1000 Hz" in recording.warnings
    # The middle of the ends of 30 samples, and the velocity of the circle there.
    assert recording.behaviour.time_ns[0] == pytest.approx(15.5 / 30_000 * 1e9, abs=1)
    assert recording.behaviour.values[1500] == pytest.approx(
        [-5 * np.sin(1.5), 5 * np.cos(1.5)], abs=0.05
    )


OUTPUTS = """
[[outputs]]
channels = ["ainp2", "ainp1"]
scale = 0.02
unit = "mm/s"
[[outputs]]
channels = ["grip"]
names = ["force"]
kind = "force"
unit = "N"
"""


def test_a_recipe_names_the_inputs_their_scale_and_unit(tmp_path: Path) -> None:
    values = np.column_stack([circle(2000, 1000), np.full(2000, 8191)])
    files = {
        "nev": nev(["e1", "e2"], SPIKES, WORDS),
        "ns2": nsx(["ainp1", "ainp2", "grip"], values, 30),
    }
    found = written(tmp_path, RECIPE + OUTPUTS, **files)
    assert found.behaviour is not None
    assert [tuple(map(str, one)) for one in found.behaviour.outputs] == [
        ("vx", "cm/s", "velocity"), ("vy", "cm/s", "velocity"), ("force", "N", "force"),
    ]  # fmt: skip
    # 5000 mV at 0.02 mm/s per mV are 10 cm/s.
    np.testing.assert_allclose(found.behaviour.values[0], [0, 10, 5000], atol=1e-3)
    assert "no scale for grip, in 'mV': its numbers are used as they are" in found.warnings
    assert found.trials is not None
    assert len(found.trials) == 6


def test_a_draft_for_words_and_inputs(tmp_path: Path) -> None:
    codes = [(tick, code | 0xFF00) for tick, code in WORDS]
    (tmp_path / "a.nev").write_bytes(nev(["e1", "e2"], SPIKES, codes, [], [(7, 3)]))
    (tmp_path / "a.ns2").write_bytes(nsx(["ainp1"], circle(2000, 1000)[:, :1], 30))
    draft = draft_recipe(tmp_path / "a", "a").text
    for line in (
        "#   NS2: 1 channels, 1000 Hz (ainp1 in mV)", 'stream = "digital"', "bits = 255",
        "start = 9  # a guess", "end = 18  # a guess", '# channels = ["ainp1", "ainp2"]',
    ):  # fmt: skip
        assert line in draft
    found = written(tmp_path, draft)
    assert found.trials is not None
    assert len(found.trials) == N_TRIALS


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_bytes_are_a_crash_for_a_recipe(tmp_path: Path, data: st.DataObject) -> None:
    comments = [(TICKS, "終"), (2 * TICKS, "done")]
    content = bytearray(nev(["e1", "e2"], SPIKES[:4], WORDS[:9], comments))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(len(content) // 2, len(content)))
    with suppress(SessionError):
        written(tmp_path, RECIPE, nev=bytes(content[:length]))
    with suppress(SessionError):
        draft_recipe(tmp_path / "a.nev", "a.nev")
