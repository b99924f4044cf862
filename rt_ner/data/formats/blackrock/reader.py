"""Read Blackrock files with neo: NEV spikes, or values of NSx broadband.

Movement is there if it was fed into analog inputs. A recipe says which digital words mean a
trial's start, go cue and end.
"""

import logging
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from neo.rawio import BlackrockRawIO

from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.blackrock.analog import behaviour_of
from rt_ner.data.formats.blackrock.channels import BROADBAND_HZ, described
from rt_ner.data.formats.blackrock.voltage import FoundSpikes, voltage_spikes
from rt_ner.data.formats.blackrock.words import nev_markers
from rt_ner.data.formats.common.guards.foreign_files import foreign_file
from rt_ner.data.formats.common.spike_trains import merge_trains
from rt_ner.data.formats.recipe.parts.outputs_at import AnalogAt
from rt_ner.data.recordings import RecordingFile
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings

_AREA = "array"
_NOISE_UNIT = 255
_DRAFT = "(rt-ner inspect FILE --recipe NEW.toml drafts one)"
_MISSING = {
    "spikes": "no spikes in the NEV file, and no broadband (NSx of 15 kHz or more) beside it",
    "behaviour": "no analog channels whose labels name x and y of a movement, such as hand_x and "
    f"hand_y: name the movement's channels in a recipe {_DRAFT}, or record movement and spikes "
    "together as LSL streams (rt-ner record)",
    "trials": "Blackrock files don't say which words mean a trial's start, go cue and end: say so "
    f"in a recipe {_DRAFT}, or record the task's markers and the spikes together as LSL streams "
    "(rt-ner record)",
}
logging.getLogger("neo").addHandler(logging.NullHandler())


def read(
    path: Path,
    area: str | None,
    voltage: VoltageSettings = CROSSINGS,
    outputs: Sequence[AnalogAt] = (),
) -> RecordingFile:
    """Read ``NAME.nev`` and the NSx files beside it, or an NSx file.

    ``outputs`` are the analog inputs that a recipe names; without any, labels tell the movement.
    """
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
            return _recording(files, path, voltage, outputs)
        finally:
            # neo refers to itself, and so would keep its files open until garbage collection.
            vars(files).clear()


def _recording(
    files: BlackrockRawIO, path: Path, voltage: VoltageSettings, outputs: Sequence[AnalogAt]
) -> RecordingFile:
    """Return the longest part of the recording."""
    segment, warnings = _longest_segment(files)
    origin_ns = _origin_ns(files, segment)
    found = _spikes(files, segment, origin_ns, voltage)
    behaviour, notes = behaviour_of(files, segment, origin_ns, outputs)
    return RecordingFile(
        name=path.stem,
        areas=(_AREA,),
        channel_ids=found.channel_ids,
        spikes=found.spikes,
        behaviour=behaviour,
        markers=nev_markers(files, segment, origin_ns),
        contents=tuple(_contents(files)),
        missing=_MISSING,
        warnings=(*_truncation(path.with_suffix(".nev")), *warnings, *found.warnings, *notes),
        provenance={
            "file": path.name,
            "layout": "blackrock",
            "zero_of_device_clock_s": str(origin_ns // NS_PER_S),
        },
        voltage=voltage,
    )


def _spikes(
    files: BlackrockRawIO, segment: int, origin_ns: int, voltage: VoltageSettings
) -> FoundSpikes:
    """Return the NEV file's spikes or, if there are none, the values of broadband."""
    found = FoundSpikes((), None, [])
    if voltage == CROSSINGS:
        found = _sorted_spikes(files, segment, origin_ns)
    if found.spikes is not None:
        return found
    detected = voltage_spikes(files, segment, origin_ns, voltage)
    return detected._replace(warnings=found.warnings + detected.warnings)


def _contents(files: BlackrockRawIO) -> Iterator[str]:
    """Yield a line for the units, and one for each stream of signals."""
    units = files.header["spike_channels"]
    if len(units):
        yield f"NEV: {len(units)} units"
    for stream in range(files.signal_streams_count()):
        yield described(files, stream)


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
