"""Messages: the small immutable things that the stages hand to one another."""

from typing import NamedTuple

from rt_ner.arrays import AnyArray, Float32Array, Int64Array


class RasterChunk(NamedTuple):
    """Some samples of a spike raster, in order.

    ``stamp_ns``: ``(sample,)``, the *end* of the interval that each sample counts.
    ``counts``: ``(sample, channel)``, spikes in that interval, of any numeric type.
    """

    stamp_ns: Int64Array
    counts: AnyArray


class Decoded(NamedTuple):
    """What the decoder says of one hop. The arrays are reused at the next hop: copy to keep.

    ``end_ns``: end of the hop, the moment that the velocity belongs to. ``ready``: whether there
    is enough history to decode. ``latent``: ``(latent,)``, NaN unless ready. ``velocity``:
    ``(2,)`` in the readout's unit, zero unless ready and finite. The stamps are of the injected
    clock.
    """

    end_ns: int
    ready: bool
    latent: Float32Array
    velocity: Float32Array
    bin_closed_ns: int
    embedded_ns: int
    decoded_ns: int
