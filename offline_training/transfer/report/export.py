"""Build the bundle of an aligned decoder, verified with the live decoder's own code."""

from dataclasses import replace

from offline_training.training import exported_model, training_entry
from offline_training.transfer.results import TRANSFER, Curve, Point
from rt_ner.bundle.assembly import assemble_bundle
from rt_ner.bundle.manifest import CarriedFrom, Scores
from rt_ner.core.contract.outputs import kind_of
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.expectation.measured import expectation_of
from rt_ner.offline.faults.measurement import corruption_table
from rt_ner.offline.held_out.proof import Trained
from rt_ner.offline.scores import Comparison, compare, only_trials


def aligned_bundle(curve: Curve, n_trials: int) -> Trained:
    """Return the target day's bundle: encoder of ``n_trials`` trials, source day's readout."""
    session, split = curve.days.target.session, curve.days.target.split
    network = curve.aligned[n_trials].network
    model = exported_model(
        network, session.channel_ids, split.shape, curve.source.readout, split.train
    )
    expectation = expectation_of(session, split.n_train, split.shape.hop_ns)
    model = replace(model, voltage=session.voltage, expectation=expectation)
    whole = compare(decode_session(model, session), session, split.shape.hop_ns)
    history_ns = split.shape.history_ns
    held_out = only_trials(whole, split.n_train, len(session.trials), history_ns)
    train = only_trials(whole, 0, split.n_train, history_ns)
    point = _transfer_point(curve, n_trials)
    origin = CarriedFrom(
        session=curve.days.known,
        session_sha256=curve.days.source.session.sha256,
        n_calibration_trials=n_trials,
    )
    training = training_entry(session, curve.days.settings, split.n_train, origin)
    scores = _scores(train, held_out, point)
    corruption = corruption_table(model, session, held_out.labels, curve.days.settings.seed)
    bundle = assemble_bundle(model, split.test.windows, training, scores, corruption)
    return Trained(bundle, train, held_out, point.fit_s)


def _scores(train: Comparison, held_out: Comparison, point: Point) -> Scores:
    assert point.shuffled_r2 is not None
    return Scores(
        r2=held_out.r2(),
        path_r2=held_out.path_r2(),
        train_r2=train.r2(),
        shuffled_r2=point.shuffled_r2,
        of=kind_of(held_out.labels.outputs),
    )


def _transfer_point(curve: Curve, n_trials: int) -> Point:
    return next(
        point for point in curve.points if point.method == TRANSFER and point.trials == n_trials
    )
