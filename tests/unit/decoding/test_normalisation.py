"""The running normalisation: followed exactly, bounded, held, and the same live and offline."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from offline_training.ner.networks.encoder_network import EncoderNetwork, embed
from offline_training.settings import NormalisationSettings, TrainSettings, window_shape
from offline_training.training import exported_model
from rt_ner.bundle.assembly import assemble_bundle
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import load_bundle, save_bundle
from rt_ner.bundle.tables.manifest_table import manifest_json, manifest_table
from rt_ner.bundle.verification import run_windows
from rt_ner.core.errors import BundleError
from rt_ner.data.session.session import Session, SessionPart
from rt_ner.data.session.spikes import SpikeTimes
from rt_ner.data.session.trials import Trials
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.chunks import RasterChunk
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.encoding.normalisation import (
    SD_FLOOR,
    Moments,
    Normalisation,
    Pace,
    RunningNormaliser,
)
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.windows import WindowShape
from rt_ner.live.states import Command, State
from rt_ner.offline.dataset import Dataset, Following, build_dataset
from rt_ner.offline.decoding import decode_session
from tests.helpers.memory_rig import MS, MemoryRig

PACE = Pace(update=10, trusted=20, memory=100)


def moments(rng: np.random.Generator, n_channels: int) -> Moments:
    root = rng.uniform(0.1, 1.5, n_channels)
    return Moments(root, root**2 + rng.uniform(0.01, 1.0, n_channels))


@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_it_is_the_weighted_mean_of_all_hops_within_its_memory(seed: int, n_hops: int) -> None:
    rng = np.random.default_rng(seed)
    start, reference = moments(rng, 3), moments(rng, 3)
    normaliser = RunningNormaliser(Normalisation(PACE, reference, start))
    bins = rng.poisson(0.7, (n_hops, 3)).astype(np.float32)
    updates = [normaliser.take(each) for each in bins]
    assert sum(updates) == n_hops // PACE.update
    root, count, known = start.root, start.count, PACE.trusted
    for first in range(0, n_hops - PACE.update + 1, PACE.update):
        part = bins[first : first + PACE.update].astype(float)
        weight = PACE.update / min(known + PACE.update, PACE.memory)
        root = (1 - weight) * root + weight * np.sqrt(part).mean(axis=0)
        count = (1 - weight) * count + weight * part.mean(axis=0)
        known = min(known + PACE.update, PACE.memory)
    np.testing.assert_allclose(normaliser.moments.root, root)
    np.testing.assert_allclose(normaliser.moments.count, count)
    sd = np.sqrt(np.maximum(count - root**2, 0))
    gain = np.clip((reference.sd + SD_FLOOR) / (sd + SD_FLOOR), 0.25, 4)
    np.testing.assert_allclose(normaliser.scale.gain, gain, rtol=1e-6)
    np.testing.assert_allclose(normaliser.scale.offset, reference.root - root * gain, atol=1e-5)


def test_it_changes_nothing_where_nothing_has_changed(rng: np.random.Generator) -> None:
    same = moments(rng, 5)
    scale = RunningNormaliser(Normalisation(PACE, same, same)).scale
    assert (scale.gain == 1).all()
    assert (scale.offset == 0).all()


def test_a_silent_or_a_loud_channel_gets_a_bounded_gain() -> None:
    usual = Moments(np.full(2, 0.5), np.full(2, 0.5))
    normaliser = RunningNormaliser(Normalisation(PACE, usual, usual))
    for number in range(2000):
        normaliser.take(np.array([0, 10_000 * (number % 2)], dtype=np.float32))
    assert normaliser.scale.gain.tolist() == [4, 0.25]
    assert np.isfinite(normaliser.scale.offset).all()


def test_it_follows_faster_after_a_break() -> None:
    usual, quiet_bin = Moments(np.ones(1), np.full(1, 1.1)), np.zeros(1, dtype=np.float32)

    def root_after_an_update(is_broken: bool) -> float:
        normaliser = RunningNormaliser(Normalisation(PACE, usual, usual))
        for _ in range(200):
            normaliser.take(np.ones(1, dtype=np.float32))
        if is_broken:
            normaliser.begin_again()
        for _ in range(PACE.update):
            normaliser.take(quiet_bin)
        return float(normaliser.moments.root[0])

    assert root_after_an_update(False) == pytest.approx(0.9)
    assert root_after_an_update(True) == pytest.approx(2 / 3)


# In a session whose channels wander.

FAST = NormalisationSettings(use="on", update_s=0.5, trusted_s=1, memory_s=10)


def known_part(session: Session, shape: WindowShape) -> Following:
    pace = FAST.pace(session, shape.hop_ns)
    assert pace is not None
    return Following(pace, session.end_ns // 3)


@pytest.fixture(scope="module")
def dataset(small_session: Session) -> Dataset:
    shape = window_shape(TrainSettings().window, small_session)
    return build_dataset(small_session, shape, known_part(small_session, shape))


@pytest.fixture(scope="module")
def network(dataset: Dataset) -> EncoderNetwork:
    torch.manual_seed(0)
    return EncoderNetwork(dataset, TrainSettings())


@pytest.fixture(scope="module")
def model(
    small_session: Session, dataset: Dataset, network: EncoderNetwork
) -> DecoderSpecification:
    shape = window_shape(TrainSettings().window, small_session)
    readout = Readout(np.eye(3, 2), np.zeros(2))
    return exported_model(network, small_session.channel_ids, shape, readout, dataset)


def from_the_start(model: DecoderSpecification, dataset: Dataset) -> DecoderSpecification:
    """Return a model that begins with the moments with which training began."""
    assert model.normalisation is not None
    assert dataset.scales is not None
    reference = model.normalisation.reference
    gain, offset = (each[0].astype(float) for each in (dataset.scales.gain, dataset.scales.offset))
    root = (reference.root - offset) / gain
    sd = (reference.sd + SD_FLOOR) / gain - SD_FLOOR
    start = Moments(root, sd**2 + root**2)
    return replace(model, normalisation=replace(model.normalisation, start=start))


def test_the_trainer_sees_what_the_decoder_decodes(
    small_session: Session, dataset: Dataset, network: EncoderNetwork, model: DecoderSpecification
) -> None:
    assert dataset.scales is not None
    assert len(np.unique(dataset.scales.update)) > 20
    assert np.ptp(dataset.scales.gain, axis=0).max() > 0.1
    begun = from_the_start(model, dataset)
    for each in (begun, replace(begun, weights=None)):
        decoding = decode_session(each, small_session)
        rows = np.searchsorted(decoding.end_ns, dataset.labels.end_ns)
        np.testing.assert_allclose(decoding.latent[rows], embed(network, dataset), atol=5e-4)


def test_the_past_alone_decides(small_session: Session, dataset: Dataset) -> None:
    """Other spikes in the last third change no scale before, and not the reference."""
    shape = window_shape(TrainSettings().window, small_session)
    assert isinstance(small_session.spikes, SpikeTimes)
    late = small_session.spikes.time_ns > 2 * small_session.end_ns // 3
    other = replace(
        small_session.spikes,
        time_ns=small_session.spikes.time_ns[~late],
        unit=small_session.spikes.unit[~late],
    )
    thinned = build_dataset(
        replace(small_session, spikes=other), shape, known_part(small_session, shape)
    )
    assert dataset.scales is not None
    assert thinned.scales is not None
    n_same = int((dataset.labels.end_ns < 2 * small_session.end_ns // 3).sum())
    rows = np.arange(n_same)
    for whole, part in ((dataset.scales.gain, thinned.scales.gain),):
        np.testing.assert_array_equal(
            whole[dataset.scales.update[rows]], part[thinned.scales.update[rows]]
        )
    ours, theirs = dataset.scales.normalisation, thinned.scales.normalisation
    np.testing.assert_array_equal(ours.reference.root, theirs.reference.root)


class Offline:
    """Latents and states of a rig's spikes; the normalisation takes the hops that it follows."""

    def __init__(
        self, model: DecoderSpecification, rig: MemoryRig, follows: Callable[[int], bool]
    ) -> None:
        binner = raster_binner(len(model.channel_ids), model.window.hop_ns, MS)
        decoder = Decoder(model, binner, now_ns=lambda: 0)
        self.latents: dict[int, bytes] = {}
        self.states: list[tuple[int, bytes]] = []
        normaliser = decoder.model.normaliser
        assert normaliser is not None
        for chunk in (what for _, what in rig.plan if isinstance(what, RasterChunk)):
            for decoded in decoder.push(chunk):
                if not decoded.ready:
                    continue
                self.latents[decoded.end_ns] = decoded.latent.tobytes()
                before = normaliser.moments
                if follows(decoded.end_ns):
                    decoder.adapt()
                if normaliser.moments is not before:
                    self.states.append((decoded.end_ns, state_of(normaliser.moments)))


