"""A stream's metadata give its kind, and the binner that counts it."""

from dataclasses import replace

import numpy as np
import pylsl
import pytest

from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import StreamError
from rt_ner.decoding.chunks import EventChunk, VoltageChunk
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.timing.timed_binner import TimedBinner
from rt_ner.decoding.timing.timed_events import TimedEvents
from rt_ner.decoding.windows import WindowShape
from rt_ner.live.settings import DecodeSettings, live_binner
from rt_ner.lsl.spikes.header import read_spike_stream
from rt_ner.lsl.streams import add_electrodes

MS = 1_000_000
AUTO, RASTER, EVENTS, BROADBAND = InputKind


def info(
    lsl_type: str = "Spikes",
    rate_hz: float = 1000,
    labels: tuple[str, ...] = ("A", "B"),
    unit: str = "",
    lsl_format: int = pylsl.cf_int16,
) -> pylsl.StreamInfo:
    made = pylsl.StreamInfo("it", lsl_type, len(labels), rate_hz, lsl_format, "id")
    if any(labels):
        made.set_channel_labels(list(labels))
    if unit:
        made.set_channel_units(unit)
    return made


def shape(*labels: str, kind: InputKind = EVENTS, rate_hz: float = 0) -> SpikeStream:
    return SpikeStream(kind, rate_hz, "int32", labels, ())


def model(*channel_ids: str, hop_ns: int = 10 * MS) -> DecoderSpecification:
    window = WindowShape(hop_ns=hop_ns, bin_ns=hop_ns, history_bins=1)
    return DecoderSpecification(channel_ids, window, b"", Readout(np.zeros((1, 2)), np.zeros(2)))


@pytest.mark.parametrize(
    ("lsl_type", "rate_hz", "unit", "kind"),
    [
        ("Spikes", 1000, "spikes", RASTER),
        ("Spikes", 1000, "", RASTER),
        ("Spikes", 1000, "microvolts", RASTER),  # the type says it
        ("EEG", 1000, "counts", RASTER),
        ("Ephys", 30_000, "", BROADBAND),
        ("Ephys", 30_000, "counts", BROADBAND),
        ("EEG", 30_000, "microvolts", BROADBAND),
        ("", 30_000, "uV", BROADBAND),
        ("Raw", 30_000, "\N{MICRO SIGN}V", BROADBAND),
        ("Raw", 30_000, "\N{GREEK SMALL LETTER MU}V", BROADBAND),
        ("Raw", 30_000, "Volts", BROADBAND),
        ("SpikeEvents", 0, "", EVENTS),
        ("Spikes", 0, "", EVENTS),
        ("Ephys", 0, "microvolts", EVENTS),  # waveforms with their spikes
    ],
)
def test_the_kind_is_told_by_the_metadata(
    lsl_type: str, rate_hz: float, unit: str, kind: InputKind
) -> None:
    assert read_spike_stream(info(lsl_type, rate_hz, unit=unit), AUTO).kind is kind


@pytest.mark.parametrize(
    ("lsl_type", "rate_hz", "wanted"),
    [("Ephys", 1000, RASTER), ("Spikes", 30_000, BROADBAND), ("Whatever", 0, EVENTS)],
)
def test_the_operator_knows_better(lsl_type: str, rate_hz: float, wanted: InputKind) -> None:
    assert read_spike_stream(info(lsl_type, rate_hz, unit="microvolts"), wanted).kind is wanted


