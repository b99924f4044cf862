"""Joint training: a head per session and one trunk, a new day's head, and what is refused."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from offline_training.bench.joint.measurement import Measured, Score
from offline_training.joint.sessions import prepare_days
from offline_training.ner.ensemble import train_ensembles
from offline_training.ner.networks.encoder_network import member_latents
from offline_training.ner.sharing.share import Share
from offline_training.settings import TrainSettings
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.joint.joint_manifest import day_folder, read_joint
from rt_ner.bundle.storage import load_bundle
from rt_ner.cli import build_app
from rt_ner.core.errors import BundleError, ConfigError, RtNerError, SessionError
from rt_ner.data.loading import load_session, save_session
from rt_ner.data.session.session import Session
from tests.helpers.reaches import BIN_NS, reaches
from tests.helpers.sessions import quick_settings

pytestmark = [
    pytest.mark.usefixtures("without_report"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

BRIEF = """
steps = 20
batch = 32
hidden_units = [16, 16]
[ensemble]
members = 2
distillation_steps = 20
distillation_batch = 32
"""
N_ELECTRODES = {"day1": 12, "day2": 9, "day3": 10}


def run(*arguments: str) -> str:
    result = CliRunner().invoke(build_app(), list(arguments))
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, without_report: None) -> Path:
    """Three days with other electrodes each; ``series`` learned from two, ``one`` with one readout.

    The third was added to both.
    """
    folder = tmp_path_factory.mktemp("joint")
    for seed, (name, n_electrodes) in enumerate(N_ELECTRODES.items()):
        session = simulate_session(
            seed, TaskSettings(n_trials=10), ArraySettings(n_electrodes=n_electrodes)
        )
        save_session(session, folder / f"{name}.npz")
    (folder / "brief.toml").write_text(BRIEF)
    for name, *more in (("series",), ("one", "--shared-readout")):
        out = str(folder / name)
        settings = ("--config", str(folder / "brief.toml"), "--device", "cpu", *more)
        run("train", *files(folder, "day1", "day2"), "--joint", "--out", out, *settings)
        run("train", *files(folder, "day3"), "--joint-with", out, "--device", "cpu")
    return folder


def files(folder: Path, *names: str) -> list[str]:
    return [str(folder / f"{name}.npz") for name in names]


def bundles(folder: Path) -> list[Bundle]:
    return [load_bundle(day_folder(folder, name)) for name in N_ELECTRODES]


def test_each_day_has_a_head_of_its_own_and_all_share_the_trunk(folder: Path) -> None:
    days = bundles(folder / "series")
    assert [len(day.manifest.channel_ids) for day in days] == list(N_ELECTRODES.values())
    for day in days:
        assert day.weights is not None
        for name in ("second", "second_bias", "latent", "latent_bias"):
            np.testing.assert_array_equal(
                getattr(day.weights, name), getattr(days[0].weights, name)
            )
    assert len({day.manifest.readout for day in days}) == 3
    assert [other.session for other in days[2].manifest.training.joint_with] == ["day2", "day1"]
    assert days[2].manifest.training.carried_from is None


def test_a_shared_readout_is_one_and_a_new_day_keeps_it(folder: Path) -> None:
    days = bundles(folder / "one")
    assert len({day.manifest.readout for day in days}) == 1
    origin = days[2].manifest.training.carried_from
    assert origin is not None
    assert origin.session == "day2"


def test_the_days_are_listed_in_order_with_scores_and_controls(folder: Path) -> None:
    shown = run("inspect", str(folder / "series"))
    assert all(name in shown for name in N_ELECTRODES)
    listed = json.loads(run("inspect", str(folder / "series"), "--json"))
    assert [day["name"] for day in listed["days"]] == list(N_ELECTRODES)
    assert [day["is_added"] for day in listed["days"]] == [False, False, True]
    assert "shuffled_velocity_r2" in listed["manifests"]["day3"]["scores"]


def test_a_session_is_recognised_by_its_hash_and_its_held_out_trials_are_scored(
    folder: Path,
) -> None:
    path = folder / "other name.npz"
    path.write_bytes((folder / "day2.npz").read_bytes())
    found = json.loads(run("evaluate", str(folder / "series"), str(path), "--json"))
    assert found["trials"] == "held out of training"
    own = load_bundle(folder / "series" / "days" / "day2").scores
    assert found["velocity_r2"] == pytest.approx(own.r2)


def test_a_session_that_no_day_learned_from_needs_a_day(folder: Path, tmp_path: Path) -> None:
    session = simulate_session(9, TaskSettings(n_trials=6), ArraySettings(n_electrodes=10))
    save_session(session, tmp_path / "day4.npz")
    series, path = str(folder / "series"), str(tmp_path / "day4.npz")
    with pytest.raises(BundleError, match=r"none of those .* \(day1, day2, day3\).* --day"):
        run("evaluate", series, path)
    assert "all" in json.loads(run("evaluate", series, path, "--day", "day3", "--json"))["trials"]
    with pytest.raises(BundleError, match="no day 'day4': expected one of day1, day2, day3"):
        run("evaluate", series, path, "--day", "day4")


def test_a_day_is_replaced_only_if_asked(folder: Path) -> None:
    series, again = str(folder / "series"), files(folder, "day3")
    before = {path: path.read_bytes() for path in (folder / "series").rglob("*") if path.is_file()}
    with pytest.raises(BundleError, match="already has a day 'day3'.*--overwrite"):
        run("train", *again, "--joint-with", series)
    renamed = folder / "renamed.npz"
    renamed.write_bytes((folder / "day1.npz").read_bytes())
    with pytest.raises(BundleError, match="holds this session already, as day 'day1'"):
        run("train", str(renamed), "--joint-with", series)
    run("train", *again, "--joint-with", series, "--overwrite", "--device", "cpu")
    after = {path: path.read_bytes() for path in before}
    assert after == before, "the same seed gives the same day, and the others stay as they were"


def test_a_joint_bundle_is_no_bundle_until_a_day_is_chosen(
    folder: Path, small_bundle_folder: Path
) -> None:
    with pytest.raises(BundleError, match="joint bundle of the days day1, day2, day3: name one"):
        load_bundle(folder / "series")
    with pytest.raises(BundleError, match="is not a joint bundle: leave out --day"):
        day_folder(small_bundle_folder, "day1")
    assert day_folder(small_bundle_folder, None) == small_bundle_folder
    with pytest.raises(BundleError, match="is not a joint bundle: train one"):
        run("train", *files(folder, "day3"), "--joint-with", str(small_bundle_folder))


def test_the_encoder_of_another_training_is_refused(folder: Path) -> None:
    encoder = folder / "one" / "days" / "day1" / "encoder.onnx"
    own = encoder.read_bytes()
    try:
        encoder.write_bytes((folder / "one" / "days" / "day2" / "encoder.onnx").read_bytes())
        with pytest.raises(BundleError, match="not the encoder that was trained with the other"):
            day_folder(folder / "one", "day1")
        encoder.unlink()
        with pytest.raises(BundleError, match="is missing"):
            day_folder(folder / "one", "day1")
    finally:
        encoder.write_bytes(own)


def test_a_damaged_manifest_is_refused(tmp_path: Path) -> None:
    for content in ("{", '{"readout": "own", "days": []}', '{"readout": "mine", "days": []}'):
        (tmp_path / "joint.json").write_text(content)
        with pytest.raises(BundleError, match="copy the bundle again"):
            read_joint(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--out is missing"),
        (("--shared-readout", "--out", "x"), "--shared-readout goes with --joint"),
        (("--joint-with", "y", "--out", "x"), "leave out --joint and --out"),
        (("--joint-with", "y", "--seed", "1"), "has the settings of the bundle"),
        (("--joint", "--out", "x"), "--joint with 1 session: name 2 or more"),
        (("--workers", "2", "--out", "x"), "--workers 2 goes with --joint"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run("train", *files(folder, "day1"), *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--workers", "3"), "--workers 3 with 2 sessions: .* choose 2 or fewer"),
        (("--workers", "2", "--device", "cuda"), "several workers learn on the CPU"),
    ],
)
def test_workers_need_a_session_each_and_learn_on_the_cpu(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    out = str(tmp_path / "x")
    with pytest.raises(ConfigError, match=message):
        run("train", *files(folder, "day1", "day2"), "--joint", "--out", out, *arguments)


@pytest.fixture(scope="module")
def two(folder: Path) -> list[Session]:
    return [load_session(path) for path in files(folder, "day1", "day2")]


def refused(
    sessions: Sequence[Session], kind: type[RtNerError], message: str, **more: object
) -> None:
    with pytest.raises(kind, match=message):
        prepare_days(sessions, quick_settings(**more), lambda _: None)


def test_sessions_that_do_not_fit_together_are_refused(two: list[Session]) -> None:
    one, other = two
    refused(
        [one, replace(other, name="Simulated-0")], SessionError, "day .Simulated-0. is there twice"
    )
    refused([one, replace(other, name="a/b")], SessionError, "'a/b': expected a name of letters")
    refused([one, replace(one, name="again")], SessionError, "a recording is there twice")
    outputs = (replace_unit(one), other)
    refused(outputs, SessionError, "differ in their units or kinds of outputs: .*mm/s")
    refused(two, ConfigError, "unit_norm = true", unit_norm=True, ensemble={"members": 1})
    refused(two, ConfigError, "readout = 'kalman'", readout="kalman")


def replace_unit(session: Session) -> Session:
    outputs = tuple(output._replace(unit="mm/s") for output in session.behaviour.outputs)
    return replace(session, behaviour=replace(session.behaviour, outputs=outputs))


def test_sessions_of_other_bins_are_refused(two: list[Session]) -> None:
    coarse = Session.from_arrays(
        np.random.default_rng(0).poisson(1.0, (4000, 8)).astype(np.uint8),
        np.random.default_rng(0).normal(size=(4000, 2)),
        0.05,
        name="coarse",
    )
    fine = Session.from_arrays(
        np.random.default_rng(1).poisson(1.0, (4000, 8)).astype(np.uint8),
        np.random.default_rng(1).normal(size=(4000, 2)),
        0.03,
        name="fine",
    )
    refused([fine, coarse], SessionError, "bin length in ms: 30.0 and 50.0")


def test_sessions_trained_together_stand_in_one_space() -> None:
    """Two recordings that spell out the velocity in other units are decoded by one readout."""
    one = reaches(n_trials=40).split.train
    other = replace(one, windows=60_000 - one.windows)
    settings = TrainSettings(
        steps=60, batch=32, input_noise=0.1, channel_dropout=0.0, ensemble={"members": 2}
    )
    cpu = torch.device("cpu")
    share = Share.whole([one, other])
    ensembles, validation_r2 = train_ensembles(share, settings, BIN_NS, cpu, lambda *_: None)
    assert validation_r2 is not None
    assert validation_r2 > 0.8, "trials left out are decoded by one readout for both"
    assert ensembles[0].network.latent is ensembles[1].network.latent
    first, second = (member_latents(each.network, each.features) for each in ensembles)
    away = float((first - second).abs().mean())
    assert away < 0.3 * float(first.std())


def test_gains_are_of_the_same_sessions() -> None:
    scores = [Score(name, "separate", r2, 0.0) for name, r2 in (("a", 0.9), ("b", 0.5))]
    scores += [
        Score("a", "joint, own readout", 0.91, 0.0),
        Score("b", "joint, own readout", 0.53, 0),
    ]
    scores.append(Score("b", "new day, own readout", 0.4, 0.0))
    gains = Measured(scores, {}).differences()
    assert gains["joint, own readout"].mean == pytest.approx(0.02)
    assert gains["new day, own readout"].mean == pytest.approx(-0.1)
    with pytest.raises(ConfigError, match="2 sessions: expected 3 or more"):
        run("bench", "joint", "a.npz", "b.npz")
