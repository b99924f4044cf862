"""The fast encoder equals the graph's network, and gives the same bits whatever came before."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import load_bundle, save_bundle
from rt_ner.bundle.verification import run_windows
from rt_ner.core.errors import BundleError
from rt_ner.data.session.session import Session
from rt_ner.decoding.encoding.encoder import GraphEncoder, SpikeEncoder
from rt_ner.decoding.encoding.weights import EncoderWeights, read_weights, weights_page
from rt_ner.decoding.windows import Window, WindowShape
from rt_ner.offline.decoding import decode_session

HOP_NS, HOPS_PER_BIN, BINS, CHANNELS = 10, 3, 5, 4
SHAPE = WindowShape(hop_ns=HOP_NS, bin_ns=HOPS_PER_BIN * HOP_NS, history_bins=BINS)


def made(
    rng: np.random.Generator, bumps: int = 2, hidden: int = 6, latent: int = 3
) -> EncoderWeights:
    def numbers(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    basis = numbers(BINS, bumps)
    basis[0] = 0
    return EncoderWeights(
        basis, numbers(CHANNELS, bumps * hidden), numbers(hidden),
        numbers(hidden, hidden), numbers(hidden), numbers(hidden, latent), numbers(latent),
    )  # fmt: skip


def literally(weights: EncoderWeights, window: np.ndarray) -> np.ndarray:
    """Return the latent by the network's formula on a whole window, in float64."""
    hidden = weights.first_bias.size
    first = weights.first.astype(float).reshape(CHANNELS, -1, hidden)
    x = weights.first_bias + np.einsum("bk,bc,ckh->h", weights.basis, np.sqrt(window), first)
    x = weights.second_bias + np.maximum(x, 0) @ weights.second
    return weights.latent_bias + np.maximum(x, 0) @ weights.latent


@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_latents_are_the_networks_formula_and_do_not_depend_on_what_was_before(
    seed: int, n_before: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = made(rng)
    n_hops = BINS * HOPS_PER_BIN
    hops = rng.poisson(0.4, (n_before + n_hops, CHANNELS)).astype(np.float32)
    running, fresh, filled = (Window(SHAPE, CHANNELS) for _ in range(3))
    encoders = [SpikeEncoder(weights, window) for window in (running, fresh)]
    for number, hop in enumerate(hops):
        running.push((number + 1) * HOP_NS, hop)
        encoders[0].push()
        if seed % 2:
            encoders[0].warm_caches()
        filled.push((number + 1) * HOP_NS, hop)
        if number >= n_before:
            fresh.push((number + 1) * HOP_NS, hop)
            encoders[1].push()
    encoders.append(SpikeEncoder(weights, filled))
    encoders[2].fill()
    for encoder in encoders:
        encoder.encode()
        np.testing.assert_array_equal(encoder.latent, encoders[0].latent)
    window = hops[-n_hops:].reshape(BINS, HOPS_PER_BIN, CHANNELS).sum(axis=1)
    np.testing.assert_allclose(encoders[0].latent, literally(weights, window), rtol=1e-3, atol=1e-3)


def test_graph_and_layers_of_a_bundle_give_the_same(
    small_bundle: Bundle, small_session: Session
) -> None:
    model = small_bundle.model
    assert model.weights is not None
    fast, slow = (
        decode_session(each, small_session) for each in (model, replace(model, weights=None))
    )
    np.testing.assert_array_equal(fast.end_ns, slow.end_ns)
    np.testing.assert_allclose(fast.latent, slow.latent, atol=1e-4 * np.abs(slow.latent).max())
    windows = small_bundle.golden.windows
    for each in (model, replace(model, weights=None)):
        np.testing.assert_allclose(
            run_windows(each, windows)[0], small_bundle.golden.latents, rtol=1e-3, atol=1e-3
        )


def test_layers_that_are_not_the_graphs_network_are_refused(
    small_bundle: Bundle, tmp_path: Path
) -> None:
    assert small_bundle.weights is not None
    other = replace(small_bundle.weights, latent_bias=small_bundle.weights.latent_bias + 1)
    save_bundle(replace(small_bundle, weights=other), tmp_path / "other", {}, overwrite=False)
    with pytest.raises(BundleError, match="golden windows' latents differ"):
        load_bundle(tmp_path / "other")


def test_layers_are_read_as_they_were_written(rng: np.random.Generator) -> None:
    weights = made(rng)
    again = read_weights(weights_page(weights))
    for name, value in vars(weights).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    with pytest.raises(BundleError, match="can't be read"):
        read_weights(b"nothing")
    with pytest.raises(BundleError, match="don't fit one another"):
        replace(weights, second=weights.second[:2])


def test_layers_of_other_windows_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(BundleError, match="weights take windows of"):
        SpikeEncoder(made(rng), Window(SHAPE, CHANNELS + 1))


def test_a_bundle_without_layers_is_decoded_by_its_graph(
    small_bundle: Bundle, tmp_path: Path
) -> None:
    save_bundle(replace(small_bundle, weights=None), tmp_path / "graph", {}, overwrite=False)
    loaded = load_bundle(tmp_path / "graph")
    assert loaded.weights is None
    window = Window(loaded.manifest.window, len(loaded.manifest.channel_ids))
    assert GraphEncoder(loaded.encoder_onnx, window).latent.size == loaded.manifest.latent_dim
