"""Readouts with memory: the Kalman filter in its steady state, and a decoder that smooths."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from offline_training.ner.export.counts_encoder import counts_encoder
from offline_training.ner.readouts.kalman_readout import fit_kalman
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.verification import run_windows
from rt_ner.data.session.session import Session
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.labels import Labels

HOP_NS = 10_000_000


def walk(rng: np.random.Generator, n: int, n_channels: int) -> Dataset:
    velocity = np.zeros((n, 2))
    for k in range(1, n):
        velocity[k] = 0.95 * velocity[k - 1] + rng.normal(size=2)
    rates = np.exp(0.5 + velocity @ rng.normal(0, 0.1, size=(2, n_channels)))
    labels = Labels((np.arange(n) + 1) * HOP_NS, velocity, np.zeros(n), np.zeros(n, dtype=np.int64))
    return Dataset(rng.poisson(rates)[:, None], labels)


def test_the_steady_filter_is_what_the_filter_comes_to(rng: np.random.Generator) -> None:
    train = walk(rng, 3000, 6)
    readout = fit_kalman(train.windows[:, 0], train.labels, HOP_NS, is_white=True)
    counts, x = train.windows[:, 0], train.labels.values
    dynamics = np.linalg.lstsq(x[:-1], x[1:], rcond=None)[0].T
    wander = np.cov((x[1:] - x[:-1] @ dynamics.T).T)
    centred, moved = counts - counts.mean(axis=0), x - x.mean(axis=0)
    tuning = np.linalg.lstsq(moved, centred, rcond=None)[0].T
    noise = np.cov((centred - moved @ tuning.T).T)
    noise += np.eye(6) * 1e-3 * np.trace(noise) / 6
    state, cov = np.zeros(2), np.eye(2)
    velocity = np.zeros(2, dtype=np.float32)
    errors = []
    for z in centred[:400]:
        state, cov = dynamics @ state, dynamics @ cov @ dynamics.T + wander
        gain = cov @ tuning.T @ np.linalg.inv(tuning @ cov @ tuning.T + noise)
        state, cov = state + gain @ (z - tuning @ state), (np.eye(2) - gain @ tuning) @ cov
        readout.decode((z + counts.mean(axis=0)).astype(np.float32), velocity)
        errors.append(velocity - (state + x.mean(axis=0)))
    np.testing.assert_allclose(errors[200:], 0.0, atol=1e-3)


def test_a_filter_trusts_noise_that_repeats_itself_less(rng: np.random.Generator) -> None:
    train = walk(rng, 3000, 6)
    counts = train.windows[:, 0].astype(np.float64)
    smooth = np.stack([np.convolve(unit, np.ones(8) / 8, "same") for unit in counts.T], axis=1)
    white, coloured = (
        fit_kalman(smooth, train.labels, HOP_NS, is_white=is_white) for is_white in (True, False)
    )
    assert (
        np.abs(np.linalg.eigvals(coloured.memory)).min()
        > np.abs(np.linalg.eigvals(white.memory)).min()
    ), "it remembers for longer"


def test_the_counts_encoder_gives_the_newest_bin(rng: np.random.Generator) -> None:
    windows = rng.poisson(2.0, size=(5, 3, 4)).astype(np.float32)
    model = DecoderSpecification(
        ("a", "b", "c", "d"),
        WindowShape(hop_ns=HOP_NS, bin_ns=HOP_NS, history_bins=3),
        counts_encoder(3, 4),
        Readout(np.zeros((4, 2)), np.zeros(2)),
    )
    latents, _ = run_windows(model, windows)
    np.testing.assert_allclose(latents, windows[:, -1], rtol=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_a_readout_with_memory_is_its_formula_and_without_a_linear_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, bias, memory = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(2, 2)) / 3
    latents = rng.normal(size=(20, 3)).astype(np.float32)
    for kept in (None, memory):
        readout = Readout(matrix, bias, memory=kept)
        velocity, expected = np.zeros(2, dtype=np.float32), np.zeros(2)
        for latent in latents:
            assert readout.decode(latent, velocity)
            expected = latent @ matrix + bias + (0.0 if kept is None else expected @ kept)
            np.testing.assert_allclose(velocity, expected, atol=1e-4)
    assert not readout.decode(np.array([np.nan, 0, 0], dtype=np.float32), velocity)
    assert velocity.tolist() == [0.0, 0.0]


def test_a_decoder_that_remembers_decodes_like_one_that_smooths(
    small_bundle: Bundle, small_session: Session
) -> None:
    plain = small_bundle.model
    half = plain.readout
    smooth = replace(plain, readout=Readout(half.matrix / 2, half.bias / 2, memory=np.eye(2) / 2))
    expected = np.zeros(2)
    direct = decode_session(plain, small_session).values
    for row, velocity in zip(direct, decode_session(smooth, small_session).values, strict=True):
        expected = (expected + row) / 2
        np.testing.assert_allclose(velocity, expected, atol=1e-3)
