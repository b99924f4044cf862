"""Summary of a recording, as a table and as JSON."""

from pathlib import Path

import numpy as np
from rich.table import Table

from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.outputs import VELOCITY_XY, names_of
from rt_ner.data.formats.common.markers.marker import counts_by_source, in_words
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.spikes import SpikeTimes
from rt_ner.decoding.binning.voltage.power import UNIT_HZ
from rt_ner.decoding.binning.voltage.settings import CROSSINGS


def rates_hz(recording: RecordingFile) -> FloatArray:
    """Return each channel's mean rate in spikes per second; empty without spikes."""
    spikes = recording.spikes
    if spikes is None:
        return np.zeros(0)
    if isinstance(spikes, SpikeTimes):
        per_unit = np.bincount(spikes.unit, minlength=len(spikes.unit_ids))
        n = np.bincount(spikes.unit_channel, weights=per_unit, minlength=spikes.n_channels)
    else:
        n = spikes.counts.sum(axis=0).astype(np.float64)
    return np.asarray(n / max(recording.duration_s, 1e-9))


def summary_json(recording: RecordingFile) -> dict[str, object]:
    """Return the summary as one JSON object."""
    rates = rates_hz(recording)
    is_power = recording.voltage.is_power
    trials, kinematics = recording.trials, recording.behaviour
    return {
        "name": recording.name,
        "areas": recording.areas,
        "contents": recording.contents,
        "seconds": recording.duration_s,
        "channels": len(recording.channel_ids),
        "silent_channels": int((rates == 0).sum()),
        "spikes_per_s": None if is_power else float(rates.sum()),
        "voltage": recording.voltage.model_dump(mode="json"),
        "gaps_s": _gaps_s(recording),
        "outputs": [] if kinematics is None else names_of(kinematics.outputs),
        "kinematics_samples": 0 if kinematics is None else len(kinematics.time_ns),
        "trials": 0 if trials is None else len(trials),
        "directions": 0 if trials is None else trials.n_directions,
        "markers": counts_by_source(recording.markers),
        "missing_for_training": recording.missing_for_training(),
        "warnings": recording.warnings,
        "provenance": dict(recording.provenance),
    }


def _gaps_s(recording: RecordingFile) -> list[tuple[float, float]]:
    """Return start and end of each gap of the spikes in s, as far as the recording lasts."""
    if recording.spikes is None:
        return []
    edges_s = recording.spikes.gaps_ns.clip(0) / NS_PER_S
    return [
        (start_s, min(end_s, recording.duration_s))
        for start_s, end_s in edges_s.tolist()
        if end_s > 0 and start_s < recording.duration_s
    ]


def summary_table(recording: RecordingFile, path: Path) -> Table:
    """Return the summary as a table for the terminal."""
    table = Table(title=f"{path}", show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for line in recording.contents:
        table.add_row("contents", line)
    for source, counts in counts_by_source(recording.markers).items():
        table.add_row("markers", f"{source}: {in_words(counts)}")
    for name, text in _parts(recording):
        table.add_row(name, text)
    for warning in recording.warnings:
        table.add_row("warning", warning)
    for reason in recording.missing_for_training() or ["nothing"]:
        table.add_row("missing for training", reason)
    return table


def _behaviour_rows(behaviour: Behaviour) -> list[tuple[str, str]]:
    """Return the speed of a velocity, or the range of every other output."""
    samples = f"{len(behaviour.time_ns):,} samples"
    if behaviour.outputs == VELOCITY_XY:
        fastest_cm_s = np.hypot(*behaviour.values.T).max()
        return [("velocity", f"{samples}, up to {fastest_cm_s:.1f} cm/s")]
    return [
        (output.name, f"{samples} from {values.min():.4g} to {values.max():.4g} {output.unit}")
        for output, values in zip(behaviour.outputs, behaviour.values.T, strict=True)
    ]


def _rate(recording: RecordingFile) -> str:
    """Return the rate of all spikes, or the mean power of a channel, in words."""
    rates = rates_hz(recording)
    if recording.voltage.is_power:
        return f"mean spike-band power {rates.mean() / UNIT_HZ:.1f} µV"
    return f"{rates.sum():,.0f} spikes per second"


def _parts(recording: RecordingFile) -> list[tuple[str, str]]:
    """Return name and description of each part that the recording has."""
    found = summary_json(recording)
    rows = []
    if recording.areas:
        rows.append(("areas", ", ".join(recording.areas)))
    if recording.spikes is not None:
        silent = f"{found['channels']} channels, {found['silent_channels']} of them silent"
        rows.append(("spikes", f"{silent}; {_rate(recording)} over {found['seconds']:,.0f} s"))
        if recording.voltage != CROSSINGS:
            rows.append(("made of voltage", str(recording.voltage)))
    if gaps_s := _gaps_s(recording):
        lost_s = sum(end_s - start_s for start_s, end_s in gaps_s)
        rows.append(("gaps", f"{len(gaps_s)}: no spikes were recorded for {lost_s:,.1f} s in all"))
    if recording.behaviour is not None:
        rows += _behaviour_rows(recording.behaviour)
    if recording.trials is None or recording.trials.are_blocks:
        reason = recording.missing.get("trials", "the file has none")
        rows.append(("trials", f"none, so the recording is cut into blocks: {reason}"))
    else:
        rows.append(("trials", f"{found['trials']} in {found['directions']} directions"))
    return rows
