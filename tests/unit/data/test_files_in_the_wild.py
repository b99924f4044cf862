"""Files as labs have them, generated: the right value, or the doubt said."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rt_ner.data.formats.xdf.chunks import salvage
from rt_ner.data.loading import load_recording
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.spikes import SpikeTimes
from tests.helpers.stamps import UNEVEN
from tests.helpers.xdf_files import Stream, chunk, xdf

S, MS = 1_000_000_000, 1_000_000
N, N_CHANNELS, BEGIN_NS = 10_000, 3, 1800 * S
HOP_NS = 50 * MS

Timing = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def recording_of(
    folder: Path, stamp_ns: np.ndarray, counts: np.ndarray, moved_ns: np.ndarray
) -> RecordingFile:
    spikes = Stream(1, "amp", "Spikes", [f"e{k}" for k in range(N_CHANNELS)], 1000, fmt="int16")
    hand = Stream(2, "hand", "Kinematics", ["vx", "vy"], 100, unit="cm/s")
    place = np.stack([moved_ns / S, -moved_ns / S], axis=1)
    parts = [spikes.header(), hand.header()]
    for begin in range(0, len(stamp_ns), 1000):
        piece = slice(begin, begin + 1000)
        parts.append(spikes.samples((stamp_ns[piece] / S).tolist(), counts[piece].tolist()))
    parts.append(hand.samples((moved_ns / S).tolist(), place.tolist()))
    path = folder / "recording.xdf"
    path.write_bytes(xdf(*parts))
    return load_recording(path)


def hop_counts(time_ns: np.ndarray, counts: np.ndarray, n_hops: int) -> np.ndarray:
    """Spikes per hop, by the centre of each sample."""
    hop = ((time_ns - MS // 2) // HOP_NS).clip(0)
    found = np.zeros((n_hops, N_CHANNELS), dtype=np.int64)
    np.add.at(found, hop[hop < n_hops], counts[hop < n_hops])
    return found


def read_hops(recording: RecordingFile, n_hops: int) -> np.ndarray:
    assert recording.spikes is not None
    found = np.zeros((n_hops + 2, N_CHANNELS), dtype=np.int64)
    for part in recording.spikes.raster(0, n_hops * HOP_NS):
        np.add.at(found, (part.stamp_ns - 1) // HOP_NS, part.counts.astype(np.int64))
    return found[:n_hops]


def jitter(half_ms: float) -> Timing:
    return lambda true_ns, rng: (
        true_ns + rng.integers(-int(half_ms * MS), int(half_ms * MS), true_ns.size, endpoint=True)
    )


TIMINGS: dict[str, Timing] = {
    "as they were taken": lambda true_ns, _: true_ns,
    "jitter of 0.1 ms": jitter(0.1),
    "jitter of 0.2 ms": jitter(0.2),
    "jitter of 0.45 ms": jitter(0.45),
    **UNEVEN,
}


@pytest.mark.parametrize("ppm", [0, 100, -1000, 20_000])
@pytest.mark.parametrize("name", TIMINGS)
def test_a_raster_with_real_stamps_loses_no_spike_and_no_movement(
    name: str, ppm: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    true_ns = np.rint(np.arange(1, N + 1) * MS * (1 + ppm / 1e6)).astype(np.int64) + BEGIN_NS
    counts = rng.poisson(0.05, (N, N_CHANNELS))
    moved_ns = BEGIN_NS + np.arange(1, N // 10) * 10 * MS
    recording = recording_of(tmp_path, TIMINGS[name](true_ns, rng), counts, moved_ns)
    assert recording.spikes is not None
    assert recording.behaviour is not None
    assert recording.spikes.n_spikes == counts.sum()
    assert len(recording.behaviour.time_ns) == len(moved_ns)
    n_hops = N * MS // HOP_NS - 2
    shift_ns = BEGIN_NS + moved_ns[0] - BEGIN_NS - recording.behaviour.time_ns[0]
    truth = hop_counts(true_ns - shift_ns, counts, n_hops)
    found = read_hops(recording, n_hops)
    if name == "as they were taken":
        # A sample in a thousand may stand on the edge of a hop.
        assert np.abs(found - truth).sum() <= 0.01 * truth.sum()
    # The line is a few milliseconds off at most, so few spikes are counted in the hop beside.
    agreement = np.corrcoef(found[10:].ravel(), truth[10:].ravel())[0, 1]
    assert agreement > 0.85
    assert np.abs(found.sum() - truth.sum()) <= 0.01 * truth.sum() + 10
    assert (recording.spikes.gaps_ns[:, 0] == 0).all(), "before the first sample, and none later"


SPOILT: dict[str, Callable[[str], bytes]] = {
    "a bare &": lambda xml: xml.replace("<name>eye", "<name>R&D eye").encode(),
    "a byte that is not UTF-8": lambda xml: xml.encode().replace(b"<name>eye", b"<name>\xe9 eye"),
    "no rate": lambda xml: xml.replace("<nominal_srate>250</nominal_srate>", "").encode(),
    "no channels": lambda xml: xml.replace("<channel_count>2</channel_count>", "").encode(),
    "an unknown format": lambda xml: xml.replace("float32", "complex").encode(),
    "cut short": lambda xml: xml[:100].encode(),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_stream_whose_header_can_not_be_read_is_left_out_alone(
    name: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    eye = Stream(7, "eye", "Gaze", ["x", "y"], 250, fmt="float32")
    head = struct.pack("<I", 7) + SPOILT[name](eye.xml)
    gaze = eye.samples([1800.5, 1800.6], [[0.0, 1.0], [1.0, 0.0]])
    counts = rng.poisson(0.05, (N, N_CHANNELS))
    true_ns = np.arange(1, N + 1) * MS + BEGIN_NS
    recording_of(tmp_path, true_ns, counts, BEGIN_NS + np.arange(1, 2000) * 10 * MS)
    path = tmp_path / "recording.xdf"
    content = path.read_bytes()
    begin = len(xdf())
    path.write_bytes(content[:begin] + chunk(2, head) + gaze + content[begin:] + gaze)
    recording = load_recording(path)
    assert recording.spikes is not None
    assert recording.spikes.n_spikes == counts.sum()
    assert not recording.missing_for_training()
    (warning,) = [text for text in recording.warnings if "stream 7" in text]
    assert "is left out: its header can't be read" in warning
    salvage(path, tmp_path / "whole.xdf")
    assert (tmp_path / "whole.xdf").read_bytes() == content


def test_two_clocks_are_told_apart(tmp_path: Path, rng: np.random.Generator) -> None:
    true_ns = np.arange(1, N + 1) * MS + BEGIN_NS
    counts = rng.poisson(0.05, (N, N_CHANNELS))
    moved_ns = 1_670_000_000 * S + np.arange(1, 2000) * 10 * MS
    recording = recording_of(tmp_path, true_ns, counts, moved_ns)
    (reason,) = recording.missing_for_training()
    assert (
        "'hand' was stamped from 1,670,000,000 to 1,670,000,020 s, the spikes from 1,800" in reason
    )
    assert "two clocks" in reason
    assert recording.duration_s < 30


def test_samples_that_were_lost_are_gaps_also_on_uneven_stamps(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    true_ns = np.rint(np.arange(1, N + 1) * MS * 1.0001).astype(np.int64) + BEGIN_NS
    kept = np.r_[:5000, 8000:N]
    counts = rng.poisson(0.05, (N, N_CHANNELS))
    moved_ns = BEGIN_NS + np.arange(1, N // 10) * 10 * MS
    recording = recording_of(tmp_path, true_ns[kept], counts[kept], moved_ns)
    assert isinstance(recording.spikes, SpikeTimes)
    gaps_ns = recording.spikes.gaps_ns
    inner = gaps_ns[gaps_ns[:, 0] > 0]
    np.testing.assert_allclose(inner / S, [[5.0005, 8.0008]], atol=0.0015)
    assert "samples missing within the recording: 3,000" in recording.warnings
