"""Sessions that are too poor to train on: warned of or refused beforehand."""

from dataclasses import replace

import numpy as np
import pytest

from offline_training.dataset.adequacy import balanced_chances, check_adequacy
from offline_training.ner.sampling import PartnerSampler
from rt_ner.core.errors import SessionError
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.held_out.split import Split
from rt_ner.offline.labels import Labels

BIN_NS = 30_000_000
HOPS = 10
SHAPE = WindowShape(hop_ns=BIN_NS, bin_ns=BIN_NS, history_bins=2)
CHANNELS = ("a", "b", "c")
EVEN = tuple(45.0 * k for k in range(8))


def dataset(directions: list[float], first_trial: int = 0) -> Dataset:
    """Trials of ten hops to these directions, not quite straight; three channels that fire."""
    n = len(directions) * HOPS
    trial = np.repeat(np.arange(len(directions)), HOPS) + first_trial
    angle = np.deg2rad(np.repeat(directions, HOPS))
    speed = np.tile(np.sin(np.linspace(0, np.pi, HOPS)), len(directions))
    tremor = np.random.default_rng(0).normal(scale=0.1, size=(n, 2))
    labels = Labels(
        (np.arange(n, dtype=np.int64) + 1 + first_trial * HOPS) * BIN_NS,
        10 * speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1) + tremor,
        np.repeat(np.array(directions), HOPS),
        trial,
    )
    return Dataset(np.ones((n, 2, 3), dtype=np.uint16), labels)


def split(train: list[float], test: list[float]) -> Split:
    n_train = len(train)
    return Split(dataset(train), dataset(test, n_train), n_train, SHAPE)


def test_a_good_session_has_no_warnings() -> None:
    assert check_adequacy(split(list(EVEN * 4), list(EVEN)), CHANNELS) == ()


def test_too_few_trials_are_refused_and_few_are_warned_of() -> None:
    with pytest.raises(SessionError, match="3 training trials: at least 4"):
        check_adequacy(split([0.0, 90.0, 180.0], [0.0]), CHANNELS)
    warnings = check_adequacy(split([0.0, 90.0, 180.0, 270.0] * 4, [0.0]), CHANNELS)
    assert ["16 training trials are few" in warning for warning in warnings] == [True]


@pytest.mark.parametrize(("axes", "named"), [([0], "vx"), ([1], "vy"), ([0, 1], "vx and vy")])
def test_constant_labels_are_refused(axes: list[int], named: str) -> None:
    whole = split(list(EVEN * 4), list(EVEN))
    velocity = whole.train.labels.values.copy()
    # The mean of many 0.1 is not 0.1: no standard deviation would be zero.
    velocity[:, axes] = 0.1
    train = replace(whole.train, labels=replace(whole.train.labels, values=velocity))
    with pytest.raises(SessionError, match=f"no change in {named} in"):
        check_adequacy(replace(whole, train=train), CHANNELS)


def test_constant_held_out_labels_are_refused() -> None:
    whole = split(list(EVEN * 4), list(EVEN))
    labels = replace(whole.test.labels, values=np.zeros((len(whole.test.labels), 2)))
    with pytest.raises(SessionError, match="in the held-out trials"):
        check_adequacy(replace(whole, test=replace(whole.test, labels=labels)), CHANNELS)


def test_a_whole_turn_is_no_other_direction() -> None:
    labels = dataset([0.0] * 10 + [360.0] * 10 + [90.0] * 2).labels
    chances = balanced_chances(labels)
    assert chances is not None
    assert chances[labels.direction_deg == 90.0].sum() == pytest.approx(0.5)


def test_a_direction_that_only_held_out_trials_have_is_named() -> None:
    seven = [direction for direction in EVEN if direction != 135.0]
    (warning,) = check_adequacy(split(seven * 4, list(EVEN)), CHANNELS)
    assert "held-out trials reach to 135°" in warning


def test_a_direction_that_the_circle_lacks_is_named() -> None:
    seven = [direction for direction in EVEN if direction != 0.0]
    (warning,) = check_adequacy(split(seven * 4, seven), CHANNELS)
    assert "no trial reaches to 0°" in warning


def test_one_direction_alone_is_said() -> None:
    (warning,) = check_adequacy(split([90.0] * 30, [90.0]), CHANNELS)
    assert "ranked by the outputs alone" in warning


def test_a_direction_with_hardly_a_trial_is_said() -> None:
    rare = [0.0, 0.0, 120.0, 120.0, 240.0, 240.0] * 4
    directions = [*rare, 30.0, 30.0, 75.0, *([60.0] * 3)]
    unbalanced, few = check_adequacy(split(directions, [0.0]), CHANNELS)
    assert "8 training trials reach to 0°, 1 to 75°" in unbalanced
    assert "fewer than 3 training trials each reach to 30°, 75°" in few


def test_rare_directions_are_drawn_as_often_as_common_ones() -> None:
    unbalanced = split([0.0] * 40 + [180.0] * 4, [0.0])
    (warning,) = check_adequacy(unbalanced, CHANNELS)
    assert "40 training trials reach to 0°, 4 to 180°: directions are drawn evenly" in warning
    labels = unbalanced.train.labels
    anchors, _ = PartnerSampler(labels, BIN_NS, np.random.default_rng(0)).draw(4000)
    assert np.mean(labels.direction_deg[anchors] == 180.0) == pytest.approx(0.5, abs=0.05)
    chances = balanced_chances(labels)
    assert chances is not None
    assert chances.sum() == pytest.approx(1.0)
    assert balanced_chances(dataset(list(EVEN)).labels) is None


def test_directions_of_a_continuum_are_not_counted_one_by_one() -> None:
    continuum = np.linspace(0, 350, 60).tolist()
    assert check_adequacy(split(continuum, [1.0, 2.0]), CHANNELS) == ()
    assert balanced_chances(dataset(continuum).labels) is None


def test_silent_channels_are_named_and_a_silent_array_is_refused() -> None:
    whole = split(list(EVEN * 4), list(EVEN))
    windows = whole.train.windows.copy()
    windows[:, :, 1] = 0
    (warning,) = check_adequacy(
        replace(whole, train=replace(whole.train, windows=windows)), CHANNELS
    )
    assert "1 of 3 channels are silent in the training trials (b): they are ignored" in warning
    windows[:, :, 2] = 0
    (warning,) = check_adequacy(
        replace(whole, train=replace(whole.train, windows=windows)), CHANNELS
    )
    assert "2 of 3 channels, more than half are silent" in warning
    with pytest.raises(SessionError, match="no channel has a single spike"):
        check_adequacy(
            replace(whole, train=replace(whole.train, windows=np.zeros_like(windows))), CHANNELS
        )
