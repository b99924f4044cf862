"""Plans: every fit once, found by its number, and named by all that determines it."""

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_training.sweep.plan.combinations import Grid, Sample
from offline_training.sweep.plan.fits import Fit, method_of
from offline_training.sweep.plan.sessions import planned_sessions
from offline_training.sweep.results.folder import SweepFolder
from offline_training.sweep.settings import SessionGroup, SweepSettings, load_sweep_settings
from rt_ner.core.errors import ConfigError
from tests.helpers.fake_fits import sweep_in

SESSIONS = '[[sessions]]\nfiles = ["*.npz"]\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "sweep.toml"
    path.write_text(text + SESSIONS)
    return path


@given(
    st.dictionaries(
        st.text(max_size=2), st.lists(st.integers(), min_size=1, max_size=4), max_size=3
    )
)
def test_a_grid_lists_every_combination_once(values: dict[str, list[int]]) -> None:
    unique = {name: [*dict.fromkeys(each)] for name, each in values.items()}
    listed = [tuple(each.items()) for each in Grid(unique)]
    assert len(listed) == len(set(listed)) == len(Grid(unique))


def test_a_sample_is_part_of_the_grid_without_repeats_and_the_same_for_a_seed() -> None:
    grid = Grid({"a": [1, 2, 3], "b": [1, 2, 3, 4]})
    sample = [tuple(each.items()) for each in Sample(grid, 5, seed=1)]
    assert len(set(sample)) == 5
    assert set(sample) <= {tuple(each.items()) for each in grid}
    assert sample == [tuple(each.items()) for each in Sample(grid, 5, seed=1)]
    assert len(Sample(grid, 100, seed=1)) == 12


def test_fits_are_found_by_number_and_have_keys_of_their_own(tmp_path: Path) -> None:
    plan = sweep_in(tmp_path, methods=("ner", "wiener")).plan()
    fits = [*plan]
    assert len(fits) == len(plan) == 2 * (2 * 2 + 2)
    assert plan.fits_per_method == {"ner": 8, "wiener": 4}
    assert [plan[number].key for number in range(len(plan))] == [fit.key for fit in fits]
    assert len({fit.key for fit in fits}) == len(fits)
    with pytest.raises(IndexError):
        plan[len(plan)]


def test_a_key_follows_from_what_determines_the_fit_and_not_from_names(tmp_path: Path) -> None:
    fit = sweep_in(tmp_path).plan()[0]
    assert Fit(**(fit.model_dump() | {"session": "renamed"})).key == fit.key
    for change in (
        {"session_sha256": "f" * 64}, {"seed": 9}, {"method": "gru"}, {"validation": 0.3},
        {"all_settings": {"steps": 11}}, {"control": False}, {"method_version": 0},
        {"outputs": ("x",)}, {"area": "PMd"},
    ):  # fmt: skip
        assert Fit(**(fit.model_dump() | change)).key != fit.key, change


def test_a_setting_that_is_the_default_gives_the_same_fit_as_no_setting(tmp_path: Path) -> None:
    plain = sweep_in(tmp_path, settings={}).plan()[0]
    stated = sweep_in(tmp_path, settings={"latent_dim": [3]}).plan()[0]
    assert stated.key == plain.key


def test_the_method_of_a_fit_has_its_settings(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"loss.temperature": [0.5], "steps": [10]}
    fit = sweep_in(tmp_path, methods=("ner-free",), settings=settings).plan()[0]
    method = method_of(fit)
    assert method.settings is not None
    assert (method.settings.loss.temperature, method.settings.steps) == (0.5, 10)
    assert method.settings.loss.readout_weight == 0


def test_ten_thousand_fits_are_planned_in_flat_memory(tmp_path: Path) -> None:
    values = {"latent_dim": [*range(1, 11)], "steps": [*range(10, 20)]}
    sweep = sweep_in(tmp_path, n_sessions=10, settings=values, seeds=tuple(range(10)))
    tracemalloc.start()
    assert sum(1 for _ in sweep.plan()) == 10_000
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_a_million_fits_are_refused_with_advice(tmp_path: Path) -> None:
    values = {"latent_dim": [*range(1, 65)], "steps": [*range(10, 1010)]}
    for search in ("grid", "optuna"):
        sweep = sweep_in(
            tmp_path, n_sessions=20, settings=values, search=search, combinations=64_000
        )
        with pytest.raises(ConfigError, match="split it"):
            sweep.fits_per_method()


def test_methods_that_need_directions_are_left_out_for_continuous_recordings(
    tmp_path: Path,
) -> None:
    sweep = sweep_in(tmp_path, methods=("wiener", "lda"))
    continuous = sweep.sessions[0].model_copy(update={"has_directions": False})
    plan = sweep.plan()
    plan = type(plan)(plan.settings, (continuous,), plan.combinations)
    assert plan.fits_per_method == {"wiener": 2, "lda": 0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('serch = "grid"\n', "did you mean 'search'"),
        ('methods = ["nerr"]\n', "did you mean 'ner'"),
        ("[settings]\nloss.temprature = [1]\n", "did you mean 'loss.temperature'"),
        ("[settings]\nseed = [1]\n", "seeds"),
        ("[settings]\nsteps = 100\n", "expected a list"),
    ],
)
def test_unknown_names_are_errors_that_name_the_nearest(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        load_sweep_settings(written(tmp_path, text))


def test_values_that_do_not_go_together_are_named(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path, settings={"unit_norm": [True], "ensemble.members": [2]})
    with pytest.raises(ConfigError, match="ner with unit_norm = true, .*members"):
        sweep.plan()


def test_files_are_relative_to_the_settings_file(tmp_path: Path) -> None:
    settings = load_sweep_settings(written(tmp_path, ""))
    assert settings.sessions[0].files == (str(tmp_path / "*.npz"),)


def sessions_of(tmp_path: Path, *files: Path) -> tuple[SweepSettings, SweepFolder]:
    folder = SweepFolder(tmp_path / "out")
    folder.prepare()
    group = SessionGroup(files=tuple(map(str, files)))
    return SweepSettings(sessions=(group,)), folder


def test_a_session_is_stored_once_and_an_unreadable_one_is_told(
    tmp_path: Path, small_session_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"no session")
    settings, folder = sessions_of(tmp_path, bad, small_session_file)
    told: list[str] = []
    (found,) = planned_sessions(settings, folder, told.append)
    assert folder.session_file(found.sha256).is_file()
    assert any("bad.npz" in line for line in told)
    # The second time, nothing is read again.
    monkeypatch.setattr("offline_training.sweep.plan.sessions.load_session", None)
    settings, _ = sessions_of(tmp_path, small_session_file)
    assert planned_sessions(settings, folder, told.append) == (found,)


def test_without_any_session_left_a_sweep_is_refused(tmp_path: Path) -> None:
    settings, folder = sessions_of(tmp_path, tmp_path / "none.npz")
    with pytest.raises(ConfigError, match="no session is left"):
        planned_sessions(settings, folder, lambda _: None)