@pytest.mark.parametrize(
    ("rate_hz", "lsl_format", "wanted", "message"),
    [
        (0, pylsl.cf_int16, RASTER, r"no regular rate, so it can't be raster: .*\[input\]"),
        (0, pylsl.cf_int16, BROADBAND, r"no regular rate, so it can't be broadband: .*\[input\]"),
        (250, pylsl.cf_int16, EVENTS, r"rate of 250 Hz, so it can't be events: .*\[input\]"),
        (0, pylsl.cf_string, AUTO, "sends text: .*--source"),
        (1000, pylsl.cf_string, RASTER, "sends text: .*--source"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(
    rate_hz: float, lsl_format: int, wanted: InputKind, message: str
) -> None:
    with pytest.raises(StreamError, match=f"stream 'it'.*{message}"):
        read_spike_stream(info(rate_hz=rate_hz, lsl_format=lsl_format), wanted)


def test_the_shape_is_read_from_the_metadata() -> None:
    made = read_spike_stream(info(rate_hz=30_000, labels=("A", "B", "C")), AUTO)
    assert made == SpikeStream(RASTER, 30_000, "int16", ("A", "B", "C"), ())
    assert made.period_ns == pytest.approx(1e9 / 30_000)
    assert read_spike_stream(info(labels=("", "")), AUTO).columns == ("", "")


def test_labels_that_are_not_one_for_each_column_are_none() -> None:
    made = info(labels=("A", "B", "C"))
    channels = made.desc().child("channels")
    channels.remove_child(channels.child("channel"))
    assert read_spike_stream(made, AUTO).columns == ("", "", "")


def test_electrodes_are_read_of_events_only() -> None:
    for rate_hz, expected in ((0, ("C", "A", "B")), (1000, ())):
        made = info(rate_hz=rate_hz)
        add_electrodes(made, ["C", "A", "B"])
        assert read_spike_stream(made, AUTO).electrodes == expected


@pytest.mark.parametrize(
    ("labels", "channel", "unit"),
    [
        (("channel", "unit"), 0, 1),
        (("Unit", "CHANNEL"), 1, 0),
        (("time", "Electrode", "w0", "w1", "w2", "Cluster"), 1, 5),
        (("ch", "w0", "w1"), 0, None),
        (("w0", "Chan", "sort"), 1, 2),
        (("",), 0, None),
        (("whatever",), 0, None),
        (("", ""), None, None),
        (("w0", "w1"), None, None),
    ],
)
def test_the_columns_of_events_are_found_by_their_labels(
    labels: tuple[str, ...], channel: int | None, unit: int | None
) -> None:
    made = read_spike_stream(info("SpikeEvents", 0, labels), AUTO)
    assert (made.channel_column, made.unit_column) == (channel, unit)


def test_what_changed_is_named() -> None:
    was = SpikeStream(RASTER, 1000.0, "int16", ("A", "B"), ())
    assert was.changed(replace(was)) == ""
    assert was.changed(replace(was, rate_hz=500.0)) == "rate in Hz: expected 1000.0, found 500.0"
    now = replace(was, columns=("A",) * 96, kind=BROADBAND)
    assert (
        was.changed(now) == "kind: expected raster, found broadband; channels: expected 2, found 96"
    )
    swapped = was.changed(replace(was, columns=("B", "A")))
    assert swapped == "channels: expected A, found B", "the first that differs"


def test_each_kind_has_its_counter() -> None:
    wanted, of = DecodeSettings(), model("A1", "B2")
    for kind, rate_hz in ((RASTER, 1000), (BROADBAND, 30_000)):
        stream = shape("A1", "B2", kind=kind, rate_hz=rate_hz)
        assert isinstance(live_binner(stream, of, wanted), TimedBinner)
    assert isinstance(live_binner(shape("channel"), of, wanted), TimedEvents)


def test_broadband_channels_are_found_by_label_and_the_others_may_hold_anything() -> None:
    stream, wanted = shape("A", "B", "C", kind=BROADBAND, rate_hz=30_000), DecodeSettings()
    binner = live_binner(stream, model("C", "A"), wanted)
    voltage = np.zeros((9, 3), dtype=np.float32)
    voltage[[0, 1, 2, 3], [0, 1, 1, 2]] = np.nan
    assert not list(binner.push(VoltageChunk(np.arange(1, 10) * int(stream.period_ns), voltage)))
    counts = binner.input_counts
    assert (counts[InputCounts.UNDECODABLE], counts[InputCounts.INVALID]) == (7, 2)
    with pytest.raises(StreamError, match="first is 'D'"):
        live_binner(stream, model("C", "D"), wanted)
    with pytest.raises(StreamError, match=r"high_hz = 6000 .* 10000 Hz.*\[detector\]"):
        live_binner(replace(stream, rate_hz=10_000), model("A"), wanted)


def test_a_raster_whose_samples_do_not_fill_a_hop_is_refused() -> None:
    with pytest.raises(StreamError, match="3 ms don't fill .* 10 ms evenly: use a source"):
        live_binner(
            shape("A", kind=RASTER, rate_hz=1000 / 3), model("A"), DecodeSettings()
        )  # fmt: skip


@pytest.mark.parametrize("columns", [("", ""), ("w0", "w1"), ("unit", "w0")])
def test_events_without_a_channel_are_refused(columns: tuple[str, ...]) -> None:
    with pytest.raises(StreamError, match="have none for the channel: label one of them channel"):
        live_binner(shape(*columns), model("A"), DecodeSettings())


def test_units_must_be_told_where_they_are_told_apart() -> None:
    of, wanted = model("A1/1", "B2/1"), DecodeSettings()
    with pytest.raises(StreamError, match="have none for the unit: label one of them 'unit'"):
        live_binner(shape("channel", "w0"), of, wanted)
    only_some = DecodeSettings.model_validate({"input": {"units": [1]}})
    with pytest.raises(StreamError, match="have none for the unit"):
        live_binner(shape("channel"), model("A1", "B2"), only_some)
    assert live_binner(shape("channel", "unit"), of, wanted)


def test_events_are_counted_by_the_wish_of_the_operator() -> None:
    """The grace, the base and the channels of the settings reach the binner."""
    wanted = DecodeSettings.model_validate(
        {"input": {"base": 0, "channels": ["4", "0"], "grace_ms": 7.0}}
    )
    binner = live_binner(shape("channel"), model("A1", "B2"), wanted)
    numbers = np.array([0.0, 4.0, 4.0, 5.0])
    time_ns = np.arange(1, 5) * MS
    early, late = (EventChunk(time_ns[:n], numbers[:n], numbers[:n] * 0, 0) for n in (4, 0))
    hops = [
        (end_ns // MS, binner.counts.tolist())
        for chunk in (early._replace(arrived_ns=17 * MS - 1), late._replace(arrived_ns=17 * MS))
        for end_ns in binner.push(chunk)
    ]
    assert hops == [(10, [2.0, 1.0])]
    assert binner.input_counts[InputCounts.UNKNOWN] == 1
