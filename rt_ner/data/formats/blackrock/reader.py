"""Blackrock: NEV spikes, or NSx broadband through our detector, read by neo.

Neither holds trials; movement is there only if it was fed into analog inputs.
"""

import gc
import logging
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from neo.rawio import BlackrockRawIO

from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.recorded import (
    CrossingFinder,
    distinct_labels,
    foreign_file,
    merged_trains,
)
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.session import Kinematics, SpikeTimes
from rt_ner.decoding.input.channels import split_name

_AREA = "array"
_NOISE_UNIT = 255
# The detector's band ends at 6 kHz.
_BROADBAND_HZ = 15_000
_AT_ONCE = 30_000
_MOVEMENT = (("vx", "vy"), ("x", "y"), ("cursor_x", "cursor_y"), ("hand_x", "hand_y"))
_NO_MOVEMENT = (
    "no analog channels named vx and vy, or x and y: record movement with the spikes as LSL "
    "streams (rt-ner record), or put it into a session with save_session"
)
_NO_TRIALS = (
    "Blackrock's files tell of no trials: record rt-ner task's markers with the spikes as LSL "
    "streams (rt-ner record), or put trials into a session with save_session"
)
logging.getLogger("neo").addHandler(logging.NullHandler())


def read(path: Path, area: str | None) -> RecordingFile:
    """Read ``NAME.nev`` with the NSx files beside it, or an NSx file; they know one area only."""
    if area not in (None, _AREA):
        raise SessionError(f"no area '{area}': Blackrock's files name none; leave --area out")
    if not path.with_suffix(path.suffix.lower()).exists():
        # neo finds files by their endings, and those in lower case only.
        raise SessionError(f"ends in {path.suffix}: rename it, and those beside it, to lower case")
    with foreign_file("Blackrock file"):
        try:
            return _recording(path)
        finally:
            # neo leaves its files open until it is collected itself.
            gc.collect()