def state_of(present: Moments) -> bytes:
    return present.root.tobytes() + present.count.tobytes()


def states_sent_by(rig: MemoryRig) -> list[tuple[int, bytes]]:
    return [(end_ns, state_of(present)) for end_ns, present in rig.results.normalisations]


def sent_by(rig: MemoryRig) -> dict[int, bytes]:
    return {end_ns: latent.tobytes() for end_ns, latent in rig.results.latents}


@pytest.mark.parametrize("chunk_ms", [1, 7, 200])
def test_live_is_offline_whatever_the_chunks(model: DecoderSpecification, chunk_ms: int) -> None:
    rig = MemoryRig(model, safety={"overload_hops": 10_000})
    rig.appear().raster(4000, chunk_ms=chunk_ms).run()
    offline = Offline(model, rig, lambda _: True)
    latents = offline.latents
    assert len(latents) > 300
    assert {end_ns: sent_by(rig).get(end_ns) for end_ns in latents} == latents
    assert len(offline.states) > 5
    assert states_sent_by(rig) == offline.states
    frozen = Offline(model, rig, lambda _: False).latents
    assert sum(frozen[end_ns] != latents[end_ns] for end_ns in latents) > 200


def test_in_hold_it_stays_as_it_is(model: DecoderSpecification) -> None:
    rig = MemoryRig(model, safety={"overload_hops": 10_000})
    rig.appear().raster(1500).command(Command.HOLD).raster(2000)
    rig.command(Command.RESUME).raster(300).run()
    states = [(stamp_ns, state) for stamp_ns, state in rig.results.states]
    (held_ns,) = (stamp_ns for stamp_ns, state in states if state is State.HOLD)
    (resumed_ns,) = (ns for ns, state in states if state is State.RUNNING and ns > held_ns)
    offline = Offline(model, rig, lambda end_ns: not held_ns <= end_ns < resumed_ns)
    expected = offline.latents
    assert {end_ns: sent_by(rig).get(end_ns) for end_ns in expected} == expected
    other = Offline(model, rig, lambda _: True).latents
    assert any(other[end_ns] != expected[end_ns] for end_ns in expected if end_ns >= resumed_ns)
    assert states_sent_by(rig) == offline.states
    stamps_ns = [end_ns for end_ns, _ in offline.states]
    assert any(end_ns < held_ns for end_ns in stamps_ns)
    assert any(end_ns > resumed_ns for end_ns in stamps_ns)
    assert not any(held_ns <= end_ns < resumed_ns for end_ns in stamps_ns)


