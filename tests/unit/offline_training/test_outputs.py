"""Any continuous behaviour: trained, exported, decoded live, scored, bit for bit as offline."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from offline_training.compare.evaluation_split import recording_of, usable_methods
from offline_training.compare.report.output import save
from offline_training.compare.run import Plan, run
from offline_training.dataset.adequacy import balanced_chances, check_adequacy
from offline_training.dataset.outputs import is_moving, output_scale, ranked_values
from offline_training.dataset.split import split_session
from offline_training.methods.latent.linear import LDA
from offline_training.methods.method import Method
from offline_training.settings import EnsembleSettings
from offline_training.training import train
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import load_bundle
from rt_ner.bundle.tables.manifest_table import manifest_rows
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, OutputKind, kind_of
from rt_ner.core.errors import ConfigError
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.trials import UNCUT
from rt_ner.decoding.chunks import RasterChunk
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.offline.decoding import decode
from rt_ner.offline.held_out.split import split_windows
from rt_ner.offline.labels import Labels, label_hops, shuffle_trials
from tests.helpers.memory_rig import MS, START_NS, MemoryRig, raster_stream
from tests.helpers.outputs import position_xy
from tests.helpers.reaches import Listener
from tests.helpers.sessions import SMALL_NETWORK, quick_settings

ANGLES = tuple(Output(f"joint_{k}", "deg", OutputKind.ANGLE) for k in range(6))
# What is decoded, as a function of velocity and position.
KINDS = {
    "1-D force": (Output("grip", "N", OutputKind.FORCE),),
    "2-D position": position_xy("hand"),
    "velocity and position": (*VELOCITY_XY, *position_xy("hand")),
    "3-D velocity": tuple(Output(f"v{axis}", "m/s", OutputKind.VELOCITY) for axis in "xyz"),
    "6-D angles": ANGLES,
}


def with_outputs(session: Session, outputs: tuple[Output, ...], continuous: bool) -> Session:
    """A session whose behaviour is other numbers that velocity and position determine."""
    velocity = session.behaviour.values
    path = np.cumsum(velocity, axis=0) * 0.01
    whole = np.concatenate([velocity, path - path.mean(axis=0)], axis=1)
    mixing = np.random.default_rng(len(outputs)).normal(size=(4, len(outputs)))
    if outputs[:2] == VELOCITY_XY:
        mixing[:] = np.eye(4)
    values = whole @ mixing
    behaviour = Behaviour(session.behaviour.time_ns, values, outputs)
    return replace(session, behaviour=behaviour, trials=UNCUT if continuous else session.trials)


@pytest.fixture(scope="module", params=KINDS)
def trained(request: pytest.FixtureRequest, small_session: Session) -> tuple[Session, Bundle]:
    outputs = KINDS[request.param]
    session = with_outputs(small_session, outputs, continuous=len(outputs) % 2 == 0)
    names = [output.name for output in outputs]
    alone = EnsembleSettings(members=1)
    settings = quick_settings(steps=20, outputs=names, ensemble=alone, **SMALL_NETWORK)
    return session, train(session, settings=settings, progress=False, device="cpu")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_live_is_offline_and_the_bundle_says_what_it_decodes(
    trained: tuple[Session, Bundle], tmp_path: Path
) -> None:
    session, bundle = trained
    bundle.save(tmp_path / "bundle")
    loaded = load_bundle(tmp_path / "bundle")
    outputs = session.behaviour.outputs
    assert loaded.manifest.decoded_outputs == loaded.model.readout.outputs == outputs
    assert loaded.scores == bundle.scores
    assert (
        f"{bundle.scores.r2:.3f}"
        in manifest_rows(loaded.manifest)[f"held-out {kind_of(outputs)} R²"]
    )
    rig = MemoryRig(loaded.model, safety={"max_speed_cm_s": 10_000})
    rig.appear(raster_stream(loaded.model.channel_ids))
    for chunk in session.spikes.raster(0, 3000 * MS):
        rig.now_ns = int(chunk.stamp_ns[-1]) + START_NS
        rig.then(chunk._replace(stamp_ns=chunk.stamp_ns + START_NS))
    sent = {each.stamp_ns - START_NS: each.values for each in rig.run().results.outputs}
    offline = decode(loaded, session)
    end_ns = offline.end_ns[offline.end_ns <= 2900 * MS]
    assert end_ns.size > 100
    got = np.array([sent[end] for end in end_ns.tolist()], dtype=np.float32)
    np.testing.assert_array_equal(got, offline.values[: end_ns.size])
    scores = offline.score(session)
    assert scores.r2 == pytest.approx(bundle.scores.r2, abs=1e-6)
    assert (scores.path_r2 is None) == (
        {output.kind for output in outputs} != {OutputKind.VELOCITY} or session.trials.are_blocks
    )


def test_what_is_not_a_rate_stays_where_it_is(small_bundle: Bundle) -> None:
    outputs = (VELOCITY_XY[0], position_xy()[0])
    own = small_bundle.model.readout
    model = replace(small_bundle.model, readout=Readout(own.matrix, own.bias, outputs))
    for holds in (True, False):
        rig = MemoryRig(model, safety={"hold": holds}).appear().raster(1500)
        rig.wait(400).run()
        *_, newest, rest, last = rig.results.outputs
        moved = next(each.values for each in reversed(rig.results.outputs) if each.values[0])
        assert last.values == (0.0, moved[1] if holds else 0.0)
        assert newest.values or rest.values


def labels_of(session: Session) -> Labels:
    return label_hops(session, 10 * MS)


def test_the_control_of_a_continuous_recording_is_shifted_in_a_circle(
    small_session: Session,
) -> None:
    labels = labels_of(replace(small_session, trials=UNCUT))
    shuffled = shuffle_trials(labels, np.random.default_rng(0))
    shift = next(
        k
        for k in range(len(labels))
        if np.array_equal(np.roll(labels.values, k, 0), shuffled.values)
    )
    assert len(labels) / 4 <= shift <= 3 * len(labels) / 4
    assert shift * 10 * MS > np.diff(labels.end_ns[np.flatnonzero(np.diff(labels.trial))]).max()
    np.testing.assert_array_equal(shuffled.end_ns, labels.end_ns)


def test_a_gap_parts_training_from_held_out(small_session: Session, small_bundle: Bundle) -> None:
    shape = small_bundle.model.window
    split = split_windows(replace(small_session, trials=UNCUT), shape, 0.2)
    gap_ns = split.test.labels.end_ns[0] - split.train.labels.end_ns[-1]
    assert gap_ns >= shape.history_ns


def test_directions_of_a_continuous_recording_are_those_of_the_movement(
    small_session: Session,
) -> None:
    labels = labels_of(replace(small_session, trials=UNCUT))
    speed = np.hypot(*labels.values.T)
    at_rest = np.isnan(labels.direction_deg)
    assert speed[at_rest].max() < speed[~at_rest].min() + 1e-9
    angle = np.deg2rad(labels.direction_deg[~at_rest])
    np.testing.assert_allclose(
        np.cos(angle) * speed[~at_rest], labels.values[~at_rest, 0], atol=1e-9
    )


def test_movement_is_drawn_twice_as_often_as_rest(small_session: Session) -> None:
    labels = labels_of(replace(small_session, trials=UNCUT))
    chances = balanced_chances(labels)
    moving = is_moving(labels.values, labels.outputs, 10)
    assert 0.05 < moving.mean() < 0.95
    assert chances is not None
    assert chances.sum() == pytest.approx(1.0)
    assert chances[moving].sum() == pytest.approx(2 / 3)


def test_outputs_of_any_unit_weigh_the_same(small_session: Session) -> None:
    labels = labels_of(small_session)
    assert ranked_values(labels) is labels.values, "velocities in cm/s are ranked as they are"
    mixed = replace(
        labels,
        values=np.concatenate([labels.values, 1e4 + 1e3 * labels.values[:, :1]], axis=1),
        outputs=(*VELOCITY_XY, Output("grip", "N", OutputKind.FORCE)),
    )
    ranked = ranked_values(mixed)
    np.testing.assert_allclose(ranked[:, 2], ranked[:, 0], atol=1e-6)
    scale = output_scale(mixed)
    np.testing.assert_allclose(scale.to_values(scale.to_standard(mixed.values)), mixed.values)
    constant = replace(labels, values=np.ones((len(labels), 1)), outputs=mixed.outputs[2:])
    assert not ranked_values(constant).any()


def test_a_jump_that_no_movement_can_be_is_named(small_session: Session) -> None:
    continuous = replace(small_session, trials=UNCUT).only(["vx", "vy"])
    values = continuous.behaviour.values.copy()
    values[500, 1] += 2000.0
    jumping = replace(continuous, behaviour=replace(continuous.behaviour, values=values))
    settings = quick_settings()
    for session, named in ((continuous, []), (jumping, ["vy jumps by"])):
        warnings = check_adequacy(split_session(session, settings), session.channel_ids)
        assert warnings[0].startswith("no trials: the recording is cut into blocks, 16 of them")
        said = [warning for warning in warnings if "jumps" in warning]
        assert [warning[: len("vy jumps by")] for warning in said] == named


def test_methods_are_compared_on_a_continuous_recording(
    small_session: Session, tmp_path: Path
) -> None:
    recording = recording_of(replace(small_session, trials=UNCUT))
    told: list[str] = []
    spikes = Method("spikes", 3, lambda *_: lambda dataset: dataset.windows[:, :, :3].sum(axis=1))
    methods = usable_methods((spikes, LDA), (recording,), told.append)
    assert methods == (spikes,)
    assert "lda is left out: simulated-3 M1 has no reach directions" in told[0]
    results = run(Plan((recording,), methods, 1, True, torch.device("cpu")), Listener())
    linear, knn = results.rows
    assert (linear.readout, knn.readout) == ("linear", "knn")
    assert linear.path_r2 is linear.direction_acc is None
    assert linear.shuffled_r2 is not None
    save(results, tmp_path / "out")
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"compare.json", "compare.md", "r2.png"}


def test_a_position_never_jumps_to_zero_for_want_of_a_number(small_bundle: Bundle) -> None:
    own = small_bundle.model.readout
    far = own.bias + np.array([0.0, 500.0])
    model = replace(
        small_bundle.model, readout=Readout(own.matrix, far, (VELOCITY_XY[0], position_xy()[1]))
    )
    rig = MemoryRig(model).appear()
    rig.raster(1200)
    broken = np.zeros((10, len(rig.channel_ids)), dtype=np.int16)
    broken[3, 5] = -1
    stamps_ns = rig.now_ns + np.arange(1, 11, dtype=np.int64) * MS
    rig.wait(10).then(RasterChunk(stamps_ns, broken))
    rig.raster(300).run()
    assert rig.counted()["invalid"] == 1
    positions = np.array([sent.values[1] for sent in rig.results.outputs])
    decoded = positions[np.flatnonzero(positions)[0] :]
    assert decoded.min() > 100.0, "held where nothing could be decoded, and at the end"
    velocities = np.array([sent.values[0] for sent in rig.results.outputs])
    assert (velocities[np.flatnonzero(velocities)[0] : -5] == 0).sum() == 1


def test_velocity_is_read_by_that_name_where_it_is_decoded(
    trained: tuple[Session, Bundle], small_bundle: Bundle, small_session: Session
) -> None:
    assert small_bundle.scores.velocity_r2 == small_bundle.scores.r2
    assert small_bundle.scores.shuffled_velocity_r2 == small_bundle.scores.shuffled_r2
    decoded = decode(small_bundle, small_session)
    assert decoded.velocity_cm_s is decoded.values
    session, bundle = trained
    if bundle.scores.of == OutputKind.VELOCITY:
        assert bundle.scores.velocity_r2 == bundle.scores.r2
    else:
        with pytest.raises(ConfigError, match="no velocity: read r2"):
            _ = bundle.scores.velocity_r2
    with pytest.raises(ConfigError, match="no velocity along x and y: read values"):
        _ = decode(bundle, session).velocity_cm_s
