"""Recipes: any file read as one says, equal to the same data in another form, or refused."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from offline_training.compare.evaluation_split import load_recordings
from offline_training.transfer.days import load_days
from rt_ner.bench.endurance.soaking.soak import pass_of
from rt_ner.cli import build_app
from rt_ner.core.contract.kinds import REPLAY_GRID_NS
from rt_ner.core.contract.outputs import VELOCITY_XY
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.guards.foreign_files import MatlabObject
from rt_ner.data.formats.recipe.draft import draft_recipe
from rt_ner.data.formats.recipe.guesses.behaviour_guess import behaviour_lines
from rt_ner.data.formats.recipe.guesses.found import Found
from rt_ner.data.formats.recipe.guesses.spikes_guess import spikes_guess
from rt_ner.data.formats.recipe.guesses.trials_guess import trial_lines
from rt_ner.data.formats.recipe.parts.smoothed import recover_counts
from rt_ner.data.formats.recipe.schema import Smoothing
from rt_ner.data.loading import load_recording, load_session
from rt_ner.data.session.spikes import SpikeTimes
from tests.helpers.sessions import SHARED, quick_settings, reach_file
from tests.helpers.xdf_files import reach_recording

scipy_io = pytest.importorskip("scipy.io")
h5py = pytest.importorskip("h5py")
pytest.importorskip("pymatreader")

N, CHANNELS, BIN_S = 400, 10, 0.05
FILES = SHARED / "data" / "files"


def arrays() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    time = np.arange(N) * BIN_S
    return {
        "counts": rng.poisson(1.0, (N, CHANNELS)).astype(np.uint8),
        "vel": 10 * np.stack([np.sin(time), np.cos(time)], axis=1),
        "t": time,
        "go": np.arange(20) * 1.0 + 0.2,
        "begin": np.arange(20) * 1.0,
        "end": np.arange(20) * 1.0 + 1.0,
        "index": np.arange(20) % 4,
    }


PLAIN = """
[spikes]
array = "counts"
[[outputs]]
array = "vel"
[time]
bin_s = 0.05
"""
TRIALS = """
[trials]
start = "begin"
go = "go"
end = "end"
"""


def written(folder: Path, recipe: str, content: dict[str, Any], name: str = "day1.npz") -> Path:
    path = folder / name
    if name.endswith(".npz"):
        np.savez(path, **content)
    elif name.endswith(".mat"):
        scipy_io.savemat(path, content)
    else:
        with h5py.File(path, "w") as file:
            for key, value in content.items():
                file[key] = value
    (folder / "recipe.toml").write_text(f'file = "{name}"\n{recipe}')
    return folder / "recipe.toml"


def transformed(name: str) -> tuple[dict[str, Any], str]:
    """The same session stored in another way, with the recipe that reads it."""
    content, recipe = arrays(), PLAIN
    if name == "rates":
        content["counts"] = content["counts"] / BIN_S
        recipe = recipe.replace('"counts"', '"counts"\nvalues = "rates"')
    elif name == "channels first":
        content["counts"] = content["counts"].T
        recipe = recipe.replace('"counts"', '"counts"\naxes = ["channel", "bin"]')
    elif name == "trials first":
        content["counts"] = content["counts"].reshape(20, 20, CHANNELS)
        recipe = recipe.replace('"counts"', '"counts"\naxes = ["trial", "bin", "channel"]')
    elif name == "metres, in a wider array":
        content["vel"] = np.column_stack([content["t"], content["vel"] / 100])
        recipe = recipe.replace('"vel"', '"vel"\ncolumns = [2, 3]\nunit = "m/s"')
    elif name == "starts of bins":
        recipe = recipe.replace("bin_s = 0.05", 'bins = "t"')
    elif name == "in a struct":
        content = {"data": content}
        recipe = recipe.replace('"counts"', '"data.counts"').replace('"vel"', '"data.vel"')
    return content, recipe


FORMS = (
    "as it is", "rates", "channels first", "trials first", "metres, in a wider array",
    "starts of bins", "in a struct",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        (name, ending)
        for name in FORMS
        for ending in ("npz", "mat", "h5")
        if (name, ending) != ("in a struct", "npz")
    ],
)
def test_the_same_session_in_any_form_is_the_same(name: str, ending: str, tmp_path: Path) -> None:
    content, recipe = transformed(name)
    if name == "in a struct" and ending == "h5":
        content = {f"data/{key}": value for key, value in content["data"].items()}
    session = load_session(written(tmp_path, recipe, content, f"day1.{ending}"))
    np.testing.assert_array_equal(session.spikes.counts, arrays()["counts"])
    np.testing.assert_allclose(session.behaviour.values, arrays()["vel"], rtol=1e-12)
    assert session.behaviour.time_ns[:2].tolist() == [50_000_000, 100_000_000]
    assert session.trials.are_blocks


def test_trials_by_times_and_end_to_end(tmp_path: Path) -> None:
    by_times = load_session(written(tmp_path, PLAIN + TRIALS, arrays()))
    assert (by_times.trials.go_ns // 1_000_000).tolist()[:2] == [200, 1200]
    content = arrays() | {"direction": np.repeat(np.arange(20) * 18.0, 20)}
    recipe = PLAIN + '[trials]\nbins = 20\ndirection = "direction"\n'
    joined = load_session(written(tmp_path, recipe, content))
    np.testing.assert_array_equal(joined.trials.end_ns, by_times.trials.end_ns)
    assert len(joined.trials) == 20


def test_spike_times_of_units_in_cells(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    trains = [np.sort(rng.uniform(100.0, 120.0, n)) for n in (50, 30, 20, 40)]
    cells = np.empty((2, 2), dtype=object)
    cells[:] = [[trains[0], trains[1]], [trains[2], trains[3]]]
    content = {"spikes": cells, "vel": arrays()["vel"], "t": 100.0 + arrays()["t"]}
    recipe = """
