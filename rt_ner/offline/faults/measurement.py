"""Measure the held-out R² that a decoder keeps under faults of the input."""

from dataclasses import dataclass

import numpy as np

from rt_ner.bundle.entries.corruption_entry import CorruptionTable, FaultScore
from rt_ner.core.arrays import AnyArray, BoolArray, Float32Array, FloatArray, Int64Array
from rt_ner.core.contract.faults.fault import Fault
from rt_ner.data.session.session import Session
from rt_ner.decoding.encoding.encoder import BatchEncoder
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.dataset import hop_counts, windows_of
from rt_ner.offline.faults.corruption import corrupted, depends_on_channels, severities
from rt_ner.offline.labels import Labels
from rt_ner.offline.scores import r2_score

# Most hops that are decoded with each fault, and the longest stretch from which they are taken.
_MOST_DECODED, _MOST_CORRUPTED = 1000, 12_000
# Number of random draws of the channels that have a fault.
_DRAWS = 5
# Decimals that are kept: computers differ only beyond them.
_DECIMALS = 4


def corruption_table(
    model: DecoderSpecification, session: Session, labels: Labels, seed: int
) -> CorruptionTable | None:
    """Return the R² of a decoder under faults of every kind; None if its input is not spikes.

    Parameters
    ----------
    model
        The decoder. Its running normalisation, if any, stays as it is at the start.
    session
        The session whose counts are corrupted.
    labels
        Hops of the session that were held out of training, each with a full history behind it.
    seed
        Seed of the random faults.

    """
    if model.voltage.is_power:
        return None
    probe, rng = _probe(model, session, labels), np.random.default_rng(seed)
    scores = [
        FaultScore(fault=fault, severity=severity, r2=probe.r2_with(fault, severity, rng))
        for fault in Fault
        for severity in severities(fault, len(model.channel_ids))
    ]
    return CorruptionTable(
        r2=probe.r2(probe.counts), n_hops=len(probe.values), faults=tuple(scores)
    )


@dataclass(frozen=True, eq=False)
class _Probe:
    """Hops to decode again: ``counts`` ``(hop, channel)`` of consecutive hops, and chosen windows.

    ``rows`` ``(case,)`` are the numbers of the chosen windows, in order. ``is_scored`` ``(case,)``
    marks those with true outputs, which are ``values`` ``(scored case, output)``.
    """

    model: DecoderSpecification
    encoder: BatchEncoder
    counts: AnyArray
    rows: Int64Array
    is_scored: BoolArray
    values: FloatArray

    def r2_with(self, fault: Fault, severity: float, rng: np.random.Generator) -> float:
        """Return the R² with a fault, the mean of several draws if it concerns some channels."""
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
        return round(r2_score(self.values, decoded[self.is_scored].astype(np.float64)), _DECIMALS)


def _probe(model: DecoderSpecification, session: Session, labels: Labels) -> _Probe:
    """Return hops to decode, evenly spread over the labelled ones.

    If the readout has a memory: the first labelled hops, and all hops between them, as live.
    """
    shape, has_memory = model.window, bool(model.readout.memory.any())
    hop = labels.end_ns // shape.hop_ns
    span = _MOST_DECODED if has_memory else _MOST_CORRUPTED
    n_hops = int(np.searchsorted(hop, hop[0] + span))
    chosen = np.arange(0, n_hops, 1 if has_memory else -(-n_hops // _MOST_DECODED))
    scored = hop[chosen] - hop[0]
    rows = np.arange(scored[-1] + 1) if has_memory else scored
    counts, _ = hop_counts(session, shape.hop_ns)
    return _Probe(
        model,
        BatchEncoder(model.encoder_onnx, model.start_scale),
        counts[hop[0] - shape.n_hops : hop[chosen[-1]]],
        rows,
        np.isin(rows, scored),
        labels.values[chosen],
    )
