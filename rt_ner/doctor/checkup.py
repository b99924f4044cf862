"""Hold the result of a checkup: facts, findings and the verdict."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rt_ner.bundle.entries.corruption_entry import CorruptionTable
from rt_ner.decoding.input.settings import InputKind
from rt_ner.doctor.checks.channel_health import ChannelHealth
from rt_ner.doctor.checks.timing import Timing


class Level(StrEnum):
    """Severity of a finding; NO_GO means that the session can't begin."""

    WARNING = "warning"
    NO_GO = "NO-GO"


@dataclass(frozen=True)
class Finding:
    """A problem. ``text`` says what is wrong, the value, the value expected and the remedy."""

    level: Level
    text: str


def warnings(texts: Iterable[str]) -> list[Finding]:
    """Return a warning for each text."""
    return [Finding(Level.WARNING, text) for text in texts]


@dataclass(frozen=True)
class StreamCheck:
    """A visible stream. ``timing`` is None if the stream was not, or could not be, received.

    ``offset_ms`` is to be added to its time stamps to get local time; NaN if not measured.
    """

    name: str
    type: str
    n_channels: int
    nominal_hz: float
    format: str
    host: str
    source_id: str
    is_spikes: bool
    offset_ms: float
    timing: Timing | None


@dataclass(frozen=True)
class SpikeCheck:
    """The spike stream and the health of its channels."""

    name: str
    kind: InputKind
    health: ChannelHealth


@dataclass(frozen=True)
class BundleCheck:
    """A bundle that loads, and the time of a decoding step from bin closed to velocity.

    ``fits`` is None if there is no spike stream to compare with. The times are NaN unless the
    stream has all the bundle's channels. ``corruption`` is None if the bundle has none.
    """

    folder: str
    n_channels: int
    hop_ms: float
    fits: bool | None
    warm_up_s: float
    step_p50_us: float
    step_p99_us: float
    corruption: CorruptionTable | None = None


@dataclass(frozen=True)
class Checkup:
    """The result of all checks; ``other_spikes`` are those of further sources, if there are any."""

    versions: dict[str, str]
    surroundings: dict[str, str]
    streams: tuple[StreamCheck, ...]
    spikes: SpikeCheck | None
    bundle: BundleCheck | None
    findings: tuple[Finding, ...]
    other_spikes: tuple[SpikeCheck, ...] = ()

    @property
    def is_go(self) -> bool:
        """True if the session can begin."""
        return all(finding.level is not Level.NO_GO for finding in self.findings)
