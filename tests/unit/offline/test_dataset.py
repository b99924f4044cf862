"""Windows and labels: the decoder's own, across trial joins, never from the future."""

from dataclasses import replace

import numpy as np
import pytest

from offline_training.ner.sampling import PartnerSampler
from offline_training.settings import TrainSettings, WindowSettings, window_shape
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.loading import load_session
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.data.session.trials import Trials
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.windows import Window, WindowShape
from rt_ner.offline.dataset import build_dataset
from rt_ner.offline.labels import Labels, label_hops, shuffle_trials
from tests.helpers.sessions import reach_file

BIN_NS = 30_000_000


def counted_session(n_trials: int = 4, n_bins: int = 20) -> Session:
    """Counts that say when they were: bin k of channel 0 holds k mod 250."""
    total = n_trials * n_bins
    index = np.arange(total)
    start_ns = np.arange(n_trials, dtype=np.int64) * n_bins * BIN_NS
    return Session(
        name="counted",
        area="M1",
        channel_ids=("a", "b"),
        spikes=SpikeCounts(np.stack([index % 250, index % 7], axis=1).astype(np.uint8), BIN_NS),
        behaviour=Behaviour((index + 1) * BIN_NS, np.stack([np.sin(index), np.cos(index)], 1)),
        trials=Trials(
            start_ns,
            start_ns + BIN_NS,
            start_ns + n_bins * BIN_NS,
            90.0 * np.arange(n_trials),
            np.zeros((n_trials, 2)),
        ),
    )


def test_windows_equal_a_literal_slice_and_run_across_joins() -> None:
    session = counted_session()
    shape = window_shape(WindowSettings(history_bins=6), session)
    dataset = build_dataset(session, shape)
    assert isinstance(session.spikes, SpikeCounts)
    for window, end_ns, trial in zip(
        dataset.windows, dataset.labels.end_ns, dataset.labels.trial, strict=True
    ):
        last = end_ns // BIN_NS
        np.testing.assert_array_equal(window, session.spikes.counts[last - 6 : last])
        assert trial == (last - 1) // 20
    # Only the session's start lacks history: later trials begin with that of the trial before.
    assert dataset.labels.end_ns[0] == 6 * BIN_NS
    assert len(dataset.labels) == 80 - 5


def windows_one_by_one(session: Session, shape: WindowShape) -> tuple[np.ndarray, np.ndarray]:
    """The windows of the labelled hops, as the live decoder fills them hop by hop."""
    labels = label_hops(session, shape.hop_ns)
    window = Window(shape, len(session.channel_ids))
    binner = raster_binner(len(session.channel_ids), shape.hop_ns, session.spikes.raster_period_ns)
    windows, ends_ns = [], []
    for chunk in session.spikes.raster(0, session.end_ns):
        for end_ns in binner.push(chunk):
            if window.push(end_ns, binner.counts) and end_ns in labels.end_ns:
                window.sum_up()
                windows.append(window.values[0].copy())
                ends_ns.append(end_ns)
    return np.array(windows), np.array(ends_ns)


def with_pauses(session: Session, pause_ns: int) -> Session:
    """The session with trials that end earlier, so that no labelled hops follow one another."""
    trials = session.trials
    return replace(session, trials=replace(trials, end_ns=trials.end_ns - pause_ns))


@pytest.mark.parametrize("hops_per_bin", [1, 2, 3])
@pytest.mark.parametrize("pause_bins", [0, 4])
def test_windows_are_those_that_the_decoder_fills_hop_by_hop(
    hops_per_bin: int, pause_bins: int
) -> None:
    session = with_pauses(counted_session(), pause_bins * BIN_NS)
    shape = WindowShape(hop_ns=BIN_NS, bin_ns=hops_per_bin * BIN_NS, history_bins=5)
    dataset = build_dataset(session, shape)
    windows, ends_ns = windows_one_by_one(session, shape)
    np.testing.assert_array_equal(dataset.windows, windows)
    np.testing.assert_array_equal(dataset.labels.end_ns, ends_ns)
    assert dataset.windows.dtype == np.uint16


def test_windows_of_spike_times_are_those_that_the_decoder_fills(small_session: Session) -> None:
    shape = window_shape(TrainSettings().window, small_session)
    dataset = build_dataset(small_session, shape)
    windows, ends_ns = windows_one_by_one(small_session, shape)
    np.testing.assert_array_equal(dataset.windows, windows)
    np.testing.assert_array_equal(dataset.labels.end_ns, ends_ns)


def test_windows_that_follow_one_another_share_their_memory() -> None:
    session = counted_session()
    shape = WindowShape(hop_ns=BIN_NS, bin_ns=BIN_NS, history_bins=6)
    dataset = build_dataset(session, shape)
    part = dataset.where(dataset.labels.trial < 2)
    assert np.shares_memory(part.windows[0], part.windows[1])
    assert np.shares_memory(part.windows, dataset.windows)
    sparse = part.where(np.arange(len(part.labels)) % 3 == 1)
    np.testing.assert_array_equal(sparse.windows, part.windows[1::3])
    assert np.shares_memory(sparse.windows, dataset.windows)
    scattered = dataset.where(dataset.labels.trial % 2 == 0)
    np.testing.assert_array_equal(scattered.windows, dataset.windows[dataset.labels.trial % 2 == 0])


