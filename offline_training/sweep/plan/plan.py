"""Plan the fits of a sweep, by number."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from pydantic import JsonValue

from offline_training.methods.registry import load_method
from offline_training.sweep.plan.combinations import Combination, Grid, Sample
from offline_training.sweep.plan.fits import Fit, method_settings
from offline_training.sweep.settings import SweepSettings
from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import Settings

MOST_FITS = 100_000
_ONLY_DEFAULTS: Sequence[Combination] = ({},)
_Values = dict[str, JsonValue]


class PlannedSession(Settings):
    """A session of a sweep, stored in its folder by hash; ``source`` is the file it came from."""

    name: str
    area: str
    sha256: str
    outputs: tuple[str, ...]
    has_directions: bool
    source: str


@dataclass(frozen=True)
class Plan:
    """Fits by number: sessions, then methods, then settings; seeds change fastest.

    ``combinations`` are the settings to try, by method. Methods that learn from reach directions
    are left out for continuous recordings.
    """

    settings: SweepSettings
    sessions: tuple[PlannedSession, ...]
    combinations: Mapping[str, Sequence[Combination]]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, number: int) -> Fit:
        """Return the fit of a number; IndexError if there is none."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        block = bisect_right(self._ends, number)
        session, method = self._blocks[block]
        within = number - (self._ends[block - 1] if block else 0)
        combination, seed = divmod(within, len(self.settings.seeds))
        varied, settings = self._settings(method)[combination]
        return Fit.model_construct(
            session=session.name,
            area=session.area,
            session_sha256=session.sha256,
            outputs=session.outputs,
            method=method,
            settings=varied,
            all_settings=settings,
            seed=self.settings.seeds[seed],
            control=self.settings.control,
            validation=self.settings.validation,
            method_version=load_method(method).version,
        )

    def __iter__(self) -> Iterator[Fit]:
        return (self[number] for number in range(len(self)))

    @property
    def fits_per_method(self) -> dict[str, int]:
        """Number of fits of each method."""
        counts = dict.fromkeys(self.settings.methods, 0)
        for _, method in self._blocks:
            counts[method] += len(self.combinations[method]) * len(self.settings.seeds)
        return counts

    @cached_property
    def _blocks(self) -> list[tuple[PlannedSession, str]]:
        return [
            (session, method)
            for session in self.sessions
            for method in dict.fromkeys(self.settings.methods)
            if session.has_directions or not load_method(method).by_direction
        ]

    @cached_property
    def _ends(self) -> list[int]:
        """Numbers at which the fits of each session and method end."""
        n_seeds = len(self.settings.seeds)
        return [*accumulate(len(self.combinations[each]) * n_seeds for _, each in self._blocks)]

    @cached_property
    def _checked(self) -> dict[str, list[tuple[_Values, _Values]]]:
        return {}

    def _settings(self, method: str) -> list[tuple[_Values, _Values]]:
        """Return a method's settings: those that vary, and all that are not the defaults."""
        if method not in self._checked:
            self._checked[method] = [
                (dict(varied), _all_settings(method, varied))
                for varied in self.combinations[method]
            ]
        return self._checked[method]

    def check(self) -> None:
        """Raise ConfigError if there are too many fits, or settings that don't go together."""
        if len(self) > MOST_FITS:
            raise too_many(len(self))
        for method in self.settings.methods:
            self._settings(method)


def too_many(n_fits: int) -> ConfigError:
    """Return the error of a sweep that is too large."""
    return ConfigError(
        f"this sweep has {n_fits:,} fits, expected {MOST_FITS:,} at most: split it into several, "
        'e.g. by sessions, or try only some settings (search = "random" or "optuna")'
    )


def _all_settings(method: str, varied: Combination) -> _Values:
    settings = method_settings(method, varied)
    if settings is None:
        return {}
    return settings.model_dump(mode="json", exclude_defaults=True)


def searched(settings: SweepSettings) -> dict[str, Sequence[Combination]]:
    """Return the settings to try by method, of a grid or at random.

    Methods without settings are fitted once.
    """
    grid = Grid(settings.settings)
    tried: Sequence[Combination] = grid
    if settings.search == "random":
        tried = Sample(grid, settings.combinations, settings.search_seed)
    elif grid.size > MOST_FITS:
        raise too_many(grid.size)
    return by_method(settings, tried)


def by_method(
    settings: SweepSettings, tried: Sequence[Combination]
) -> dict[str, Sequence[Combination]]:
    """Return these combinations for methods with settings, and the defaults for others."""
    return {
        name: tried if load_method(name).settings is not None else _ONLY_DEFAULTS
        for name in settings.methods
    }
