"""The simulated subject: its neurons, its intention, and what a closed loop makes of them."""

from dataclasses import replace

import numpy as np
import pytest

from drivers.simulated.subject.clicking import Clicking
from drivers.simulated.subject.firing import Firing
from drivers.simulated.subject.intention import CursorAnswer, Intention, SubjectSettings
from drivers.simulated.subject.neurons import SharedNoise, drives, fitted, made_up
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.data.session.trials import Trials

STEP_S = 0.005


def test_neurons_fire_at_their_rates(rng: np.random.Generator) -> None:
    neurons = made_up(rng)
    velocity, position = np.array([20.0, -5.0]), np.array([3.0, 1.0])
    spikes = Firing(neurons, rng).fire(velocity, position, 20_000)
    rates = np.zeros(len(neurons.channel_ids))
    np.add.at(rates, neurons.channel, neurons.rates_hz(velocity[None], position[None])[0])
    busy = rates > 20
    # Less by the refractory period, and no more.
    ratio = spikes.sum(axis=0)[busy] / 20.0 / rates[busy]
    assert ratio.min() > 0.7
    assert ratio.max() < 1.15
    assert not spikes.sum(axis=0)[rates == 0].any()


def test_a_seed_gives_the_spikes_that_it_always_gave() -> None:
    """Results with made-up neurons stay, bit for bit, whatever the model can do besides."""
    later = made_up(np.random.default_rng(0), 6).another_day(np.random.default_rng(1))
    firing = Firing(later, np.random.default_rng(2))
    spikes = firing.fire(np.array([20.0, -5.0]), np.array([3.0, 1.0]), 2000)
    assert spikes.sum(axis=0).tolist() == [77, 31, 0, 0, 47, 18]
    moments_ms = (spikes * np.arange(1, 2001)[:, None]).sum(axis=0)
    assert moments_ms.tolist() == [68777, 32924, 0, 0, 42397, 20935]


def test_shared_noise_changes_all_rates_together_for_a_while(rng: np.random.Generator) -> None:
    quiet = made_up(rng, channel=np.arange(40), n_electrodes=40)
    firing = Firing(replace(quiet, shared_noise=SharedNoise(0.3, 0.06)), rng)
    sums = [firing.fire(np.zeros(2), np.zeros(2), 20).sum() for _ in range(4000)]
    rates = np.array(sums) / np.mean(sums)
    together = [np.cov(rates[lag:], rates[:-lag])[0, 1] for lag in (1, 2)]
    assert together[0] == pytest.approx(0.3**2 * np.exp(-20 / 60), rel=0.25)
    assert together[1] / together[0] == pytest.approx(np.exp(-20 / 60), rel=0.2)


def test_another_day_replaces_turns_and_silences(rng: np.random.Generator) -> None:
    neurons = made_up(rng)
    later = neurons.another_day(rng, replaced=0.3, turned_deg=20.0, gain_sd=0.0, silenced=5)
    silent = np.isinf(later.log_hz)
    assert np.unique(neurons.channel[silent]).size <= 5
    same = (later.weights[2] == neurons.weights[2]) & ~silent
    assert 0.6 < same.mean() < 0.8
    turn = np.angle(
        (later.weights[0] + 1j * later.weights[1]) / (neurons.weights[0] + 1j * neurons.weights[1])
    )[same]
    assert np.rad2deg(turn).std() == pytest.approx(20.0, rel=0.25)
    np.testing.assert_allclose(
        np.hypot(*later.weights[:2, same]), np.hypot(*neurons.weights[:2, same])
    )


def test_a_change_of_baselines_leaves_the_rest_of_another_day_as_it_was() -> None:
    neurons = made_up(np.random.default_rng(0))
    plain, changed = (
        neurons.another_day(np.random.default_rng(1), baseline_sd=sd) for sd in (0.0, 0.3)
    )
    np.testing.assert_array_equal(plain.weights, changed.weights)
    shift = changed.log_hz - plain.log_hz
    new = plain.log_hz != neurons.log_hz
    assert not shift[new].any()
    assert shift[~new].std() == pytest.approx(0.3, rel=0.25)


def test_seven_nights_make_a_week() -> None:
    rng = np.random.default_rng(0)
    neurons = later = made_up(rng, channel=np.repeat(np.arange(96), 10))
    for _ in range(7):
        later = later.after_a_night(rng)
    was, now = (each.weights[0] + 1j * each.weights[1] for each in (neurons, later))
    # A unit that stays keeps the ratio of its weights for speed and velocity.
    kept = np.isclose(later.weights[2] / abs(now), neurons.weights[2] / abs(was))
    assert kept.mean() == pytest.approx(0.7, abs=0.06)
    change = (now / was)[kept]
    assert np.rad2deg(np.angle(change)).std() == pytest.approx(20.0, rel=0.15)
    assert np.log(abs(change)).std() == pytest.approx(0.2, rel=0.15)
    assert (later.log_hz - neurons.log_hz)[kept].std() == pytest.approx(0.4, rel=0.15)


def test_a_fit_finds_the_tuning_that_made_a_session(rng: np.random.Generator) -> None:
    neurons = made_up(rng, channel=np.arange(12), n_electrodes=12)
    n = 20_000
    smooth = np.hanning(60) / np.hanning(60).sum()
    path = np.stack(
        [np.convolve(rng.normal(size=n), smooth, "same") * 30 for _ in range(2)], axis=1
    )
    velocity = np.gradient(path, 0.01, axis=0) / 5
    end_ns = (np.arange(n) + 1) * 10_000_000
    trials = Trials(end_ns[:1] - 1, end_ns[:1], end_ns[-1:], np.zeros(1), np.zeros((1, 2)))
    position = np.cumsum(velocity, axis=0) * 0.01
    position -= position[0]
    counts = rng.poisson(neurons.rates_hz(velocity, position) * 0.01)
    session = Session(
        "made", "M1", neurons.channel_ids, SpikeCounts(counts.astype(np.uint8), 10_000_000),
        Behaviour(end_ns, velocity), trials,
    )  # fmt: skip
    found = fitted(session)
    np.testing.assert_allclose(found.log_hz, neurons.log_hz, atol=0.2)
    assert np.corrcoef(found.weights[:2].ravel(), neurons.weights[:2].ravel())[0, 1] > 0.97