def test_a_bundle_without_it_sends_no_state(model: DecoderSpecification) -> None:
    rig = MemoryRig(replace(model, normalisation=None))
    rig.appear().raster(1500).run()
    assert rig.results.latents
    assert rig.results.normalisations == []


# In bundles and trainings.


def test_a_bundle_keeps_it(
    small_bundle: Bundle, dataset: Dataset, model: DecoderSpecification, tmp_path: Path
) -> None:
    training, scores = small_bundle.manifest.training, small_bundle.scores
    bundle = assemble_bundle(model, dataset.windows, training, scores)
    save_bundle(bundle, tmp_path / "bundle", {}, overwrite=False)
    again = load_bundle(tmp_path / "bundle").model
    assert again.normalisation
    assert model.normalisation
    assert again.normalisation.pace == model.normalisation.pace
    for ours, theirs in zip(
        (again.normalisation.start, again.normalisation.reference),
        (model.normalisation.start, model.normalisation.reference),
        strict=True,
    ):
        np.testing.assert_array_equal(ours.root, theirs.root)
        np.testing.assert_array_equal(ours.count, theirs.count)
    check_shown(load_bundle(tmp_path / "bundle"))
    windows = dataset.windows[:5].astype(np.float32)
    np.testing.assert_array_equal(run_windows(again, windows)[0], run_windows(model, windows)[0])


