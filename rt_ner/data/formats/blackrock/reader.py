"""Read Blackrock files with neo: NEV spikes, or values of NSx broadband.

They hold no trials, and movement only if it was fed into analog inputs.
"""

import logging
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from neo.rawio import BlackrockRawIO

from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.blackrock.voltage import (
    BROADBAND_HZ,
    FoundSpikes,
    labels_of,
    voltage_spikes,
)
from rt_ner.data.formats.common.guards.foreign_files import foreign_file
from rt_ner.data.formats.common.spike_trains import merge_trains
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings
from rt_ner.decoding.input.channels import split_name

_AREA = "array"
_NOISE_UNIT = 255
_MOVEMENT = (("vx", "vy"), ("x", "y"), ("cursor_x", "cursor_y"), ("hand_x", "hand_y"))
_MISSING = {
    "spikes": "no spikes in the NEV file, and no broadband (NSx of 15 kHz or more) beside it",
    "behaviour": "no analog channels named vx and vy, or x and y: record movement and spikes "
    "together as LSL streams (rt-ner record), or build a session and save it with save_session",
    "trials": "Blackrock files hold no trials: record the task's markers and the spikes together "
    "as LSL streams (rt-ner record), or build a session and save it with save_session",
}
logging.getLogger("neo").addHandler(logging.NullHandler())


def read(path: Path, area: str | None, voltage: VoltageSettings = CROSSINGS) -> RecordingFile:
    """Read ``NAME.nev`` and the NSx files beside it, or an NSx file."""
    if area not in (None, _AREA):
        raise SessionError(f"no area '{area}': Blackrock files name no areas; leave --area out")
    if not path.with_suffix(path.suffix.lower()).exists():
        # neo finds files by their endings, in lower case only.
        raise SessionError(
            f"the name ends in {path.suffix}: rename it, and the files beside it, to lower case"
        )
    with foreign_file("Blackrock file"):
        files = BlackrockRawIO(
            filename=str(path.with_suffix("")),
            nsx_to_load="all",
            load_nev=path.with_suffix(".nev").is_file(),
            gap_tolerance_ms=1000.0 / BROADBAND_HZ,
        )
        try:
            files.parse_header()
            return _recording(files, path, voltage)
        finally:
            # neo refers to itself, and so would keep its files open until garbage collection.
            vars(files).clear()


