"""Keep results in memory, in order, to be inspected."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rt_ner.core.arrays import Float32Array
from rt_ner.decoding.chunks import Decoded
from rt_ner.decoding.encoding.normalisation import Moments
from rt_ner.live.states import State


class Sent(NamedTuple):
    """Outputs or probabilities that were sent: their stamp in ns, and their values."""

    stamp_ns: int
    values: tuple[float, ...]


@dataclass
class MemoryResults:
    """The results port in memory: everything that was sent, in order.

    ``latents`` and ``counts`` hold ``(end_ns, array)``, ``timing`` ``(end_ns, row)``,
    ``normalisations`` ``(end_ns, moments)``, ``states`` ``(stamp_ns, state)``. ``in_order`` holds
    states, outputs and classes as they came.
    """

    outputs: list[Sent] = field(default_factory=list)
    classes: list[Sent] = field(default_factory=list)
    latents: list[tuple[int, Float32Array]] = field(default_factory=list)
    timing: list[tuple[int, list[float]]] = field(default_factory=list)
    counts: list[tuple[int, Float32Array]] = field(default_factory=list)
    normalisations: list[tuple[int, Moments]] = field(default_factory=list)
    states: list[tuple[int, State]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    in_order: list[Sent | State] = field(default_factory=list)
    counted_source: str = ""

    def announce_counts(self, source_id: str) -> None:
        """Keep the source_id of the source that is counted."""
        self.counted_source = self.counted_source or source_id

    def push_output(self, values: Float32Array, stamp_ns: int) -> None:
        """Keep outputs."""
        self.outputs.append(Sent(stamp_ns, tuple(values.tolist())))
        self.in_order.append(self.outputs[-1])

    def push_classes(self, probabilities: Float32Array, stamp_ns: int) -> None:
        """Keep the classes' probabilities."""
        self.classes.append(Sent(stamp_ns, tuple(probabilities.tolist())))
        self.in_order.append(self.classes[-1])

    def push_latent(self, decoded: Decoded) -> None:
        """Keep the latent of a hop."""
        self.latents.append((decoded.end_ns, decoded.latent.copy()))

    def push_timing(self, end_ns: int, values: Sequence[float]) -> None:
        """Keep a row of stamps and counts."""
        self.timing.append((end_ns, list(values)))

    def push_counts(self, end_ns: int, counts: Float32Array) -> None:
        """Keep the spikes of a hop."""
        self.counts.append((end_ns, counts.copy()))

    def push_normalisation(self, end_ns: int, moments: Moments) -> None:
        """Keep the state of the running normalisation."""
        self.normalisations.append((end_ns, moments))

    def push_state(self, state: State, stamp_ns: int) -> None:
        """Keep a change of state."""
        self.states.append((stamp_ns, state))
        self.in_order.append(state)

    def push_notice(self, notice: str) -> None:
        """Keep a notice."""
        self.notices.append(notice)

    def warm_caches(self, values: Float32Array) -> None:
        """Do nothing, because no caches need warming."""

    def close(self) -> None:
        """Do nothing, so that everything can still be inspected."""