def test_drives_are_what_they_are_called() -> None:
    row = drives(np.array([[30.0, -40.0]]), np.array([[8.0, 4.0]]))[0]
    np.testing.assert_allclose(row, [1.0, -4 / 3, 5 / 3, 1.0, 0.5])


def reach(
    settings: SubjectSettings, goal: np.ndarray, seconds: float, delay: int = 0
) -> np.ndarray:
    """The cursor's way when it does what is meant, so many steps late."""
    intention = Intention(settings, STEP_S, np.random.default_rng(0))
    cursor, meant, path = np.zeros(2), [np.zeros(2)] * (delay + 1), []
    for _ in range(round(seconds / STEP_S)):
        intention.step(cursor, goal)
        meant.append(intention.velocity_cm_s)
        cursor = cursor + STEP_S * meant[-1 - delay]
        path.append(cursor)
    return np.array(path)


CALM = SubjectSettings(noise=0.0, noise_cm_s=0.0, expected_delay_s=0.0)


def test_nothing_is_meant_before_anything_is_seen() -> None:
    path = reach(CALM, np.array([8.0, 0.0]), 1.0)
    late = round(CALM.visual_delay_s / STEP_S)
    assert not path[: late - 1].any()
    assert path[late + 5, 0] > 0


@pytest.mark.parametrize("delay_s", [0.0, 0.1])
def test_a_known_delay_is_no_reason_to_overshoot(delay_s: float) -> None:
    settings = SubjectSettings(noise=0.0, noise_cm_s=0.0, expected_delay_s=delay_s)
    path = reach(settings, np.array([8.0, 0.0]), 2.0, round(delay_s / STEP_S))
    assert path[:, 0].max() < 8.8
    assert path[-1] == pytest.approx([8.0, 0.0], abs=0.1)


@pytest.mark.parametrize(("late_s", "gain"), [(0.02, 1.0), (0.2, 0.6)])
def test_a_subject_learns_how_a_cursor_answers(late_s: float, gain: float) -> None:
    """Intention wanders; the cursor does part of it, later than the subject expects at first."""
    settings, rng = SubjectSettings(), np.random.default_rng(1)
    answer = CursorAnswer(settings, STEP_S)
    visual, late = round(settings.visual_delay_s / STEP_S), round(late_s / STEP_S)
    meant, cursor, seen = [np.zeros(2)], np.zeros(2), [np.zeros(2)] * visual
    for _ in range(4000):
        meant.append(0.97 * meant[-1] + rng.normal(scale=5.0, size=2))
        answer.learn(seen[-visual])
        answer.intend(meant[-1])
        cursor = cursor + gain * STEP_S * meant[max(len(meant) - 1 - late, 0)]
        seen.append(cursor)
    unseen = meant[len(meant) - visual - late :]
    expected = gain * STEP_S * np.sum(unseen, axis=0)
    np.testing.assert_allclose(answer.on_its_way_cm(), expected, atol=0.1)


def test_the_hand_follows_what_is_meant(rng: np.random.Generator) -> None:
    settings = SubjectSettings()
    intention = Intention(settings, STEP_S, rng)
    meant, hand = [], []
    for _ in range(200):
        intention.step(np.zeros(2), np.array([5.0, 5.0]))
        meant.append(intention.velocity_cm_s)
        hand.append(intention.hand_cm_s)
    late = round(settings.motor_delay_s / STEP_S) - 1
    np.testing.assert_array_equal(hand[late:], meant[: 200 - late])


def test_a_click_begins_after_settling_and_lasts_until_the_target_is_gone() -> None:
    clicking = Clicking(STEP_S)
    for distance_cm, radius_cm, n_steps in ((0.5, 0.0, 100), (1.5, 1.0, 100), (0.5, 1.0, 19)):
        for _ in range(n_steps):
            clicking.step(distance_cm, radius_cm)
            assert not clicking.is_clicking, "no target, outside of it, or not yet settled"
    for _ in range(50):
        clicking.step(0.5, 1.0)
        assert clicking.is_clicking
    clicking.step(np.inf, 0.0)
    assert not clicking.is_clicking, "the target is gone"


def test_a_click_that_selects_nothing_ends_and_comes_again() -> None:
    clicking = Clicking(STEP_S)
    clicked = []
    for _ in range(400):
        clicking.step(0.0, 1.0)
        clicked.append(clicking.is_clicking)
    begins, ends = (
        np.flatnonzero(np.diff(clicked) & (np.array(clicked[1:]) == on)) for on in (1, 0)
    )
    assert (len(begins), len(ends)) == (2, 1)
    assert (ends - begins[:1]) * STEP_S == pytest.approx(0.8)
    assert begins[1] - ends[0] >= 0.4 / STEP_S


def test_a_click_changes_rates_and_no_click_none() -> None:
    neurons = made_up(np.random.default_rng(0))
    still = np.zeros((1, 2))
    rest, click = (neurons.rates_hz(still, still, each)[0] for each in (0.0, 1.0))
    np.testing.assert_array_equal(rest, np.exp(neurons.log_hz))
    change = np.log(click / rest)
    np.testing.assert_allclose(change, neurons.click)
    assert 0.4 < change.std() < 0.6
