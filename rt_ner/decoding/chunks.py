"""Messages: the small immutable things that the stages hand to one another.

``arrived_ns`` is when a chunk was received, on the local clock; 0 where it was never sent. It
tells a clock's jump from lost data, and ends the wait for late events; no count depends on it
otherwise.
"""

from typing import NamedTuple, TypeAlias

from rt_ner.core.arrays import AnyArray, Float32Array, FloatArray, Int64Array


class RasterChunk(NamedTuple):
    """Some samples of a spike raster.

    ``stamp_ns``: ``(sample,)``, the *end* of the interval that each sample counts.
    ``counts``: ``(sample, channel)``, spikes in that interval, of any numeric type.
    """

    stamp_ns: Int64Array
    counts: AnyArray
    arrived_ns: int = 0


class EventChunk(NamedTuple):
    """Some spikes, in any order; none, too: then the chunk only says how late it is.

    ``time_ns``: ``(event,)``. ``channel`` and ``unit``: ``(event,)``, the numbers that the source
    gives them, valid or not. ``complete``: whether nothing more waits, so that what has not
    arrived by now is late.
    """

    time_ns: Int64Array
    channel: FloatArray
    unit: FloatArray
    arrived_ns: int = 0
    complete: bool = True


class VoltageChunk(NamedTuple):
    """Some samples of broadband voltage.

    ``stamp_ns``: ``(sample,)``, the *end* of each sample's interval. ``voltage``: ``(sample,
    channel)`` in any unit and of any numeric type.
    """

    stamp_ns: Int64Array
    voltage: AnyArray
    arrived_ns: int = 0


Chunk: TypeAlias = RasterChunk | EventChunk | VoltageChunk


class Decoded(NamedTuple):
    """What the decoder says of one hop. The arrays are reused at the next hop: copy to keep.

    ``end_ns``: end of the hop, the moment that the velocity belongs to. ``ready``: whether there
    is enough history to decode. ``latent``: ``(latent,)``, NaN unless ready and the hop free of
    invalid input. ``velocity``: ``(2,)`` in the readout's unit, zero unless the latent is finite.
    The stamps are of the injected clock.
    """

    end_ns: int
    ready: bool
    latent: Float32Array
    velocity: Float32Array
    bin_closed_ns: int
    embedded_ns: int
    decoded_ns: int