def _recording(files: BlackrockRawIO, path: Path, voltage: VoltageSettings) -> RecordingFile:
    """Return the longest part of the recording."""
    segment, warnings = _longest_segment(files)
    origin_ns = _origin_ns(files, segment)
    found = FoundSpikes((), None, [])
    if voltage == CROSSINGS:
        found = _sorted_spikes(files, segment, origin_ns)
    if found.spikes is None:
        detected = voltage_spikes(files, segment, origin_ns, voltage)
        found = detected._replace(warnings=found.warnings + detected.warnings)
    kinematics, movement_warnings = _kinematics(files, segment, origin_ns)
    return RecordingFile(
        name=path.stem,
        areas=(_AREA,),
        channel_ids=found.channel_ids,
        spikes=found.spikes,
        behaviour=kinematics,
        contents=tuple(_contents(files)),
        missing=_MISSING,
        warnings=(
            *_truncation(path.with_suffix(".nev")),
            *warnings,
            *found.warnings,
            *movement_warnings,
        ),
        provenance={
            "file": path.name,
            "layout": "blackrock",
            "zero_of_device_clock_s": str(origin_ns // NS_PER_S),
        },
        voltage=voltage,
    )


def _contents(files: BlackrockRawIO) -> Iterator[str]:
    """Yield a line for the units, and one for each stream of signals."""
    units = files.header["spike_channels"]
    if len(units):
        yield f"NEV: {len(units)} units"
    for stream in files.header["signal_streams"]:
        channels = [c for c in files.header["signal_channels"] if c["stream_id"] == stream["id"]]
        names = ", ".join(str(channel["name"]) for channel in channels[:4])
        rate_hz = float(channels[0]["sampling_rate"])
        yield f"NS{stream['id']}: {len(channels)} channels ({names}), {rate_hz:g} Hz"


def _longest_segment(files: BlackrockRawIO) -> tuple[int, list[str]]:
    """Return the longest part: pauses and clock resets divide a recording."""
    n_segments = files.segment_count(0)
    if not n_segments:
        raise SessionError("no Blackrock recording: the file holds headers and no data")
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
    """Return the session's time zero on the device's clock: the recording's first whole second.

    The device's clock runs on between recordings, or counts from 1970.
    """
    return int(files.segment_t_start(0, segment)) * NS_PER_S


def _truncation(nev: Path) -> list[str]:
    """Return a warning if a NEV file ends within a packet; neo skips such a packet silently."""
    if not nev.is_file():
        return []
    with nev.open("rb") as file:
        header_bytes, packet_bytes = struct.unpack("<12xII", file.read(20))
    beyond = (nev.stat().st_size - header_bytes) % packet_bytes
    return ["the NEV file ends within a spike, which is left out"] if beyond else []


def _sorted_spikes(files: BlackrockRawIO, segment: int, origin_ns: int) -> FoundSpikes:
    """Return the NEV file's units, pooled by electrode, without noise."""
    names = [str(unit["name"]) for unit in files.header["spike_channels"]]
    label_of = _electrode_labels(files) if names else {}
    labels: dict[int, str] = {}
    trains, unit_ids, unit_channel, n_noise = [], [], [], 0
    for unit, name in enumerate(names):
        electrode, number = map(int, name.removeprefix("ch").split("#"))
        ticks = files.get_spike_timestamps(0, segment, unit)
        if number == _NOISE_UNIT:
            n_noise += len(ticks)
            continue
        label = labels.setdefault(electrode, label_of.get(electrode) or f"elec{electrode:03d}")
        times_s = files.rescale_spike_timestamp(ticks, "float64")
        trains.append(ns_array_from_s(times_s) - origin_ns)
        unit_ids.append(f"{label}/{number}")
        unit_channel.append(list(labels).index(electrode))
    warnings = [f"spikes that the sorter marked as noise, left out: {n_noise:,}"] if n_noise else []
    if not any(len(train) for train in trains):
        return FoundSpikes((), None, warnings)
    channel_of = np.array(unit_channel, dtype=np.int32)
    spikes = merge_trains(trains, tuple(unit_ids), channel_of, len(labels))
    return FoundSpikes(tuple(labels.values()), spikes, warnings)


def _electrode_labels(files: BlackrockRawIO) -> dict[int, str]:
    """Return the electrodes' labels by number; none if they repeat."""
    # Not public, but neo has the electrodes' labels nowhere else.
    labels = {
        int(number): bytes(label).decode(errors="replace")
        for number, label in files._nev_params("channel_labels").items()
    }
    return labels if len(set(labels.values())) == len(labels) else {}


def _kinematics(
    files: BlackrockRawIO, segment: int, origin_ns: int
) -> tuple[Behaviour | None, list[str]]:
    """Return the movement in analog inputs, and warnings."""
    for stream in range(files.signal_streams_count()):
        labels = [split_name(label)[0].lower() for label in labels_of(files, stream)]
        for names in _MOVEMENT:
            if set(names) <= set(labels):
                columns = [labels.index(name) for name in names]
                return _movement(files, segment, stream, columns, origin_ns)
    return None, []


def _movement(
    files: BlackrockRawIO, segment: int, stream: int, columns: Sequence[int], origin_ns: int
) -> tuple[Behaviour, list[str]]:
    """Return two analog inputs as velocity, and warnings."""
    raw = files.get_analogsignal_chunk(0, segment, None, None, stream, list(columns))
    values: FloatArray = files.rescale_signal_raw_to_float(raw, "float64", stream, list(columns))
    rate_hz = float(files.get_signal_sampling_rate(stream))
    begin_ns = round(float(files.get_signal_t_start(0, segment, stream)) * NS_PER_S)
    times_ns = begin_ns - origin_ns + ns_array_from_s(np.arange(1, len(values) + 1) / rate_hz)
    names = [labels_of(files, stream)[column] for column in columns]
    warnings = [f"analog inputs {' and '.join(names)}: their unit is assumed to be cm or cm/s"]
    if not names[0].lower().startswith("v"):
        values = np.gradient(values, times_ns / NS_PER_S, axis=0)
        warnings.append(f"velocity is the derivative of {' and '.join(names)}")
    return Behaviour(times_ns, values), warnings