def check_shown(bundle: Bundle) -> None:
    """Its time constants are shown in seconds, in the table and in JSON."""
    (row,) = rows_on_it(bundle)
    assert row == "updated every 0.5 s, time constant 10 s; 1 s at the start and after a break"
    shown: Any = manifest_json(bundle.manifest)["normalisation"]
    names = ("update_s", "trusted_s", "memory_s", "update")
    assert [shown[name] for name in names] == [0.5, 1, 10, 50]


def rows_on_it(bundle: Bundle) -> list[str]:
    names, values = (
        [*column.cells] for column in manifest_table(bundle.manifest, Path("b")).columns
    )
    return [str(v) for n, v in zip(names, values, strict=True) if n == "running normalisation"]


def test_a_bundle_without_it_shows_none(small_bundle: Bundle) -> None:
    assert rows_on_it(small_bundle) == []
    assert "normalisation" not in manifest_json(small_bundle.manifest)


def test_a_graph_without_its_inputs_is_refused(
    small_bundle: Bundle, model: DecoderSpecification, dataset: Dataset
) -> None:
    windows = dataset.windows[:1].astype(np.float32)
    for wrong in (
        replace(small_bundle.model, weights=None, normalisation=model.normalisation),
        replace(model, weights=None, normalisation=None),
    ):
        with pytest.raises(BundleError, match="expected the inputs? counts"):
            run_windows(wrong, windows)


def test_it_is_used_for_several_recordings_unless_told_otherwise(small_session: Session) -> None:
    hop_ns = 10 * MS
    joined = replace(small_session, parts=(SessionPart("a", "", 8), SessionPart("b", "", 8)))
    for use, single, several in (("auto", False, True), ("on", True, True), ("off", False, False)):
        chosen = NormalisationSettings(use=use)
        assert bool(chosen.pace(small_session, hop_ns)) is single
        assert bool(chosen.pace(joined, hop_ns)) is several
    assert NormalisationSettings(use="on").pace(small_session, hop_ns) == Pace(500, 6000, 60000)
    assert "normalisation" not in TrainSettings().model_dump(mode="json")


@pytest.mark.parametrize(
    ("n_trials", "part", "n_train"),
    [((120, 120, 120), 0.2, 336), ((120, 120, 120), 0.5, 300), ((120, 120, 50), 0.2, 270),
     ((16, 4), 0.2, 16), ((5,) * 20, 0.2, 80), ((1, 1), 0.2, 1)],
)  # fmt: skip
def test_the_newest_of_several_recordings_is_held_out(
    n_trials: tuple[int, ...], part: float, n_train: int
) -> None:
    """Of recordings so short that this is too little, a part of all is."""
    assert blocks(sum(n_trials)).n_train(part, n_trials[-1]) == n_train


def blocks(n_trials: int) -> Trials:
    bounds_ns = np.arange(n_trials + 1, dtype=np.int64) * 1000 * MS
    return Trials(
        start_ns=bounds_ns[:-1],
        go_ns=bounds_ns[:-1],
        end_ns=bounds_ns[1:],
        direction_deg=np.zeros(n_trials),
        target_cm=np.zeros((n_trials, 2)),
        are_blocks=True,
    )