[spikes]
array = "spikes"
values = "times"
[[outputs]]
array = "vel"
[time]
behaviour = "t"
"""
    session = load_session(written(tmp_path, recipe, content, "day1.mat"))
    assert isinstance(session.spikes, SpikeTimes)
    assert session.channel_ids == ("elec001", "elec002")
    assert session.spikes.unit_ids == ("elec001/1", "elec001/2", "elec002/1", "elec002/2")
    zero_s = 100.0 - session.behaviour.time_ns[0] / 1e9
    found = np.sort(np.concatenate(trains)) - zero_s
    np.testing.assert_allclose(session.spikes.time_ns / 1e9, found, atol=1e-8)


LAB = """
[spikes]
array = "neural.spikeTimes"
values = "times"
names = "neural.unitLabel"
[[outputs]]
array = "behav.cursorXY"
unit = "mm"
kind = "position"
[time]
behaviour = "behav.t"
"""


def lab_content(n_units: int = 10) -> dict[str, Any]:
    """A lab's usual file: cells of spike times, a cursor's position in mm, a table of trials."""
    rng = np.random.default_rng(0)
    cells, labels = (np.empty((1, n_units), dtype=object) for _ in range(2))
    for unit in range(n_units):
        cells[0, unit] = np.sort(rng.uniform(0, 20, 30 + unit))[:, None]
        labels[0, unit] = f"sig{unit + 1:03d}a"
    cells[0, 1], cells[0, 2] = np.zeros((0, 1)), np.array([[3.5]])
    t = np.arange(2000) / 100
    start = np.arange(20) * 1.0
    table = np.stack(
        [start, start + 0.2, start + 0.9, np.arange(20) % 4 * 90.0, np.arange(20) % 5 > 0], axis=1
    )
    return {
        "neural": {"spikeTimes": cells, "unitLabel": labels},
        "behav": {"cursorXY": 10 * np.stack([np.sin(t), np.cos(t)], axis=1), "t": t[:, None]},
        "trialTable": table,
    }


def test_names_in_an_hdf5_file_are_texts(tmp_path: Path) -> None:
    content = arrays() | {"names": [f"sig{channel}a" for channel in range(CHANNELS)]}
    recipe = PLAIN.replace('"counts"', '"counts"\nnames = "names"')
    session = load_session(written(tmp_path, recipe, content, "day1.h5"))
    assert session.channel_ids[:2] == ("sig0a", "sig1a")
    assert 'names = "names"' in draft_recipe(tmp_path / "day1.h5", "day1.h5").text


def test_behaviour_of_a_known_rate_needs_no_vector_of_times(tmp_path: Path) -> None:
    by_times = load_session(written(tmp_path, LAB, lab_content(), "day1.mat"))
    recipe = LAB.replace('behaviour = "behav.t"', "rate_hz = 100")
    by_rate = load_session(written(tmp_path, recipe, lab_content(), "day1.mat"))
    assert by_rate.sha256 == by_times.sha256
    slow = LAB.replace('behaviour = "behav.t"', "rate_hz = 50")
    warned = load_recording(written(tmp_path, slow, lab_content(), "day1.mat")).warnings
    assert any(
        "behaviour ends at 40 s, but the spikes at 20 s: check the rate" in w for w in warned
    )
    both = LAB + "rate_hz = 100\n"
    with pytest.raises(SessionError, match=r"time.rate_hz = 100: give one of them"):
        load_session(written(tmp_path, both, lab_content(), "day1.mat"))
    neither = LAB.replace('behaviour = "behav.t"', "bin_s = 0.001")
    with pytest.raises(SessionError, match=r"needs the times .* or time.rate_hz"):
        load_session(written(tmp_path, neither, lab_content(), "day1.mat"))


def test_a_recipe_derives_a_velocity_from_a_position_without_a_lag(tmp_path: Path) -> None:
    recipe = LAB.replace('kind = "position"', 'kind = "position"\nderive = "velocity"')
    recording = load_recording(written(tmp_path, recipe, lab_content(), "day1.mat"))
    behaviour = recording.session().behaviour
    assert behaviour.outputs == VELOCITY_XY
    t = np.arange(2000) / 100
    expected_cm_s = np.stack([np.cos(t), -np.sin(t)], axis=1)
    np.testing.assert_allclose(behaviour.values[1:-1], expected_cm_s[1:-1], atol=1e-4)
    assert "velocity is the derivative of behav.cursorXY" in recording.warnings
    cut = recipe + "[trials]\nbins = 20\n"
    with pytest.raises(SessionError, match="'behav.cursorXY' is cut into trials"):
        load_recording(written(tmp_path, cut, lab_content(), "day1.mat"))
    twice = recipe.replace('"position"', '"velocity"')
    with pytest.raises(SessionError, match='kind = "velocity" in mm: derive .* e.g. unit = "mm"'):
        load_recording(written(tmp_path, twice, lab_content(), "day1.mat"))


@given(seed=st.integers(0, 99), rate=st.sampled_from([0.1, 0.6, 2.0]))
@settings(max_examples=10)
def test_counts_are_recovered_from_their_smoothing(seed: int, rate: float) -> None:
    smoothing = Smoothing(taps=5, sigma_bins=1.0)
    counts = np.random.default_rng(seed).poisson(rate, (1, 24, 2))
    taps = np.exp(-0.5 * np.arange(-2, 3) ** 2)
    taps /= taps.sum()
    smooth = np.stack(
        [np.convolve(counts[0, :, unit], taps, "valid") for unit in range(2)], axis=1
    )[None]
    found = recover_counts(smooth, smoothing)
    again = np.stack([np.convolve(found[0, :, unit], taps, "valid") for unit in range(2)], axis=1)
    np.testing.assert_allclose(again, smooth[0], atol=1e-6)


def test_what_no_counts_give_is_refused() -> None:
    with pytest.raises(SessionError, match="no spike counts give these numbers"):
        recover_counts(np.full((1, 10, 1), 0.123), Smoothing(taps=3, sigma_bins=0.8))


WRONG = {
    'array = "counts"': ('array = "cuonts"', "no 'cuonts' .* there is counts 400×10, vel 400×2"),
    'array = "vel"': (
        'array = "vel"\ncolumns = [3]',
        "has 2 columns, the recipe asks for column 3",
    ),
    "bin_s = 0.05": ("bin_s = -1", "time.bin_s = -1"),
    "[time]": ("[tiem]", "unknown key 'tiem': did you mean 'time'"),
    "[spikes]": ('[spikes]\nvalues = "volts"', "spikes.values = 'volts'"),
    "[[outputs]]": ('[[outputs]]\nnames = ["a"]', r"gives 2 outputs, but names = \['a'\]"),
    '"counts"\n': (
        '"counts"\n[[outputs]]\nunit = "cm"\n',
        "no 'outputs.0.array', which is needed",
    ),
    "\n[spikes]": ("\nspikes", "can't be read as TOML"),
}


@pytest.mark.parametrize("before", WRONG)
def test_mistakes_are_named_in_one_line(before: str, tmp_path: Path) -> None:
    after, reason = WRONG[before]
    path = written(tmp_path, PLAIN.replace(before, after, 1), arrays())
    with pytest.raises(SessionError, match=reason) as refused:
        load_recording(path)
    assert "\n" not in str(refused.value)


def test_a_recipe_without_its_file_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN, arrays())
    (tmp_path / "day1.npz").unlink()
    with pytest.raises(SessionError, match="file = 'day1.npz': no such file beside the recipe"):
        load_recording(path)


AXES = st.lists(st.sampled_from(["bin", "channel", "trial"]), max_size=4).map(tuple)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    dtype=st.sampled_from(["u1", "i4", "f8", "U3", "c8", "?"]),
    shape=st.lists(st.integers(0, 6), max_size=3).map(tuple),
    axes=AXES,
    path=st.sampled_from(["counts", "vel", "", "a.b", "counts:1", "counts:9-2", "t"]),
    unit=st.sampled_from(["cm/s", "m", "", "?"]),
)
def test_no_recipe_is_a_crash(
    data: st.DataObject, dtype: str, shape: tuple[int, ...], axes: tuple[str, ...], path: str,
    unit: str, tmp_path: Path,
) -> None:  # fmt: skip
    content = arrays()
    content[data.draw(st.sampled_from(["counts", "vel", "t"]))] = np.zeros(shape, dtype=dtype)
    if data.draw(st.booleans()):
        content["vel"] = np.full((N, 2), np.nan)
    recipe = PLAIN.replace('array = "counts"', f'array = "{path}"\naxes = {list(axes)}')
    recipe = recipe.replace('array = "vel"', f'array = "vel"\nunit = "{unit}"')
    recipe += data.draw(st.sampled_from(["", TRIALS, "[trials]\nbins = 7\n"]))
    with suppress(SessionError):
        load_recording(written(tmp_path, recipe, content))


def test_a_draft_reads_the_file_after_the_gaps_are_filled(tmp_path: Path) -> None:
    written(tmp_path, "", arrays())
    draft = draft_recipe(tmp_path / "day1.npz", "day1.npz").text
    assert "counts: 400×10, 0 to" in draft
    assert 'bins = "t"' in draft
    (tmp_path / "draft.toml").write_text(draft)
    session = load_session(tmp_path / "draft.toml")
    np.testing.assert_array_equal(session.spikes.counts, arrays()["counts"])


def test_the_recipe_for_spike_times_in_the_docs_reads_such_a_file(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "recordings.md"
    section = page.read_text(encoding="utf-8").partition("### Spike times")[2]
    recipe = section.partition("```toml\n")[2].partition("```")[0]
    scipy_io.savemat(tmp_path / "day1.mat", lab_content())
    (tmp_path / "day1.toml").write_text(recipe, encoding="utf-8")
    session = load_session(tmp_path / "day1.toml")
    assert session.behaviour.outputs == VELOCITY_XY
    assert (session.area, len(session.trials)) == ("M1", 16)


@pytest.mark.parametrize("has_clock", [True, False])
def test_a_draft_finds_cells_of_spike_times_a_position_and_a_table_of_trials(
    tmp_path: Path, has_clock: bool
) -> None:
    content = lab_content()
    if not has_clock:
        content["behav"]["fs"] = 100.0
        del content["behav"]["t"]
    written(tmp_path, "", content, "day1.mat")
    draft, notes = draft_recipe(tmp_path / "day1.mat", "day1.mat")
    assert "neural.spikeTimes: list of 10, each of 0 to 39 numbers" in draft
    assert notes == ("the units are placeholders: enter the true ones",)
    (tmp_path / "draft.toml").write_text(draft.replace('unit = "cm"', 'unit = "mm"'))
    session = load_session(tmp_path / "draft.toml")
    assert isinstance(session.spikes, SpikeTimes)
    assert session.channel_ids == tuple(f"sig{unit + 1:03d}a" for unit in range(10))
    assert session.behaviour.outputs == VELOCITY_XY
    assert np.abs(session.behaviour.values).max() == pytest.approx(1.0, abs=1e-3)
    assert len(session.trials) == 16, "every fifth one failed"
    trials = session.trials
    assert ((trials.end_ns - trials.go_ns) / 1e9).tolist() == pytest.approx([0.7] * 16)


def test_a_draft_of_a_matlab_73_file_finds_its_cells(tmp_path: Path) -> None:
    matlab_73(tmp_path / "indy.mat", 3, 1)
    text = draft_recipe(tmp_path / "indy.mat", "indy.mat").text
    for line in ('array = "spikes"', 'names = "chan_names"', 'behaviour = "t"'):
        assert line in text


def test_a_draft_of_nothing_known_lists_all_and_says_so(tmp_path: Path) -> None:
    content = lab_content()
    content["neural"]["spikeTimes"] = np.array([["a", 2.0, np.ones((3, 3))]], dtype=object)
    written(tmp_path, "", content, "day1.mat")
    recipe = tmp_path / "new.toml"
    told = said("inspect", tmp_path / "day1.mat", "--recipe", recipe)
    assert "nothing looks like spikes: expected a list or cell array" in told
    assert "the file holds neural (spikeTimes, unitLabel), behav (cursorXY 2000×2, t 2000)" in told
    text = recipe.read_text()
    assert "#   neural.spikeTimes: list of 3\n#   neural.unitLabel: list of 10 texts\n" in text
    assert 'array = "?"  # could not be guessed' in text
    with pytest.raises(SessionError, match=r"spikes.values = '\?'"):
        load_session(tmp_path / "day1.mat", recipe=recipe)


@pytest.mark.parametrize(
    "value",
    [
        [np.ones(3), np.ones(4)], [1.0, "a", None, []], [], None, b"x", "a\nb",
        MatlabObject("table"),
        np.nan, 3 + 4j, np.zeros((1, 1)), np.full((5, 2), np.nan),
        np.array([np.ones(3), "x"], object),
        np.zeros(3, dtype=[("a", "f8")]), np.zeros((0, 4)), np.zeros(()), np.ones((9, 9), bool),
    ],
)  # fmt: skip
def test_a_draft_lists_odd_values_too(value: Any) -> None:
    found = [Found(name, value) for name in ("spikes", "fs", "pos", "start", "end")]
    assert all("\n" not in one.described() for one in found)
    assert spikes_guess(found) is None
    assert behaviour_lines(found, None)
    assert "# [trials]" in trial_lines(found)


def test_clocks_and_other_lists_are_no_spike_times() -> None:
    clocks = [np.arange(20) * 0.01 + trial for trial in range(9)]
    assert spikes_guess([Found("spikes", clocks)]) is None
    assert spikes_guess([Found("spikes", [np.array([3.0, 1.0, 2.0, 5.0])] * 9)]) is None
    assert spikes_guess([Found("spikes", [np.ones((4, 4))] * 9)]) is None


def test_a_velocity_is_told_by_the_position_that_it_is_the_derivative_of() -> None:
    t = np.arange(500) / 100
    moved = np.stack([np.sin(t), np.cos(2 * t)], axis=1)
    moving = np.gradient(moved, 0.01, axis=0)
    lines = behaviour_lines([Found("a", moving), Found("b", moved)], None)
    kinds = [line for line in lines if line.startswith("kind")]
    assert kinds == ['kind = "velocity"', 'kind = "position"']
    assert "could not be guessed" in behaviour_lines([Found("a", moving)], None)[4]


def test_trials_are_told_by_the_values_of_a_table_without_names() -> None:
    start = np.arange(9) * 2.0 + 0.1
    number, hits = np.arange(9) + 1.0, np.arange(9) % 2
    table = np.stack([number, hits, start, start + 1.5, number % 3], axis=1)
    assert trial_lines([Found("trials", table)])[2:] == [
        'start = "trials:3"  # a guess',
        'end = "trials:4"  # a guess',
        'direction = "trials:5"  # a guess',
        'outcome = "trials:2"  # a guess',
    ]
    overlapping = np.stack([start, start + 2.5], axis=1)
    assert "# [trials]" in trial_lines([Found("trials", overlapping)])


def test_the_miller_labs_binned_data_is_read_without_a_recipe() -> None:
    path = FILES / "limblab_binned_20120817.mat"
    if not path.is_file():
        pytest.skip(f"no real recordings here: {path} is absent")
    recording = load_recording(path)
    session = recording.session()
    other = load_session(SHARED / "data" / "days" / "wrist_20120817.npz")
    np.testing.assert_array_equal(session.spikes.counts, other.spikes.counts)
    assert len(session.trials) == 247
    assert session.trials.n_directions == 8
    assert "read by the built-in recipe limblab_binned" in recording.warnings


def test_the_papers_smoothed_counts_become_counts_again() -> None:
    path = FILES / "ner_Chewie_20150630_neural_con_dis_index.mat"
    if not path.is_file():
        pytest.skip(f"no real recordings here: {path} is absent")
    from rt_ner.data.formats.recipe.content import content_of

    with np.load(reach_file("Chewie_20150630")) as archive:
        counts = archive["counts_M1"]
    smoothed = np.asarray(content_of(path)["neural_M1"]).reshape(-1, 40, counts.shape[2])
    np.testing.assert_array_equal(recover_counts(smoothed[:6], Smoothing()), counts[:6])


def matlab_73(path: Path, n_channels: int, n_units: int) -> dict[tuple[int, int], np.ndarray]:
    """A file as MATLAB 7.3 writes it: arrays are transposed, cells hold references."""
    rng = np.random.default_rng(0)
    trains = {}
    with h5py.File(path, "w", userblock_size=512) as file:
        inner = file.create_group("#refs#")

        def put(name: str, values: np.ndarray, kind: str = "double", place: Any = file) -> Any:
            dtype = "u2" if kind == "char" else "f8"
            data = place.create_dataset(name, data=np.asarray(values, dtype=dtype).T)
            data.attrs["MATLAB_class"] = np.bytes_(kind)
            return data

        time_s = 100 + np.arange(2000) * 0.004
        put("t", time_s[:, None])
        put("cursor_pos", 10 * np.stack([np.cos(time_s), np.sin(time_s)], axis=1))
        for name, shape in (("spikes", (n_units, n_channels)), ("chan_names", (1, n_channels))):
            file.create_dataset(name, shape, dtype=h5py.ref_dtype)
            file[name].attrs["MATLAB_class"] = np.bytes_("cell")
        for channel in range(n_channels):
            text = np.array([[ord(letter) for letter in f"M1 {channel + 1:03d}"]])
            file["chan_names"][0, channel] = put(f"n{channel}", text, "char", inner).ref
            for unit in range(n_units):
                train = np.sort(rng.uniform(100, 108, 10 * (channel + 1) + unit))
                trains[channel, unit] = train
                stored = put(f"s{channel}_{unit}", train[:, None], place=inner)
                file["spikes"][unit, channel] = stored.ref
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return trains


def test_sorted_units_of_matlab_73_belong_to_their_channels(tmp_path: Path) -> None:
    trains = matlab_73(tmp_path / "indy.mat", 3, 2)
    recording = load_recording(tmp_path / "indy.mat")
    assert "read by the built-in recipe odoherty_sabes" in recording.warnings
    session = recording.session()
    assert session.channel_ids == ("M1 001", "M1 002", "M1 003")
    spikes = session.spikes
    assert isinstance(spikes, SpikeTimes)
    zero_s = 100.0 - session.behaviour.time_ns[0] / 1e9
    for unit, name in enumerate(spikes.unit_ids):
        channel, number = session.channel_ids.index(name[:-2]), int(name[-1]) - 1
        found = spikes.time_ns[spikes.unit == unit] / 1e9 + zero_s
        np.testing.assert_allclose(found, trains[channel, number], atol=1e-8)
    assert np.abs(session.behaviour.values).max() == pytest.approx(1.0, abs=1e-3), "mm in cm"


def lab(folder: Path, name: str = "day1.npz", **changes: Any) -> tuple[Path, Path]:
    """A file, and a recipe that names none."""
    recipe = written(folder, PLAIN, arrays() | changes, name).rename(folder / "lab.toml")
    recipe.write_text(PLAIN)
    return folder / name, recipe


def said(*arguments: object) -> str:
    result = CliRunner().invoke(build_app(), list(map(str, arguments)))
    return " ".join((result.output + str(result.exception or "")).split())


def test_a_recipe_beside_the_file_reads_any_file_and_several(tmp_path: Path) -> None:
    path, recipe = lab(tmp_path, "day1.h5")
    in_place = load_session(written(tmp_path, PLAIN, arrays(), "day1.h5"))
    session = load_session(path, recipe=recipe)
    assert session.name == "day1"
    assert session.sha256 == in_place.sha256
    second, _ = lab(tmp_path, "day2.npz", counts=arrays()["counts"][::-1])
    both = load_session([path, second], area="all", recipe=recipe)
    assert [part.name for part in both.parts] == ["day1", "day2"]
    named = load_session(path, recipe=written(tmp_path, PLAIN, arrays(), "other.mat"))
    assert named.sha256 == session.sha256, "the file is read, not the one that the recipe names"


def test_a_recipe_that_is_missing_or_given_twice(tmp_path: Path) -> None:
    path, recipe = lab(tmp_path)
    with pytest.raises(SessionError, match="no such recipe .*new.toml: check its path, or draft"):
        load_session(path, recipe=tmp_path / "new.toml")
    with pytest.raises(SessionError, match="lab.toml: a recipe itself: give the recording"):
        load_session(recipe, recipe=recipe)
    with pytest.raises(SessionError, match="day3.h5: no such session file"):
        load_session(tmp_path / "day3.h5", recipe=recipe)
    (tmp_path / "day4.mat").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(SessionError, match="a Git LFS pointer"):
        load_session(tmp_path / "day4.mat", recipe=recipe)


def test_inspect_reads_by_a_recipe_that_exists_and_drafts_one_that_does_not(tmp_path: Path) -> None:
    path, recipe = lab(tmp_path)
    before = recipe.read_bytes()
    assert "400" in said("inspect", path, "--recipe", recipe)
    assert recipe.read_bytes() == before
    new = tmp_path / "new.toml"
    assert f"rt-ner inspect {path} --recipe {new}" in said("inspect", path, "--recipe", new)
    assert "# A draft" in new.read_text()
    assert '"name": "day1"' in said("inspect", path, "--recipe", new, "--json")
    assert "# A draft" in new.read_text()
    mistyped = said("inspect", path, "--recipe", tmp_path / "lab.tml")
    assert "there is no such recipe; to draft one, give a name that ends in .toml" in mistyped
    assert "a folder; expected a file" in said("inspect", tmp_path, "--recipe", recipe)
    assert "a folder; expected a file" in said("inspect", tmp_path, "--recipe", tmp_path / "x.toml")


def test_commands_read_by_a_recipe(tmp_path: Path) -> None:
    path, recipe = lab(tmp_path)
    said("convert", path, tmp_path / "out.npz", "--recipe", recipe)
    session = load_session(path, recipe=recipe)
    assert load_session(tmp_path / "out.npz").sha256 == session.sha256
    (split,) = load_recordings([path], ["all"], recipe=recipe)
    assert split.sha256 == session.sha256
    days = load_days([path], path, None, quick_settings(), recipe)
    assert days.target.session.sha256 == days.source.session.sha256 == session.sha256
    assert (
        pass_of(path, recipe, 10_000_000).pass_ns
        == session.end_ns // REPLAY_GRID_NS * REPLAY_GRID_NS
    )
    assert "name that file too" in said("demo", "--recipe", recipe)
    assert "name that file too" in said("subject", "--recipe", recipe)


def test_a_recipe_of_markers_reads_any_recording(tmp_path: Path) -> None:
    pytest.importorskip("pyxdf")
    path, recipe = tmp_path / "day1.xdf", tmp_path / "task.toml"
    path.write_bytes(reach_recording()[0])
    markers = '[markers]\nstart = "trial_start {number}"\nend = "trial_end {number}"\n'
    recipe.write_text(markers)
    found = load_recording(path, recipe=recipe)
    recipe.write_text('file = "day1.xdf"\n' + markers)
    in_place = load_recording(recipe)
    assert found.trials is not None
    assert in_place.trials is not None
    np.testing.assert_array_equal(found.trials.start_ns, in_place.trials.start_ns)
    assert found.warnings == in_place.warnings
    recipe.write_text(PLAIN)
    with pytest.raises(SessionError, match="day1.xdf: recipe task.toml: unknown key"):
        load_recording(path, recipe=recipe)
