"""Define a recipe: where in a file spikes, behaviour and trials stand, and in which units."""

from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from rt_ner.core.contract.outputs import MOST_OUTPUTS
from rt_ner.core.settings import Settings
from rt_ner.data.formats.common.markers.rules import MarkersAt
from rt_ner.data.formats.recipe.parts.outputs_at import AnalogAt, OutputsAt


class SpikeValues(StrEnum):
    """The numbers that a file holds for spikes.

    Attributes
    ----------
    COUNTS
        Spikes per bin.
    RATES
        Spikes per second in each bin.
    SMOOTHED
        Counts that were convolved with a Gaussian, trial by trial; the counts are recovered.
    TIMES
        Times of single spikes in s: a list of them for each channel.

    """

    COUNTS = "counts"
    RATES = "rates"
    SMOOTHED = "smoothed"
    TIMES = "times"


class Smoothing(Settings):
    """The Gaussian that counts were smoothed with: its taps, an odd number, and width in bins."""

    taps: int = Field(default=9, ge=1, le=101)
    sigma_bins: float = Field(default=1.5, gt=0)


class SpikesAt(Settings):
    """The place of the spikes.

    Attributes
    ----------
    array
        Path of the array, such as ``binnedData.spikeratedata`` or ``/units/spikes``.
    values
        ``counts``, ``rates``, ``smoothed`` or ``times``.
    axes
        Order of the array's axes.
    names
        Path of the channels' names; empty: they are numbered.
    area
        Name of the brain area.
    smoothing
        The Gaussian, if values are ``smoothed``.

    """

    array: str
    values: SpikeValues = SpikeValues.COUNTS
    axes: tuple[Literal["trial", "bin", "channel"], ...] = ("bin", "channel")
    names: str = ""
    area: str = "array"
    smoothing: Smoothing = Smoothing()


class TimeAt(Settings):
    """The time of bins and of behaviour.

    Attributes
    ----------
    bin_s
        Length of a bin in s; 0: as ``bins`` says.
    bins
        Path of the bins' starts in s.
    behaviour
        Path of the behaviour's times in s; empty: as ``rate_hz`` says.
    rate_hz
        Samples of behaviour per second, the first at 0 s; 0: one sample per bin.
    at
        Part of its bin that a sample of behaviour belongs to: ``start`` or ``end``.

    """

    bin_s: float = Field(default=0.0, ge=0, lt=10)
    bins: str = ""
    behaviour: str = ""
    rate_hz: float = Field(default=0.0, ge=0)
    at: Literal["start", "end"] = "end"


class TrialsAt(Settings):
    """The trials: so many bins each, end to end, or by a column of times in s.

    Attributes
    ----------
    bins
        Number of bins of each trial, or path of that number; empty: by times.
    start, go, end
        Paths of times in s; ``ARRAY:COLUMN`` for a column, counted from 1.
    direction
        Path of directions or indices, one per trial or one per bin.
    target
        Path of the targets' positions ``(trial, 2)``, or of two opposite corners ``(trial, 4)``.
    outcome
        Path of the outcomes.

    """

    bins: int | str = ""
    start: str = ""
    go: str = ""
    end: str = ""
    direction: str = ""
    target: str = ""
    outcome: str = ""


class RecipeFile(Settings):
    """The file that a recipe is for; all else in it depends on the kind of file."""

    model_config = ConfigDict(extra="ignore")

    file: str = ""


class MarkedRecipe(Settings):
    """Meaning of an XDF or Blackrock file's markers, and analog inputs that are behaviour."""

    file: str = ""
    markers: MarkersAt | None = None
    outputs: tuple[AnalogAt, ...] = Field(default=(), max_length=MOST_OUTPUTS)

    @model_validator(mode="after")
    def _says_anything(self) -> "MarkedRecipe":
        if self.markers is None and not self.outputs:
            raise ValueError(
                "a recipe for an XDF or Blackrock file needs [markers], or, for Blackrock's analog "
                "inputs, [[outputs]]"
            )
        return self


class Recipe(Settings):
    """Where a session stands in a file of arrays."""

    file: str = ""
    spikes: SpikesAt
    outputs: tuple[OutputsAt, ...] = Field(min_length=1, max_length=MOST_OUTPUTS)
    time: TimeAt = TimeAt()
    trials: TrialsAt | None = None

    @model_validator(mode="after")
    def _has_time(self) -> "Recipe":
        if self.time.behaviour and self.time.rate_hz:
            raise ValueError(
                f"time.behaviour = '{self.time.behaviour}' and time.rate_hz = "
                f"{self.time.rate_hz:g}: give one of them, the path of the behaviour's times in s "
                "or its samples per second"
            )
        if self.spikes.values is SpikeValues.TIMES:
            if not (self.time.behaviour or self.time.rate_hz):
                raise ValueError(
                    'spikes.values = "times" needs the times of the behaviour\'s samples: '
                    "time.behaviour, their path in s, or time.rate_hz, samples per second from 0 s "
                    "on"
                )
        elif bool(self.time.bin_s) == bool(self.time.bins):
            raise ValueError(
                f"time.bin_s = {self.time.bin_s:g} and time.bins = '{self.time.bins}': give one of "
                "them, the length of a bin in s or the path of the bins' starts in s"
            )
        return self

    @model_validator(mode="after")
    def _derives_what_goes_on(self) -> "Recipe":
        cut = self.trials is not None and bool(self.trials.bins)
        for output in self.outputs:
            if output.derive and (cut or "trial" in output.axes):
                raise ValueError(
                    f"'{output.array}' is cut into trials, between which positions jump: take out "
                    'derive = "velocity", and name a velocity computed trial by trial'
                )
        return self

    def arrays(self) -> tuple[str, ...]:
        """Return the paths of all arrays that the recipe needs."""
        trials = self.trials or TrialsAt()
        columns = (trials.start, trials.go, trials.end, trials.direction, trials.target)
        paths = (
            self.spikes.array, self.spikes.names, self.time.bins, self.time.behaviour,
            *(output.array for output in self.outputs), *columns, trials.outcome,
            trials.bins if isinstance(trials.bins, str) else "",
        )  # fmt: skip
        return tuple(path for path in paths if path)
