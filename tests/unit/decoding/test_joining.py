"""Channels of several areas are divided among their sources, and hops that can't be joined told."""

from dataclasses import replace

import numpy as np
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import ConfigError, StreamError
from rt_ner.core.settings import checked_settings, with_overrides
from rt_ner.decoding.chunks import RasterChunk, SourceChunk
from rt_ner.decoding.input.settings import InputSettings, chosen_sources
from rt_ner.decoding.joining.area_channels import divide_channels
from rt_ner.decoding.joining.joined_binner import JoinedBinner
from rt_ner.decoding.joining.joined_stream import JoinedStream
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.windows import WindowShape
from rt_ner.live.settings import DecodeSettings, live_binner
from tests.helpers.joined_rig import two_area_bundle
from tests.helpers.memory_rig import MS, raster_stream

SOURCES = ("a/spikes", "b/spikes")
NAMES = ("M1/e1", "M1/e2", "PMd/e1")


def model_of(
    channel_ids: tuple[str, ...] = NAMES, areas: tuple[str, ...] = ("M1", "PMd")
) -> DecoderSpecification:
    window = WindowShape(hop_ns=10 * MS, bin_ns=30 * MS, history_bins=2)
    readout = Readout(np.zeros((1, 2)), np.zeros(2))
    return DecoderSpecification(channel_ids, window, b"", readout, areas=areas)


def joined(
    model: DecoderSpecification, labels: tuple[tuple[str, ...], ...], **wanted: object
) -> JoinedBinner:
    content: dict[str, object] = {"input": {"sources": SOURCES, **wanted}}
    settings = checked_settings(content, DecodeSettings, "test")
    stream = JoinedStream(SOURCES, tuple(raster_stream(each) for each in labels))
    binner = live_binner(stream, model, settings)
    assert isinstance(binner, JoinedBinner)
    return binner


def hop_of(binner: JoinedBinner, rows: tuple[list[int], ...]) -> list[float]:
    """Return the counts of the first joint hop, to whose first sample each source adds a row."""
    for source, row in enumerate(rows):
        counts = np.zeros((21, len(row)), dtype=np.int16)
        counts[0] = row
        chunk = RasterChunk((np.arange(21, dtype=np.int64) + 1) * MS, counts)
        for _ in binner.push(SourceChunk(chunk.stamp_ns, source, chunk)):
            return binner.counts.tolist()
    raise AssertionError


@pytest.mark.parametrize(
    "labels",
    [
        (("e1", "e2"), ("e1",)),
        (("M1/e1", "M1/e2"), ("PMd/e1",)),
        (("M1/e1", "M1/e2"), ("e1",)),
        (("", ""), ("",)),
    ],
)
def test_a_stream_may_label_its_channels_with_or_without_the_area(
    labels: tuple[tuple[str, ...], ...],
) -> None:
    assert hop_of(joined(model_of(), labels), ([1, 2], [3])) == [1, 2, 3]


def test_channels_need_not_lie_side_by_side() -> None:
    model = model_of(("M1/e1", "PMd/e1", "M1/e2"))
    assert hop_of(joined(model, (("e2", "e1"), ("e1",))), ([1, 2], [3])) == [2, 3, 1]


def test_the_operators_own_labels_are_divided_too() -> None:
    labels = (("x", "y"), ("x",))
    binner = joined(model_of(), labels, channels=["y", "x", "x"])
    assert hop_of(binner, ([1, 2], [3])) == [2, 1, 3]
    with pytest.raises(StreamError, match="names 2 channels, the bundle has 3"):
        joined(model_of(), labels, channels=["y", "x"])


def test_an_area_is_the_longest_that_a_name_begins_with() -> None:
    """Names that began with the area before they were joined keep their form."""
    model = model_of(("M-1", "M1-1", "M1-2"), ("M", "M1"))
    divided = divide_channels(model, InputSettings(sources=SOURCES))
    assert [(area.area, area.names) for area in divided] == [
        ("M", ("M-1",)),
        ("M1", ("M1-1", "M1-2")),
    ]


@pytest.mark.parametrize(
    ("areas", "message"),
    [
        (("M1",), "2 sources are named, but the bundle has the channels of one, M1: expected one"),
        (("M1", "PMd", "S1"), "3 areas, M1, PMd, S1: expected one source for each area, in this"),
        ((), "of a single area"),
    ],
)
def test_there_is_one_source_for_each_area(areas: tuple[str, ...], message: str) -> None:
    names = tuple(f"{area}/e1" for area in areas) or ("e1",)
    with pytest.raises(StreamError, match=message):
        divide_channels(model_of(names, areas), InputSettings(sources=SOURCES))


def test_going_on_without_a_source_needs_the_usual_counts() -> None:
    with pytest.raises(StreamError, match='set missing_source = "stop"'):
        joined(model_of(), (("e1", "e2"), ("e1",)), missing_source="without")


def test_usual_counts_are_those_of_the_golden_windows(small_bundle: Bundle) -> None:
    bundle = two_area_bundle(small_bundle)
    golden = replace(bundle, golden=bundle.golden.model_copy(
        update={"windows": np.full_like(bundle.golden.windows, 4.0)}
    ))  # fmt: skip
    neutral = golden.model.neutral_counts
    assert neutral is not None
    np.testing.assert_allclose(neutral * bundle.manifest.window.hops_per_bin, 4.0)
    assert bundle.model.areas == ("M1", "PMd")


def test_hops_that_wait_too_long_are_dropped_and_counted() -> None:
    """One source alone is not kept for ever, and nothing of it is lost without a count."""
    binner = joined(model_of(), (("e1", "e2"), ("e1",)))
    n = 50_010
    chunk = RasterChunk((np.arange(n, dtype=np.int64) + 1) * MS, np.zeros((n, 2), np.int16))
    assert list(binner.push(SourceChunk(chunk.stamp_ns, 0, chunk))) == []
    counts = binner.input_counts
    assert counts[InputCounts.USED] == 40_960
    assert counts[InputCounts.USED] + counts[InputCounts.UNDECODABLE] == n
    binner.reset(0)
    assert binner.input_counts[InputCounts.USED] == 0
    assert binner.input_counts[InputCounts.UNDECODABLE] == n


def test_one_source_is_chosen_as_ever_and_several_with_commas() -> None:
    several = with_overrides(
        DecodeSettings(), {"input": chosen_sources("a/spikes, b/spikes")}, "test"
    )
    assert several.input.sources == SOURCES
    assert [each.source_id for each in several.input.each_source()] == list(SOURCES)
    one = with_overrides(several, {"input": chosen_sources("c/spikes")}, "test")
    assert (one.input.source_id, one.input.sources) == ("c/spikes", ())
    assert one.input.each_source() == (one.input,)
    assert chosen_sources("") == chosen_sources(None) == {}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"sources": ["a"]}, "expected two or more different source_ids; for one, set source_id"),
        ({"sources": ["a", "a"]}, "expected two or more different"),
        ({"sources": ["a", ""]}, "expected two or more different"),
        ({"sources": ["a", "b"], "source_id": "c"}, "either sources, or name and source_id"),
        ({"sources": ["a", "b"], "name": "c"}, "either sources, or name and source_id"),
        ({"missing_source": "guess"}, "'stop' or 'without'"),
    ],
)
def test_settings_that_contradict_are_refused(wanted: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked_settings(wanted, InputSettings, "test")
