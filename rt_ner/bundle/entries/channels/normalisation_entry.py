"""Define a manifest's entry on the running normalisation."""

from typing import Self

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from rt_ner.bundle.entries.strict import Strict
from rt_ner.core.clock import NS_PER_S
from rt_ner.decoding.encoding.normalisation import Moments, Normalisation, Pace


class MomentsEntry(Strict):
    """Mean root count and mean count per channel."""

    root: tuple[float, ...] = Field(min_length=1)
    count: tuple[float, ...] = Field(min_length=1)

    def moments(self) -> Moments:
        """Return the moments themselves."""
        return Moments(np.array(self.root), np.array(self.count))


class NormalisationEntry(Strict):
    """The numbers of a `rt_ner.decoding.encoding.normalisation.Normalisation`; paces in hops."""

    update: PositiveInt
    trusted: PositiveInt
    memory: PositiveInt
    reference: MomentsEntry
    start: MomentsEntry

    @model_validator(mode="after")
    def _has_moments_per_channel(self) -> Self:
        sizes = {len(each) for entry in (self.reference, self.start) for each in _numbers(entry)}
        if len(sizes) > 1:
            raise ValueError("the normalisation's moments differ in their number of channels")
        if self.memory < self.update:
            raise ValueError(
                f"the normalisation's memory of {self.memory} hops is shorter than its update "
                f"interval of {self.update} hops"
            )
        return self

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.start.root)

    def pace_s(self, hop_ns: int) -> dict[str, float]:
        """Return the paces in s, named as in the settings of a training."""
        hops = {"update_s": self.update, "trusted_s": self.trusted, "memory_s": self.memory}
        return {name: n_hops * hop_ns / NS_PER_S for name, n_hops in hops.items()}

    def normalisation(self) -> Normalisation:
        """Return the normalisation itself."""
        pace = Pace(self.update, self.trusted, self.memory)
        return Normalisation(pace, self.reference.moments(), self.start.moments())


def normalisation_entry(normalisation: Normalisation | None) -> NormalisationEntry | None:
    """Return a running normalisation as the manifest holds it."""
    if normalisation is None:
        return None
    pace = normalisation.pace
    return NormalisationEntry(
        update=pace.update,
        trusted=pace.trusted,
        memory=pace.memory,
        reference=_entry(normalisation.reference),
        start=_entry(normalisation.start),
    )


def _entry(moments: Moments) -> MomentsEntry:
    return MomentsEntry(root=tuple(moments.root.tolist()), count=tuple(moments.count.tolist()))


def _numbers(entry: MomentsEntry) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return entry.root, entry.count
