"""Define the chunks of spikes that go into a decoder and the results that come out.

All times are int64 ns of the local clock; arrays are ``(time, channel)``. ``arrived_ns`` tells a
clock's jump from lost data and ends the wait for late events. No count depends on it otherwise.
"""

from typing import NamedTuple, TypeAlias

from rt_ner.core.arrays import AnyArray, Float32Array, FloatArray, Int64Array


class RasterChunk(NamedTuple):
    """Some samples of a spike raster.

    Attributes
    ----------
    stamp_ns
        *End* of the interval that each sample counts, ``(sample,)``, in ns.
    counts
        Spikes in that interval, ``(sample, channel)``, of any numeric type.
    arrived_ns
        Time at which the chunk was received, in ns; 0 if it was never sent.

    """

    stamp_ns: Int64Array
    counts: AnyArray
    arrived_ns: int = 0


class EventChunk(NamedTuple):
    """Some spikes, in any order. A chunk without spikes only tells the time.

    Attributes
    ----------
    time_ns
        Time of each spike, ``(event,)``, in ns.
    channel, unit
        The source's numbers of the spike's channel and unit, ``(event,)`` each, valid or not.
    arrived_ns
        Time at which the chunk was received, in ns; 0 if it was never sent.
    complete
        True if nothing more waits to be read, so that anything still missing is late.

    """

    time_ns: Int64Array
    channel: FloatArray
    unit: FloatArray
    arrived_ns: int = 0
    complete: bool = True


class VoltageChunk(NamedTuple):
    """Some samples of broadband voltage.

    Attributes
    ----------
    stamp_ns
        *End* of each sample's interval, ``(sample,)``, in ns.
    voltage
        Voltage, ``(sample, channel)``, in any unit and of any numeric type.
    arrived_ns
        Time at which the chunk was received, in ns; 0 if it was never sent.

    """

    stamp_ns: Int64Array
    voltage: AnyArray
    arrived_ns: int = 0


SingleChunk: TypeAlias = RasterChunk | EventChunk | VoltageChunk


class SourceChunk(NamedTuple):
    """A chunk from one of several sources that are decoded together.

    Attributes
    ----------
    stamp_ns
        Times of its samples or events, ``(sample,)``, in ns.
    source
        Number of its source, from 0.
    chunk
        The chunk itself.
    complete
        True if nothing more waits to be read from any source, so that anything still missing has
        not been sent.

    """

    stamp_ns: Int64Array
    source: int
    chunk: SingleChunk
    complete: bool = False


Chunk: TypeAlias = SingleChunk | SourceChunk


class Decoded(NamedTuple):
    """The decoder's result for one hop. The arrays are reused at the next hop: copy to keep.

    Attributes
    ----------
    end_ns
        End of the hop, the moment that the outputs belong to, in ns.
    ready
        True if the history is long enough to decode.
    latent
        The latent, ``(latent,)``; NaN unless ``ready`` and the hop is free of invalid input.
    values
        The outputs, ``(output,)``, in their units. Without a finite latent, velocities are zero and
        other outputs stay as they were.
    bin_closed_ns, embedded_ns, decoded_ns
        Times at which the bin was closed, the latent was ready and the outputs were ready, in ns
        of the decoder's own clock.
    probabilities
        The probability of each class, ``(class,)``; all zero without a finite latent, and None
        without a classifier.

    """

    end_ns: int
    ready: bool
    latent: Float32Array
    values: Float32Array
    bin_closed_ns: int
    embedded_ns: int
    decoded_ns: int
    probabilities: Float32Array | None = None
