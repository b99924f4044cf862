"""Classes besides the outputs: trained, exported, decoded live, scored, bit for bit as offline."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offline_training.options import train_settings
from offline_training.settings import EnsembleSettings, learned_part
from offline_training.training import train
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.manifest import Manifest
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.contract.outputs import Output, OutputKind
from rt_ner.core.errors import BundleError, ConfigError, SessionError
from rt_ner.data.loading import save_session
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.trials import UNCUT
from rt_ner.offline.classes.hop_classes import classes_of
from rt_ner.offline.commands import evaluate
from rt_ner.offline.decoding import decode
from rt_ner.offline.labels import label_hops
from rt_ner.recalibration.readouts.refit import recalibrate_readout
from rt_ner.recalibration.readouts.stepwise import with_readout
from rt_ner.recalibration.use import Use
from tests.helpers.blocks import used
from tests.helpers.memory_rig import MS, START_NS, MemoryRig, raster_stream
from tests.helpers.sessions import SMALL_NETWORK, quick_settings

pytestmark = pytest.mark.usefixtures("without_report")

CLICK = Output("click", "", OutputKind.OTHER)
OF = {
    "direction": tuple(f"{angle}°" for angle in range(0, 360, 45)),
    "movement": ("idle", "move"),
    "click": ("0", "1"),
}
HOP_NS = 10 * MS
ALONE = EnsembleSettings(members=1, distillation_steps=10, distillation_batch=64)
ENTRY = {
    "of": "click",
    "classes": ("0", "1"),
    "matrix": ((0.0, 1.0),) * 9,
    "bias": (0.0, 0.5),
}


def with_column(session: Session, column: np.ndarray, name: str = "click") -> Session:
    own = session.behaviour
    values = np.concatenate([own.values, column[:, None].astype(float)], axis=1)
    outputs = (*own.outputs, CLICK._replace(name=name))
    return replace(session, behaviour=Behaviour(own.time_ns, values, outputs))


def with_directions(session: Session, direction_deg: np.ndarray) -> Session:
    return replace(session, trials=replace(session.trials, direction_deg=direction_deg))


def positions_alone(session: Session) -> Session:
    own = session.behaviour
    outputs = tuple(output._replace(kind=OutputKind.POSITION) for output in own.outputs)
    return replace(session, behaviour=Behaviour(own.time_ns, own.values, outputs))


def counting(session: Session, n_values: int) -> np.ndarray:
    return np.arange(len(session.behaviour.time_ns)) % n_values


@pytest.fixture(scope="module")
def session(small_session: Session) -> Session:
    """Clicks while the hand moves to the right."""
    return with_column(small_session, small_session.behaviour.values[:, 0] > 5.0)


@pytest.fixture(scope="module", params=OF)
def trained(request: pytest.FixtureRequest, session: Session) -> Bundle:
    settings = quick_settings(steps=20, classes=request.param, ensemble=ALONE, **SMALL_NETWORK)
    return train(session, settings=settings, device="cpu")


@pytest.fixture
def loaded(trained: Bundle, tmp_path: Path) -> Bundle:
    trained.save(tmp_path / "bundle")
    return load_bundle(tmp_path / "bundle")


def test_live_is_offline(loaded: Bundle, session: Session) -> None:
    rig = MemoryRig(loaded.model).appear(raster_stream(loaded.model.channel_ids))
    for chunk in session.spikes.raster(0, 3000 * MS):
        rig.now_ns = int(chunk.stamp_ns[-1]) + START_NS
        rig.then(chunk._replace(stamp_ns=chunk.stamp_ns + START_NS))
    results = rig.run().results
    rig.check_standing_still()
    assert [sent.stamp_ns for sent in results.classes] == [
        sent.stamp_ns for sent in results.outputs
    ]
    sent = {each.stamp_ns - START_NS: each.values for each in results.classes}
    offline = decode(loaded, session)
    assert offline.probabilities is not None
    end_ns = offline.end_ns[offline.end_ns <= 2900 * MS]
    assert end_ns.size > 100
    got = np.array([sent[end] for end in end_ns.tolist()], dtype=np.float32)
    np.testing.assert_array_equal(got, offline.probabilities[: end_ns.size])
    np.testing.assert_allclose(got.sum(axis=1), 1.0, atol=1e-6)


def test_classes_are_scored_beside_a_control_and_chance(loaded: Bundle, session: Session) -> None:
    manifest, scores = loaded.manifest, loaded.scores.classes
    assert manifest.classifier is not None
    assert scores is not None
    assert scores.shuffled_balanced_accuracy is not None
    of = manifest.classifier.of
    assert set(manifest.classes) <= set(OF[of])
    assert manifest.classes == tuple(name for name in OF[of] if name in manifest.classes)
    assert [output.name for output in manifest.decoded_outputs] == ["vx", "vy"]
    again = decode(loaded, session).score(session).classes
    assert again is not None
    assert again.balanced_accuracy == pytest.approx(scores.balanced_accuracy)
    assert again.chance == scores.chance
    if of != "direction":
        # Few trials to each of eight directions say little.
        assert scores.chance == 0.5
        assert scores.balanced_accuracy > 0.65
        assert scores.shuffled_balanced_accuracy == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("trained", ["movement"], indirect=True)
def test_the_encoder_and_the_readout_are_those_without_classes_of_a_column(
    trained: Bundle, small_session: Session
) -> None:
    settings = quick_settings(steps=20, ensemble=ALONE, **SMALL_NETWORK)
    plain = train(small_session, settings=settings, device="cpu")
    assert plain.encoder_onnx == trained.encoder_onnx
    assert plain.manifest.readout == trained.manifest.readout
    assert plain.manifest.training.session_sha256 == trained.manifest.training.session_sha256
    text = plain.manifest.model_dump_json()
    assert "classif" not in text
    assert "classes" not in text
    assert plain.golden.probabilities is None
    assert decode(plain, small_session).probabilities is None


def test_the_table_and_the_json_of_evaluate_show_the_classes(
    trained: Bundle, session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained.save(tmp_path / "bundle")
    save_session(session, tmp_path / "session.npz")
    evaluate(tmp_path / "bundle", [tmp_path / "session.npz"])
    of = trained.manifest.classifier.of
    shown = capsys.readouterr().out
    assert f"balanced accuracy of {of}" in shown
    assert f"chance level of {of}" in shown
    save_session(session.only(["vx", "vy"]), tmp_path / "plain.npz")
    evaluate(tmp_path / "bundle", [tmp_path / "plain.npz"], as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["velocity_r2"] == pytest.approx(trained.scores.r2)
    assert (told["classes"] is None) == (of == "click"), "this session has no such column"


def test_a_new_readout_keeps_the_classifier_of_the_same_latents(
    trained: Bundle, session: Session
) -> None:
    refitted = recalibrate_readout(Use((used(trained, session.only(["vx", "vy"]), 45.0),)), trained)
    assert refitted.notice == ""
    for other in (refitted.trained.bundle, with_readout(trained, trained.model.readout)):
        assert other.manifest.classifier == trained.manifest.classifier
        np.testing.assert_array_equal(
            other.golden.probabilities, other.model.classifier.classify_all(other.golden.latents)
        )
    assert refitted.trained.bundle.scores.classes is None, "not scored on the block"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ("0", "1", "2")}, "rows must have 3 numbers"),
        ({"classes": ("0", "0")}, "give each a name of its own"),
        ({"classes": ("0",), "bias": (0.0,), "matrix": ((0.0,),) * 9}, "1 classes: expected 2"),
        ({"matrix": ((0.0, 0.0),) * 3}, "has 3 rows, 3 latents have 9 features"),
        ({"bias": (0.0, float("inf"))}, "finite"),
        ({"extra": 1}, "Extra inputs"),
    ],
)
def test_a_classifier_that_does_not_fit_is_refused(
    small_bundle: Bundle, changes: dict[str, object], message: str
) -> None:
    content = small_bundle.manifest.model_dump() | {"classifier": ENTRY}
    assert Manifest.model_validate(content).classes == ("0", "1")
    content["classifier"] = ENTRY | changes
    with pytest.raises(ValueError, match=message):
        Manifest.model_validate(content)


def test_golden_windows_prove_the_probabilities(trained: Bundle, tmp_path: Path) -> None:
    golden = trained.golden
    wrong = {
        "none": None,
        "others": 1 - golden.probabilities,
        "too few": golden.probabilities[:, :1],
    }
    for name, probabilities in wrong.items():
        bad = replace(trained, golden=golden.model_copy(update={"probabilities": probabilities}))
        bad.save(tmp_path / name)
        with pytest.raises(BundleError, match="golden windows' probabilities differ"):
            load_bundle(tmp_path / name)


def test_classes_of_a_hop(small_session: Session) -> None:
    labels = label_hops(small_session, HOP_NS)
    direction = classes_of(small_session, "direction", HOP_NS)
    waiting = labels.end_ns <= small_session.trials.go_ns[labels.trial]
    assert (direction.labels.classes[waiting] == "").all()
    told = [float(name[:-1]) for name in direction.labels.classes[~waiting]]
    np.testing.assert_allclose(told, labels.direction_deg[~waiting] % 360)
    movement = classes_of(small_session, "movement", HOP_NS)
    moves = movement.labels.classes == "move"
    speed = np.hypot(*labels.values.T)
    assert np.median(speed[moves]) > 4 * np.median(speed[~moves])
    some = labels.where(labels.trial == 3)
    np.testing.assert_array_equal(
        movement.given_to(some).classes, movement.labels.classes[labels.trial == 3]
    )


def test_a_continuous_recording_has_movement_and_columns_throughout(session: Session) -> None:
    continuous = replace(session, trials=UNCUT)
    for of in ("movement", "click"):
        labels = classes_of(continuous, of, HOP_NS).labels
        assert len(labels) == len(label_hops(continuous, HOP_NS))
        assert set(labels.classes) == set(OF[of])


def test_a_column_is_valid_from_its_sample_on_and_zero_comes_first(small_session: Session) -> None:
    n = len(small_session.behaviour.time_ns)
    column = np.repeat([2.0, -1.0, 0.0], -(-n // 3))[:n]
    classes = classes_of(with_column(small_session, column), "click", HOP_NS)
    assert classes.names == ("0", "-1", "2")
    time_ns = small_session.behaviour.time_ns
    newest = np.searchsorted(time_ns, classes.labels.end_ns, side="right") - 1
    assert classes.labels.classes.tolist() == [f"{value:.0f}" for value in column[newest]]


def test_a_sessions_directions_are_named_to_a_tenth_of_a_degree(small_session: Session) -> None:
    trials = small_session.trials
    turned = np.where(trials.direction_deg == 0, 359.99, trials.direction_deg - 0.01)
    session = replace(small_session, trials=replace(trials, direction_deg=turned))
    assert classes_of(session, "direction", HOP_NS).names == OF["direction"]


@pytest.mark.parametrize(
    ("of", "change", "message"),
    [
        ("direction", lambda s: replace(s, trials=UNCUT), "is continuous, its movements have no"),
        ("direction", lambda s: with_directions(s, np.arange(16) * 1.0), None),
        ("direction", lambda s: with_directions(s, np.zeros(16)), "1 directions, expected 2 to 16"),
        ("movement", positions_alone, "no velocity, only vx, vy"),
        ("clik", lambda s: s, "expected 'direction', 'movement', or a column .* holds vx, vy"),
        ("vx", lambda s: s, "expected whole numbers, such as 0 and 1; decode it as an output"),
        ("click", lambda s: with_column(s, counting(s, 17)), "17 values, expected 2 to 16"),
        ("click", lambda s: with_column(s, counting(s, 1)), "1 values, expected 2 to 16"),
        ("click", lambda s: with_column(s, counting(s, 16)), None),
    ],
)
def test_a_session_that_does_not_tell_the_classes_is_refused_with_the_reason(
    small_session: Session, of: str, change: Callable[[Session], Session], message: str | None
) -> None:
    session = change(small_session)
    if message is None:
        assert len(classes_of(session, of, HOP_NS).names) == 16
        return
    with pytest.raises(SessionError, match=message):
        classes_of(session, of, HOP_NS)


def test_a_column_is_either_an_output_or_classified(session: Session) -> None:
    assert [output.name for output in learned_part(session, (), "click").behaviour.outputs] == [
        "vx",
        "vy",
    ]
    with pytest.raises(ConfigError, match="'click' is among the outputs and the classes"):
        learned_part(session, ("vx", "click"), "click")
    with pytest.raises(ConfigError, match="holds nothing else"):
        learned_part(session.only(["click"]), (), "click")


def test_the_command_line_chooses_the_classes() -> None:
    assert train_settings(None, None, classes="direction").classes == "direction"
    assert train_settings(None, None).classes == ""


def test_quick_takes_a_quarter_of_the_steps(tmp_path: Path) -> None:
    assert train_settings(None, None, quick=True).steps == train_settings(None, None).steps // 4
    config = tmp_path / "train.toml"
    config.write_text("steps = 12")
    assert train_settings(config, None, quick=True).steps == 10


def test_training_trials_of_one_class_are_refused(small_session: Session) -> None:
    late = small_session.behaviour.time_ns > small_session.trials.start_ns[12]
    with pytest.raises(SessionError, match="the training trials hold 0 alone, expected 2 classes"):
        train(
            with_column(small_session, late),
            settings=quick_settings(steps=10, classes="click", ensemble=ALONE),
            device="cpu",
        )
