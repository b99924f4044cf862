"""Define the settings that turn broadband voltage into channel values."""

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from rt_ner.core.contract.kinds import ChannelValue, ReferenceKind

FEWEST_IN_BANK, MOST_IN_BANK, USUAL_BANK = 2, 1024, 32


class VoltageSettings(BaseModel):
    """The way in which channel values are made of broadband voltage.

    Attributes
    ----------
    value
        Threshold crossings, or spike-band power.
    reference
        Signal that is subtracted from each channel.
    bank
        Number of neighbouring columns that share a reference, such as 32; no matter without one.

    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: ChannelValue = ChannelValue.CROSSINGS
    reference: ReferenceKind = ReferenceKind.NONE
    bank: int = Field(default=USUAL_BANK, ge=FEWEST_IN_BANK, le=MOST_IN_BANK)

    @field_validator("bank")
    @classmethod
    def _no_matter_without_reference(cls, bank: int, info: ValidationInfo) -> int:
        return USUAL_BANK if info.data.get("reference") is ReferenceKind.NONE else bank

    def __str__(self) -> str:
        if self.reference is ReferenceKind.NONE:
            return f"{self.value} without a reference"
        return f"{self.value} with the {self.reference} of banks of {self.bank} as reference"

    @property
    def is_power(self) -> bool:
        """True if the values are spike-band power rather than numbers of spikes."""
        return self.value is ChannelValue.POWER


# Crossings without a reference: all that was known when the first bundles were made.
CROSSINGS = VoltageSettings()


def voltage_settings(
    value: ChannelValue | None, reference: ReferenceKind | None, bank: int | None
) -> VoltageSettings | None:
    """Return the settings that a command line gives; None if it gives none."""
    given = {"value": value, "reference": reference, "bank": bank}
    given = {key: setting for key, setting in given.items() if setting is not None}
    return VoltageSettings.model_validate(given) if given else None