def test_a_window_knows_nothing_of_the_future() -> None:
    session = counted_session()
    shape = window_shape(WindowSettings(history_bins=6), session)
    dataset = build_dataset(session, shape)
    newest_count = dataset.windows[:, -1, 0].astype(int)
    np.testing.assert_array_equal((newest_count + 1) * BIN_NS, dataset.labels.end_ns)


def test_hops_between_trials_have_no_label() -> None:
    session = counted_session()
    labels = label_hops(session, BIN_NS)
    trial = session.trials.index_at(labels.end_ns)
    assert (trial >= 0).all()
    np.testing.assert_array_equal(labels.direction_deg, 90.0 * trial)


def test_the_window_of_a_recorded_session_follows_its_bins() -> None:
    shape = window_shape(TrainSettings().window, counted_session())
    assert (shape.hop_ns, shape.bin_ns) == (BIN_NS, BIN_NS)


def test_the_window_of_spike_times_is_finer(small_session: Session) -> None:
    shape = window_shape(TrainSettings().window, small_session)
    assert (shape.hop_ns, shape.bin_ns) == (10_000_000, 30_000_000)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (WindowSettings(hop_ms=10), "samples of 30 ms"),
        (WindowSettings(hop_ms=60, bin_ms=90), "does not divide"),
    ],
)
def test_a_window_that_the_session_can_not_give_is_refused(
    settings: WindowSettings, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        window_shape(settings, counted_session())


def test_a_session_shorter_than_the_history_is_refused() -> None:
    session = counted_session(n_trials=2, n_bins=5)
    with pytest.raises(SessionError, match="no labelled moment"):
        build_dataset(session, window_shape(WindowSettings(history_bins=16), session))


def test_shuffling_gives_every_trial_another_ones_labels() -> None:
    labels = label_hops(counted_session(6), BIN_NS)
    shuffled = shuffle_trials(labels, np.random.default_rng(0))
    np.testing.assert_array_equal(shuffled.trial, labels.trial)
    np.testing.assert_array_equal(shuffled.end_ns, labels.end_ns)
    donors = []
    for trial in range(6):
        mine = labels.trial == trial
        assert (shuffled.direction_deg[mine] != labels.direction_deg[mine]).all()
        (donor,) = set(shuffled.direction_deg[mine] / 90.0)
        theirs = labels.trial == donor
        np.testing.assert_array_equal(shuffled.values[mine], labels.values[theirs])
        donors.append(donor)
    assert sorted(donors) == list(range(6))


def test_shuffling_keeps_nothing_of_the_direction() -> None:
    session = counted_session(60)
    directions = 45.0 * np.random.default_rng(1).integers(0, 8, 60)
    trial = np.repeat(np.arange(60), 20)
    labels = replace(label_hops(session, BIN_NS), direction_deg=directions[trial])
    for seed in range(5):
        shuffled = shuffle_trials(labels, np.random.default_rng(seed))
        turn = np.deg2rad(shuffled.direction_deg - labels.direction_deg)
        assert abs(np.cos(turn).mean()) < 0.01


def test_one_trial_is_no_control() -> None:
    with pytest.raises(SessionError, match="1 trial can't be shuffled"):
        shuffle_trials(label_hops(counted_session(1), BIN_NS), np.random.default_rng(0))


def test_partners_lie_where_an_anchor_might_go_next() -> None:
    """With one constant change of velocity, the partner is the next hop itself."""
    n = 50
    labels = Labels(
        np.arange(1, n + 1, dtype=np.int64) * BIN_NS,
        np.stack([np.arange(n) * 1.0, np.zeros(n)], axis=1),
        np.zeros(n),
        np.zeros(n, dtype=np.int64),
    )
    anchors, partners = PartnerSampler(labels, BIN_NS, np.random.default_rng(0)).draw(200)
    np.testing.assert_array_equal(partners, np.minimum(anchors + 1, n - 1))


def test_steps_between_trials_are_not_observed() -> None:
    labels = label_hops(counted_session(2, 1), BIN_NS)
    with pytest.raises(SessionError, match="within a trial"):
        PartnerSampler(labels, BIN_NS, np.random.default_rng(0))


def test_history_of_a_real_session_is_never_padded() -> None:
    session = load_session(reach_file("Chewie_20150629"))
    shape = window_shape(TrainSettings().window, session)
    dataset = build_dataset(session, shape)
    first_of_trial = np.flatnonzero(np.diff(dataset.labels.trial, prepend=-1))[1:]
    # The oldest bins of a trial's first window are the last ones of the trial before.
    assert dataset.windows[first_of_trial, 0].any(axis=1).mean() > 0.9
