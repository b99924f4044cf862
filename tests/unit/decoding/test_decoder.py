"""The decoder's core: its results must not depend on how the input is cut into chunks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.chunks import RasterChunk
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.specification import DecoderSpecification

MS = 1_000_000


@pytest.fixture(scope="module")
def model(small_bundle: Bundle) -> DecoderSpecification:
    return small_bundle.model


@pytest.fixture(scope="module")
def raster() -> RasterChunk:
    rng = np.random.default_rng(5)
    return RasterChunk(
        np.arange(1, 1501, dtype=np.int64) * MS, rng.poisson(0.02, (1500, 96)).astype(np.int16)
    )


def decoder_of(model: DecoderSpecification) -> Decoder:
    binner = raster_binner(len(model.channel_ids), model.window.hop_ns, MS)
    return Decoder(model, binner, lambda: 0)


def decode(
    model: DecoderSpecification, *chunks: RasterChunk
) -> list[tuple[int, bool, bytes, bytes]]:
    decoder = decoder_of(model)
    return [
        (decoded.end_ns, decoded.ready, decoded.latent.tobytes(), decoded.values.tobytes())
        for chunk in chunks
        for decoded in decoder.push(chunk)
    ]


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 1500), max_size=30))
def test_any_chunking_gives_the_same_bits(
    model: DecoderSpecification, raster: RasterChunk, cuts: list[int]
) -> None:
    edges = [0, *sorted(cuts), 1500]
    pieces = [
        RasterChunk(raster.stamp_ns[a:b], raster.counts[a:b])
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    assert decode(model, *pieces) == decode(model, raster)


def test_one_sample_a_push_gives_the_same_bits(
    model: DecoderSpecification, raster: RasterChunk
) -> None:
    pieces = [
        RasterChunk(raster.stamp_ns[k : k + 1], raster.counts[k : k + 1]) for k in range(1500)
    ]
    assert decode(model, *pieces) == decode(model, raster)


def test_a_shift_by_whole_bins_gives_the_same_bits(
    model: DecoderSpecification, raster: RasterChunk
) -> None:
    shift_ns = 123_457 * model.window.bin_ns
    shifted = RasterChunk(raster.stamp_ns + shift_ns, raster.counts)
    plain = decode(model, raster)
    assert [(end - shift_ns, *rest) for end, *rest in decode(model, shifted)] == plain


def test_rehearsing_changes_no_result(model: DecoderSpecification, raster: RasterChunk) -> None:
    decoder = decoder_of(model)
    velocities = []
    for k in range(1500):
        decoder.warm_caches(RasterChunk(raster.stamp_ns[:0], raster.counts[:0]))
        piece = RasterChunk(raster.stamp_ns[k : k + 1], raster.counts[k : k + 1])
        velocities += [decoded.values.tobytes() for decoded in decoder.push(piece)]
    assert velocities == [velocity for *_, velocity in decode(model, raster)]


def test_warming_up_leaves_no_trace(model: DecoderSpecification, raster: RasterChunk) -> None:
    decoder = decoder_of(model)
    decoder.warm_up(raster.counts.dtype)
    velocities = [decoded.values.tobytes() for decoded in decoder.push(raster)]
    assert velocities == [velocity for *_, velocity in decode(model, raster)]
    assert decoder.n_nonfinite == 0
    assert (
        decoder.binner.input_counts[InputCounts.USED]
        == len(raster.counts)
        == decoder.binner.input_counts.sum()
    )


def test_no_look_ahead(model: DecoderSpecification, raster: RasterChunk) -> None:
    """Later input changes nothing that was decoded before."""
    altered = raster.counts.copy()
    altered[1200:] = 7
    before = [row for row in decode(model, raster) if row[0] <= 1200 * MS]
    after = [
        row for row in decode(model, RasterChunk(raster.stamp_ns, altered)) if row[0] <= 1200 * MS
    ]
    assert before == after


def test_velocity_is_zero_and_latent_unknown_until_history_is_full(
    model: DecoderSpecification, raster: RasterChunk
) -> None:
    decoder = decoder_of(model)
    history_ns = model.window.n_hops * model.window.hop_ns
    for decoded in decoder.push(raster):
        assert decoded.ready == (decoded.end_ns >= history_ns)
        assert np.isfinite(decoded.latent).all() == decoded.ready
        if not decoded.ready:
            assert not decoded.values.any()


def test_a_gap_of_whole_hops_fills_the_history_anew(
    model: DecoderSpecification, raster: RasterChunk
) -> None:
    keep = np.r_[0:600, 650:1500]
    gapped = RasterChunk(raster.stamp_ns[keep], raster.counts[keep])
    ready = {end_ns // MS: ready for end_ns, ready, *_ in decode(model, gapped)}
    history_ms = model.window.n_hops * model.window.hop_ns // MS
    assert ready[600]
    assert not ready[660]
    assert not ready[650 + history_ms - 10]
    assert ready[650 + history_ms]


def test_a_velocity_that_is_not_finite_becomes_zero_and_is_counted(
    model: DecoderSpecification, raster: RasterChunk
) -> None:
    broken = replace(model, readout=Readout(np.full((3, 2), np.nan), np.zeros(2)))
    decoder = decoder_of(broken)
    decoded = [one.values.copy() for one in decoder.push(raster) if one.ready]
    assert decoder.n_nonfinite == len(decoded) > 0
    assert not np.any(decoded)


def test_samples_that_do_not_fill_a_hop_evenly_are_refused(model: DecoderSpecification) -> None:
    with pytest.raises(StreamError, match="3 ms don't fill"):
        raster_binner(96, model.window.hop_ns, 3 * MS)
