"""Decode a short recording with a running normalisation that has settled on it."""

from dataclasses import replace

from rt_ner.core.arrays import Float32Array
from rt_ner.data.session.session import Session
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.dataset import Dataset, build_dataset
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.normalisation.followed import moments_of


def settled(model: DecoderSpecification, session: Session) -> DecoderSpecification:
    """Return the model, its running normalisation beginning with a session's own moments.

    Live, it has come to them before a block is recorded. Without one, the model is as it was.
    """
    if model.normalisation is None:
        return model
    start = moments_of(build_dataset(session, model.window).windows[:, -1])
    return replace(model, normalisation=replace(model.normalisation, start=start))


def decode_windows(
    model: DecoderSpecification, session: Session, dataset: Dataset
) -> tuple[Float32Array, Float32Array]:
    """Return latents ``(hop, latent)`` and outputs ``(hop, output)`` of a session's windows.

    The session is decoded in order: a running normalisation depends on all that came before, and
    consecutive windows share most of their bins.
    """
    decoding = decode_session(model, session)
    rows = decoding.end_ns.searchsorted(dataset.labels.end_ns)
    return decoding.latent[rows], decoding.values[rows]
