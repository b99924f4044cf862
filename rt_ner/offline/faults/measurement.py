"""Measure the held-out R² that a decoder keeps under faults of the input."""

from dataclasses import dataclass

import numpy as np

from rt_ner.bundle.entries.corruption_entry import CorruptionTable, FaultScore
from rt_ner.core.arrays import AnyArray, Float32Array, FloatArray, Int64Array
from rt_ner.core.contract.faults.fault import Fault
from rt_ner.data.session.session import Session
from rt_ner.decoding.decoder import DecoderSpecification
from rt_ner.decoding.encoding.encoder import BatchEncoder
from rt_ner.decoding.encoding.normalisation import RunningNormaliser
from rt_ner.offline.dataset import hop_counts, windows_of
from rt_ner.offline.faults.corruption import corrupted, depends_on_channels, severities
from rt_ner.offline.labels import Labels
from rt_ner.offline.scores import r2_score

# Hops that are decoded with each fault, among so many that follow one another, at most.
_MOST_DECODED, _MOST_CORRUPTED = 1000, 12_000
# Times that the channels with a fault are drawn.
_DRAWS = 5
# Decimals that are kept; the computer's last bits are none of them.
_DECIMALS = 4


def corruption_table(
    model: DecoderSpecification, session: Session, labels: Labels, seed: int
) -> CorruptionTable | None:
    """Return the R² of a decoder under faults of every kind; None if its input is no spikes.

    Parameters
    ----------
    model
        The decoder. A running normalisation stays as it is at the start.
    session
        The session whose counts are corrupted.
    labels
        Hops of the session that were held out of training, each with a full history behind it.
    seed
        Seed of all that is random in the faults.

    """
    if model.voltage.is_power:
        return None
    probe, rng = _probe(model, session, labels), np.random.default_rng(seed)
    scores = [
        FaultScore(fault=fault, severity=severity, r2=probe.r2_with(fault, severity, rng))
        for fault in Fault
        for severity in severities(fault, len(model.channel_ids))
    ]
    return CorruptionTable(r2=probe.r2(probe.counts), n_hops=len(probe.rows), faults=tuple(scores))


@dataclass(frozen=True, eq=False)
class _Probe:
    """Hops to decode again: counts ``(hop, channel)`` of consecutive ones, and the windows chosen.

    ``rows`` ``(case,)`` are numbers of windows, ``values`` ``(case, output)`` the true outputs.
    """

    model: DecoderSpecification
    encoder: BatchEncoder
    counts: AnyArray
    rows: Int64Array
    values: FloatArray

    def r2_with(self, fault: Fault, severity: float, rng: np.random.Generator) -> float:
        """Return the mean R² of several draws of a fault."""
        hop_ns = self.model.window.hop_ns
        n_draws = _DRAWS if depends_on_channels(fault) else 1
        draws = [corrupted(self.counts, fault, severity, hop_ns, rng) for _ in range(n_draws)]
        return round(float(np.mean([self.r2(counts) for counts in draws])), _DECIMALS)

    def r2(self, counts: AnyArray) -> float:
        """Return the R² with these counts."""
        shape, readout = self.model.window, self.model.readout
        windows = windows_of(counts, shape.history_bins, shape.hops_per_bin)[self.rows]
        latents = self.encoder.encode(windows.astype(np.float32, order="C"))
        decoded: Float32Array = np.zeros((len(latents), len(readout.outputs)), np.float32)
        newest = decoded[0].copy()
        for latent, values in zip(latents, decoded, strict=True):
            readout.decode(latent, newest)
            values[:] = newest
        return round(r2_score(self.values, decoded.astype(np.float64)), _DECIMALS)


def _probe(model: DecoderSpecification, session: Session, labels: Labels) -> _Probe:
    """Return hops to decode: evenly among all, or the first ones if the readout has a memory."""
    shape = model.window
    hop = labels.end_ns // shape.hop_ns
    n_hops = int(np.searchsorted(hop, hop[0] + _MOST_CORRUPTED))
    step = 1 if model.readout.memory.any() else -(-n_hops // _MOST_DECODED)
    chosen = np.arange(0, n_hops, step)[:_MOST_DECODED]
    first = int(hop[0]) - shape.n_hops
    counts, _ = hop_counts(session, shape.hop_ns)
    normalisation = model.normalisation
    scale = RunningNormaliser(normalisation).scale if normalisation else None
    return _Probe(
        model,
        BatchEncoder(model.encoder_onnx, scale),
        counts[first : hop[chosen[-1]]],
        hop[chosen] - hop[0],
        labels.values[chosen],
    )
