"""Decoding: a whole session through the decoder's own code, as the live loop runs it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rt_ner.core.arrays import Float32Array, Int64Array
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.raster import SpikeBinner, raster_binner
from rt_ner.decoding.chunks import Chunk
from rt_ner.decoding.decoder import Decoder, DecoderSpecification


@dataclass(frozen=True, eq=False)
class Decoding:
    """What a decoder gave for a session: ``(hop, …)``, only where it had its full history."""

    end_ns: Int64Array
    latent: Float32Array
    velocity_cm_s: Float32Array


def decode_session(model: DecoderSpecification, session: Session) -> Decoding:
    """Decode a whole session offline, chunk by chunk, as the live loop does.

    Raises SessionError if its channels are not the model's.
    """
    if session.channel_ids != model.channel_ids:
        raise SessionError(
            f"session '{session.name}' ({session.area}) has channels "
            f"{_span(session.channel_ids)}, the bundle was trained on "
            f"{_span(model.channel_ids)}: evaluate it on a session of the same array and area"
        )
    binner = raster_binner(
        len(model.channel_ids), model.window.hop_ns, session.spikes.raster_period_ns
    )
    decoding = decode_chunks(model, binner, session.spikes.raster(0, session.end_ns))
    if not decoding.end_ns.size:
        raise SessionError(
            f"session '{session.name}' is shorter than the bundle's history of "
            f"{model.window.n_hops * model.window.hop_ns / 1e6:g} ms: there is nothing to decode"
        )
    return decoding


def decode_chunks(
    model: DecoderSpecification, binner: SpikeBinner[Any], chunks: Iterable[Chunk]
) -> Decoding:
    """Decode chunks of the binner's kind, as the live loop does."""
    decoder = Decoder(model, binner, now_ns=lambda: 0)
    ends = []
    latents = [np.zeros((0, len(model.readout.matrix)), dtype=np.float32)]
    velocities = [np.zeros((0, 2), dtype=np.float32)]
    for chunk in chunks:
        for decoded in decoder.push(chunk):
            if decoded.ready:
                ends.append(decoded.end_ns)
                latents.append(decoded.latent[None].copy())
                velocities.append(decoded.velocity[None].copy())
    return Decoding(
        np.array(ends, dtype=np.int64), np.concatenate(latents), np.concatenate(velocities)
    )


def _span(channel_ids: tuple[str, ...]) -> str:
    return f"'{channel_ids[0]}' … '{channel_ids[-1]}' ({len(channel_ids)})"
