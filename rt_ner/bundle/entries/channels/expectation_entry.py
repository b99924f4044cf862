"""Define a manifest's entry on the firing that is expected of each channel."""

from typing import Self

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from rt_ner.bundle.entries.corruption_entry import CorruptionTable
from rt_ner.bundle.entries.strict import Strict
from rt_ner.core.arrays import FloatArray
from rt_ner.decoding.watch.expectation import Expectation

# Decimals that are kept of rates (spikes/s) and times (s).
_DECIMALS = 4


class ExpectationEntry(Strict):
    """The numbers of a `rt_ner.decoding.watch.expectation.Expectation`, per channel."""

    rate_hz: tuple[NonNegativeFloat, ...] = Field(min_length=1)
    most_hz: tuple[NonNegativeFloat, ...] = Field(min_length=1)
    silence_s: tuple[NonNegativeFloat, ...] = Field(min_length=1)
    fall: PositiveFloat
    rise: PositiveFloat

    @model_validator(mode="after")
    def _has_numbers_per_channel(self) -> Self:
        if len({len(each) for each in (self.rate_hz, self.most_hz, self.silence_s)}) > 1:
            raise ValueError("the expectation's numbers differ in their number of channels")
        return self

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.rate_hz)

    def expectation(self, table: CorruptionTable | None = None) -> Expectation:
        """Return the expectation itself; ``table``: scores under faults, if measured."""
        rate_hz, most_hz, silence_s = map(np.array, (self.rate_hz, self.most_hz, self.silence_s))
        scores = (None, None) if table is None else (table.r2, table.r2_with)
        return Expectation(rate_hz, most_hz, silence_s, self.fall, self.rise, *scores)


def expectation_entry(expectation: Expectation | None) -> ExpectationEntry | None:
    """Return an expectation as the manifest holds it."""
    if expectation is None:
        return None
    return ExpectationEntry(
        rate_hz=_numbers(expectation.rate_hz),
        most_hz=_numbers(expectation.most_hz),
        silence_s=_numbers(expectation.silence_s),
        fall=round(expectation.fall, _DECIMALS),
        rise=round(expectation.rise, _DECIMALS),
    )


def _numbers(values: FloatArray) -> tuple[float, ...]:
    return tuple(np.round(values, _DECIMALS).tolist())
