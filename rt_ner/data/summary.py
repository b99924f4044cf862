"""Contents: what a recording holds, as a table and as JSON, and what it lacks for training."""

from pathlib import Path

import numpy as np
from rich.table import Table

from rt_ner.core.arrays import FloatArray
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.session import SpikeTimes


def rates_hz(recording: RecordingFile) -> FloatArray:
    """Spikes a second of each channel, over the whole recording; none without spikes."""
    spikes = recording.spikes
    if spikes is None:
        return np.zeros(0)
    if isinstance(spikes, SpikeTimes):
        per_unit = np.bincount(spikes.unit, minlength=len(spikes.unit_ids))
        n = np.bincount(spikes.unit_channel, weights=per_unit, minlength=spikes.n_channels)
    else:
        n = spikes.counts.sum(axis=0).astype(np.float64)
    return np.asarray(n / max(_end_s(recording), 1e-9))


def summary_json(recording: RecordingFile) -> dict[str, object]:
    """All of it as one JSON object."""
    rates = rates_hz(recording)
    trials, kinematics = recording.trials, recording.kinematics
    return {
        "name": recording.name,
        "areas": recording.areas,
        "contents": recording.contents,
        "seconds": _end_s(recording),
        "channels": len(recording.channel_ids),
        "silent_channels": int((rates == 0).sum()),
        "spikes_per_s": float(rates.sum()),
        "kinematics_samples": 0 if kinematics is None else len(kinematics.time_ns),
        "trials": 0 if trials is None else len(trials),
        "directions": 0 if trials is None else int(np.unique(trials.direction_deg).size),
        "missing_for_training": recording.missing_for_training(),
        "warnings": recording.warnings,
        "provenance": dict(recording.provenance),
    }


def summary_table(recording: RecordingFile, path: Path) -> Table:
    """All of it, to be read."""
    found = summary_json(recording)
    table = Table(title=f"{path}", show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for line in recording.contents:
        table.add_row("holds", line)
    if recording.areas:
        table.add_row("areas", ", ".join(recording.areas))
    if recording.spikes is not None:
        table.add_row(
            "spikes",
            f"{found['channels']} channels, {found['silent_channels']} of them silent; "
            f"{found['spikes_per_s']:,.0f} a second, {found['seconds']:,.0f} s",
        )
    if recording.kinematics is not None:
        speed = np.hypot(*recording.kinematics.velocity_cm_s.T)
        table.add_row(
            "velocity",
            f"{found['kinematics_samples']:,} samples; fastest {speed.max():.1f} cm/s",
        )
    if recording.trials is not None:
        table.add_row("trials", f"{found['trials']}, in {found['directions']} directions")
    for doubt in recording.warnings:
        table.add_row("doubtful", doubt)
    for lack in recording.missing_for_training():
        table.add_row("to train on it", lack)
    if not recording.missing_for_training():
        table.add_row("to train on it", "nothing is missing")
    return table


def _end_s(recording: RecordingFile) -> float:
    """When the last spike, movement or trial was, in s."""
    spikes = recording.spikes
    ends_ns = [0]
    if isinstance(spikes, SpikeTimes):
        ends_ns += spikes.time_ns[-1:].tolist()
    elif spikes is not None:
        ends_ns.append(len(spikes.counts) * spikes.bin_ns)
    if recording.kinematics is not None:
        ends_ns.append(int(recording.kinematics.time_ns[-1]))
    if recording.trials is not None:
        ends_ns.append(int(recording.trials.end_ns[-1]))
    return max(ends_ns) / 1e9
