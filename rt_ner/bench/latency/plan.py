"""Plan a latency measurement: input, duration, and what runs beside the decoder."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rt_ner.core.contract.kinds import SpikeForm
from rt_ner.core.settings import load_settings
from rt_ner.live.settings import DecodeSettings
from rt_ner.system.scheduling import realtime_refusal


@dataclass(frozen=True)
class LatencyPlan:
    """Plan of a measurement: ``rate`` is in spikes/s per channel, ``seconds`` per turn."""

    bundle: Path
    channels: int
    hop_ns: int
    form: str = SpikeForm.RASTER
    rate: float = 10.0
    seconds: float = 20.0
    turns: int = 3
    with_load: bool = False
    with_view: bool = False
    with_recorder: bool = False
    decode_config: Path | None = None

    @property
    def has_company(self) -> bool:
        """True if anything runs beside the decoder."""
        return self.with_load or self.with_view or self.with_recorder

    @cached_property
    def realtime(self) -> bool:
        """True if the decoder gets real-time priority; then source, sink, relay and peers do too.

        Source and sink stand for a device and a cursor program that have their own computers.
        """
        wanted = load_settings(self.decode_config, DecodeSettings).timing.realtime
        return wanted and not realtime_refusal()
