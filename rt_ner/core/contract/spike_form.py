"""Define the forms in which spikes are sent over LSL."""

from enum import StrEnum

from rt_ner.core.contract.kinds import Kind


class SpikeForm(StrEnum):
    """A form of spikes: counts at 1 kHz, single spikes, or raw voltage at 30 kHz."""

    RASTER = "raster"
    EVENTS = "events"
    BROADBAND = "broadband"

    @property
    def kind(self) -> Kind:
        """Kind of stream that carries this form."""
        kinds = {
            SpikeForm.RASTER: Kind.SPIKES,
            SpikeForm.EVENTS: Kind.EVENTS,
            SpikeForm.BROADBAND: Kind.BROADBAND,
        }
        return kinds[self]
