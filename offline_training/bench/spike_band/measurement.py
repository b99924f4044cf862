"""Train on the values of simulated voltage, each with a control on shuffled trials."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import torch

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from drivers.simulated.voltage import ElectrodeSettings, VoltageMaker
from offline_training.compare.evaluation_split import recording_of
from offline_training.compare.scoring.readouts import readouts_of
from offline_training.compare.scoring.scores import embed, score
from offline_training.methods.method import FitContext, Method
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import BROADBAND_HZ, ChannelValue, ReferenceKind
from rt_ner.data.formats.common.voltage import VoltageCounter
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream

# In the detector's band the simulated noise has an RMS of 6.25 µV, and a trough keeps 0.78 of its
# size. So a trough of so many µV is as large as the RMS; spikes are 3 to 8 times as large.
_RMS_UV = 8.0
_TROUGH_UV = (3 * _RMS_UV, 8 * _RMS_UV)
# RMS of the noise that a bank shares.
_SHARED_UV = 20.0
# Thresholds and references are learned in two seconds; a history is shorter than one.
_LEARNED_NS = 3 * NS_PER_S
# Part of the work that is reading voltage; training is the rest.
_READING = 0.8
_CONDITIONS = {"of its own": 0.0, "shared too": _SHARED_UV}
_SETTINGS = tuple(
    VoltageSettings(value=value, reference=reference)
    for reference, value in product(ReferenceKind, ChannelValue)
)


@dataclass(frozen=True)
class Simulation:
    """The size of the simulated session, and the decoder to train."""

    n_trials: int
    n_channels: int
    method: Method
    seed: int
    device: torch.device


def measure_spike_band(
    simulation: Simulation, on_part: Callable[[float], None]
) -> list[dict[str, str | float]]:
    """Return a row of scores for each noise, value and reference, within one run."""
    task, array = TaskSettings(simulation.n_trials), ArraySettings(simulation.n_channels)
    session = _learned_part(simulate_session(simulation.seed, task, array))
    rows: list[dict[str, str | float]] = []
    for number, (noise, shared_uv) in enumerate(_CONDITIONS.items()):
        maker = VoltageMaker(session, ElectrodeSettings(_TROUGH_UV, shared_uv))

        def heard(part: float, before: int = number) -> None:
            on_part((before + _READING * part) / len(_CONDITIONS))

        for voltage, spikes in (("true spikes", session), *_read(session, maker, heard)):
            names: dict[str, str | float]
            names = {"noise": noise, "value": str(voltage), "reference": "none"}
            if isinstance(voltage, VoltageSettings):
                names |= {"value": voltage.value.value, "reference": voltage.reference.value}
            rows.append({**names, **_scores(spikes, simulation)})
    return rows


def _learned_part(session: Session) -> Session:
    """Return the session without labels from the time in which thresholds are learned."""
    behaviour = session.behaviour
    known = behaviour.time_ns > _LEARNED_NS
    return replace(session, behaviour=Behaviour(behaviour.time_ns[known], behaviour.values[known]))


def _read(
    session: Session, maker: VoltageMaker, on_part: Callable[[float], None]
) -> Iterator[tuple[VoltageSettings, Session]]:
    """Yield the session as it is read from its voltage, with each of the settings."""
    columns = session.channel_ids
    form = SpikeStream(InputKind.BROADBAND, float(BROADBAND_HZ), "int16", columns, ())
    counters = {voltage: VoltageCounter(form, voltage) for voltage in _SETTINGS}
    for chunk in maker.chunks(0, session.end_ns):
        for counter in counters.values():
            counter.push(chunk.stamp_ns, chunk.voltage)
        on_part(int(chunk.stamp_ns[-1]) / session.end_ns)
    for voltage, counter in counters.items():
        yield voltage, replace(session, spikes=counter.spikes(), voltage=voltage)


def _scores(session: Session, simulation: Simulation) -> dict[str, float]:
    """Return R² on held-out trials, and that of a decoder trained on shuffled ones."""
    method, recording = simulation.method, recording_of(session)
    step_ns = recording.split.shape.bin_ns
    context = FitContext(simulation.seed, simulation.device, step_ns, lambda _: None)
    learned = embed(recording, method, context)
    control = embed(recording.shuffled(simulation.seed), method, context)
    row = score(learned, readouts_of(method)[0], simulation.seed, None, control)
    assert row.shuffled_r2 is not None
    return {"r2": row.r2, "shuffled_r2": row.shuffled_r2}