def _recording(path: Path) -> RecordingFile:
    files = BlackrockRawIO(
        filename=str(path.with_suffix("")),
        nsx_to_load="all",
        load_nev=path.with_suffix(".nev").is_file(),
        gap_tolerance_ms=1000.0 / _BROADBAND_HZ,
    )
    files.parse_header()
    segment, warnings = _longest_segment(files)
    origin_ns = _origin_ns(files, segment)
    channel_ids, spikes, said = _sorted_spikes(files, segment, origin_ns)
    if spikes is None:
        channel_ids, spikes, detected = _detected_spikes(files, segment, origin_ns)
        said += detected
    kinematics, moved = _kinematics(files, segment, origin_ns)
    return RecordingFile(
        name=path.stem,
        areas=(_AREA,),
        channel_ids=channel_ids,
        spikes=spikes,
        kinematics=kinematics,
        contents=tuple(_contents(files)),
        missing={
            "spikes": "no spikes in the NEV, and no broadband (NSx of 15 kHz or more) beside it",
            "kinematics": _NO_MOVEMENT,
            "trials": _NO_TRIALS,
        },
        warnings=(*_cut_off(path.with_suffix(".nev")), *warnings, *said, *moved),
        provenance={
            "file": path.name,
            "layout": "blackrock",
            "zero_of_device_clock_s": str(origin_ns // NS_PER_S),
        },
    )


def _contents(files: BlackrockRawIO) -> list[str]:
    units = files.header["spike_channels"]
    lines = [f"NEV: {len(units)} units"] if len(units) else []
    for stream in files.header["signal_streams"]:
        channels = [c for c in files.header["signal_channels"] if c["stream_id"] == stream["id"]]
        named = ", ".join(str(channel["name"]) for channel in channels[:4])
        rate_hz = float(channels[0]["sampling_rate"])
        lines.append(f"NS{stream['id']}: {len(channels)} channels ({named}), {rate_hz:g} Hz")
    return lines


def _longest_segment(files: BlackrockRawIO) -> tuple[int, list[str]]:
    """A recording that was paused, or whose clock was reset, has several."""
    n_segments = files.segment_count(0)
    if not n_segments:
        raise SessionError("no Blackrock recording: it holds headers and no data")
    lengths_s = [
        float(files.segment_t_stop(0, number) - files.segment_t_start(0, number))
        for number in range(n_segments)
    ]
    longest = int(np.argmax(lengths_s))
    if n_segments == 1:
        return longest, []
    length_s = lengths_s[longest]
    return longest, [f"{n_segments} parts with pauses: only the longest, {length_s:.0f} s, is read"]


def _origin_ns(files: BlackrockRawIO, segment: int) -> int:
    """Zero of our time, on the device's clock: the whole second in which the recording begins.

    The device's clock runs on between recordings, or is the time since 1970.
    """
    return int(files.segment_t_start(0, segment)) * NS_PER_S


def _cut_off(nev: Path) -> list[str]:
    """Whether a NEV ends within a packet; neo reads the whole ones, and says nothing."""
    if not nev.is_file():
        return []
    with nev.open("rb") as file:
        header_bytes, packet_bytes = struct.unpack("<12xII", file.read(20))
    beyond = (nev.stat().st_size - header_bytes) % packet_bytes
    return ["the NEV is cut off within a spike, which is left out"] if beyond else []


def _sorted_spikes(
    files: BlackrockRawIO, segment: int, origin_ns: int
) -> tuple[tuple[str, ...], SpikeTimes | None, list[str]]:
    """Threshold crossings and sorted units of the NEV, pooled by electrode; noise left out."""
    names = [str(unit["name"]) for unit in files.header["spike_channels"]]
    pairs = [tuple(map(int, name.removeprefix("ch").split("#"))) for name in names]
    # Not public, but neo gives the electrodes' labels nowhere else.
    told = files._nev_params("channel_labels") if names else {}
    label_of = {
        int(number): bytes(label).decode(errors="replace") for number, label in told.items()
    }
    if len(set(label_of.values())) < len(label_of):
        label_of = {}
    labels: dict[int, str] = {}
    trains, unit_ids, unit_channel, n_noise = [], [], [], 0
    for unit, (electrode, number) in enumerate(pairs):
        ticks = files.get_spike_timestamps(0, segment, unit)
        if number == _NOISE_UNIT:
            n_noise += len(ticks)
            continue
        label = labels.setdefault(electrode, label_of.get(electrode) or f"elec{electrode:03d}")
        times_s = files.rescale_spike_timestamp(ticks, "float64")
        trains.append(ns_array_from_s(times_s) - origin_ns)
        unit_ids.append(f"{label}/{number}")
        unit_channel.append(list(labels).index(electrode))
    warnings = [f"{n_noise:,} spikes that the sorter calls noise, left out"] if n_noise else []
    if not any(len(train) for train in trains):
        return (), None, warnings
    channel_of = np.array(unit_channel, dtype=np.int32)
    spikes = merged_trains(trains, tuple(unit_ids), channel_of, len(labels))
    return tuple(labels.values()), spikes, warnings


def _detected_spikes(
    files: BlackrockRawIO, segment: int, origin_ns: int
) -> tuple[tuple[str, ...], SpikeTimes | None, list[str]]:
    """Threshold crossings of broadband, by the detector that decodes live."""
    stream = _stream_with(files, _BROADBAND_HZ)
    if stream is None:
        return (), None, []
    rate_hz = float(files.get_signal_sampling_rate(stream))
    begin_s = float(files.get_signal_t_start(0, segment, stream))
    n_samples = files.get_signal_size(0, segment, stream)
    labels = distinct_labels(_labels(files, stream))
    finder = CrossingFinder(labels, rate_hz)
    for first in range(0, n_samples, _AT_ONCE):
        last = min(first + _AT_ONCE, n_samples)
        ends_s = begin_s + np.arange(first + 1, last + 1) / rate_hz
        voltage = files.get_analogsignal_chunk(0, segment, first, last, stream, None)
        finder.push(ns_array_from_s(ends_s), np.ascontiguousarray(voltage))
    told = [f"spikes are threshold crossings of {len(labels)} broadband channels"]
    return labels, finder.spikes(origin_ns), told


def _stream_with(files: BlackrockRawIO, at_least_hz: float) -> int | None:
    """The first stream of such a rate."""
    n_streams = files.signal_streams_count()
    rates_hz = [float(files.get_signal_sampling_rate(stream)) for stream in range(n_streams)]
    return next((stream for stream, hz in enumerate(rates_hz) if hz >= at_least_hz), None)


def _labels(files: BlackrockRawIO, stream: int) -> tuple[str, ...]:
    number = files.header["signal_streams"][stream]["id"]
    channels = files.header["signal_channels"]
    return tuple(str(one["name"]) for one in channels if one["stream_id"] == number)


def _kinematics(
    files: BlackrockRawIO, segment: int, origin_ns: int
) -> tuple[Kinematics | None, list[str]]:
    """Movement from analog inputs."""
    for stream in range(files.signal_streams_count()):
        labels = [split_name(label)[0].lower() for label in _labels(files, stream)]
        for names in _MOVEMENT:
            if set(names) <= set(labels):
                columns = [labels.index(name) for name in names]
                return _movement(files, segment, stream, columns, origin_ns)
    return None, []


def _movement(
    files: BlackrockRawIO, segment: int, stream: int, columns: Sequence[int], origin_ns: int
) -> tuple[Kinematics, list[str]]:
    raw = files.get_analogsignal_chunk(0, segment, None, None, stream, list(columns))
    values: FloatArray = files.rescale_signal_raw_to_float(raw, "float64", stream, list(columns))
    rate_hz = float(files.get_signal_sampling_rate(stream))
    begin_ns = round(float(files.get_signal_t_start(0, segment, stream)) * NS_PER_S)
    times_ns = begin_ns - origin_ns + ns_array_from_s(np.arange(1, len(values) + 1) / rate_hz)
    names = [_labels(files, stream)[column] for column in columns]
    warnings = [f"analog inputs {' and '.join(names)}: their unit is taken for cm or cm/s"]
    if not names[0].lower().startswith("v"):
        values = np.gradient(values, times_ns / NS_PER_S, axis=0)
        warnings.append(f"velocity is the derivative of {' and '.join(names)}")
    return Kinematics(times_ns, values), warnings
