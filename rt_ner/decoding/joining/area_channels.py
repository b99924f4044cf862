"""Divide a bundle's channels among several sources, one for each of its areas.

A bundle of several areas names a channel by area and label, such as ``M1/elec001``. The stream of
one area may use either form of the name.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import Int64Array
from rt_ner.core.errors import StreamError
from rt_ner.decoding.input.settings import InputSettings
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.decoding.specification import DecoderSpecification


class AreaChannels(NamedTuple):
    """The channels of one area: their places among the bundle's, and names without the area."""

    area: str
    places: Int64Array
    names: tuple[str, ...]

    def plain(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Return labels without the area."""
        return tuple(label.removeprefix(f"{self.area}/") for label in labels)

    def plain_stream(self, stream: SpikeStream) -> SpikeStream:
        """Return the shape of the area's stream, with labels that do not name the area."""
        columns, electrodes = self.plain(stream.columns), self.plain(stream.electrodes)
        return replace(stream, columns=columns, electrodes=electrodes)

    def plain_settings(self, settings: InputSettings) -> InputSettings:
        """Return the settings of the area's stream, which name its own channels alone."""
        if not settings.channels:
            return settings
        named = self.plain(tuple(settings.channels[place] for place in self.places))
        return settings.model_copy(update={"channels": named})


def divide_channels(
    model: DecoderSpecification, settings: InputSettings
) -> tuple[AreaChannels, ...]:
    """Return the channels of each source: the first one sends the bundle's first area, and so on.

    Raises StreamError unless there is one source for each area, and one label for each channel.
    """
    areas, n_sources = _areas(model), len(settings.sources)
    if len(areas) != n_sources:
        raise StreamError(
            f"{n_sources} sources are named, but the bundle has the channels of "
            f"{_listed(areas)}: expected one source for each area, in this order; name them with "
            "--source, or decode with a bundle that was trained on several areas"
        )
    if settings.channels and len(settings.channels) != len(model.channel_ids):
        raise StreamError(
            f"channels in [input] names {len(settings.channels)} channels, the bundle has "
            f"{len(model.channel_ids)}: name one for each of them"
        )
    return tuple(_channels_of(area, areas, model.channel_ids) for area in areas)


def _areas(model: DecoderSpecification) -> tuple[str, ...]:
    """Return the areas that the channels' names tell apart."""
    owners = {_owner(name, model.areas) for name in model.channel_ids}
    return tuple(area for area in model.areas if area in owners)


def _owner(name: str, areas: tuple[str, ...]) -> str:
    """Return the area that a channel's name begins with; empty if with none."""
    return max((area for area in areas if name.startswith(area)), key=len, default="")


def _channels_of(area: str, areas: tuple[str, ...], names: tuple[str, ...]) -> AreaChannels:
    places = [place for place, name in enumerate(names) if _owner(name, areas) == area]
    own = tuple(names[place].removeprefix(f"{area}/") for place in places)
    return AreaChannels(area, np.array(places, dtype=np.int64), own)


def _listed(areas: tuple[str, ...]) -> str:
    if not areas:
        return "a single area"
    return f"{len(areas)} areas, {', '.join(areas)}" if len(areas) > 1 else f"one, {areas[0]}"
