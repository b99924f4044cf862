"""Choose the best way to decode each session, by scores that the held-out trials do not enter."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from offline_training.sweep.results.folder import Record, SweepFolder
from rt_ner.core.arrays import FloatArray

# Readouts that a live decoder has; that of nearest neighbours is only compared.
LIVE_READOUTS = ("linear", "own")
_RESAMPLES = 2000
_SETTING = "settings."


@dataclass(frozen=True)
class Way:
    """A method with its readout and the settings that the sweep varies, as JSON."""

    method: str
    readout: str
    settings: str

    @property
    def values(self) -> dict[str, Any]:
        """The settings by dotted key."""
        content: dict[str, Any] = json.loads(self.settings)
        return content

    @property
    def shown(self) -> str:
        """The settings in words."""
        return ", ".join(f"{name} = {json.dumps(value)}" for name, value in self.values.items())


@dataclass
class Scores:
    """Scores of one way on one session, one number per seed."""

    validation: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    control: list[float] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Choice:
    """The way that is best for a session, and its held-out R².

    ``seed_sd`` is the standard deviation over seeds, None for a single one; ``interval95`` that of
    the mean over seeds for other held-out trials of the same session.
    """

    session: str
    way: Way
    validation_r2: float
    r2: float
    seed_sd: float | None
    n_seeds: int
    interval95: tuple[float, float]
    control_r2: float | None


Session = str
Sessions = Mapping[Session, Mapping[Way, Scores]]


def scores_by_session(rows: Iterable[Mapping[str, Any]]) -> dict[Session, dict[Way, Scores]]:
    """Return the scores of each way on each session, from the rows of the table.

    Settings that have one value throughout are left out of the ways.
    """
    rows = [*rows]
    varied = _varied(rows)
    found: dict[Session, dict[Way, Scores]] = {}
    for row in rows:
        settings = {
            name.removeprefix(_SETTING): value
            for name, value in row.items()
            if name in varied and value is not None
        }
        way = Way(row["method"], row["readout"], json.dumps(settings, sort_keys=True))
        scores = found.setdefault(f"{row['session']} {row['area']}", {}).setdefault(way, Scores())
        scores.validation.append(row["validation_r2"])
        scores.held_out.append(row["r2"])
        scores.keys.append(row["key"])
        if row["shuffled_r2"] is not None:
            scores.control.append(row["shuffled_r2"])
    return found


def _varied(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the columns of settings that have several values."""
    values: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            if name.startswith(_SETTING) and value is not None:
                values.setdefault(name, set()).add(json.dumps(value))
    return {name for name, found in values.items() if len(found) > 1}


def best_choices(sessions: Sessions, folder: SweepFolder) -> list[Choice]:
    """Return the best way for each session: the one with the highest mean validation R²."""
    return [_choice(name, ways, folder) for name, ways in sessions.items()]


def _choice(session: Session, ways: Mapping[Way, Scores], folder: SweepFolder) -> Choice:
    live = [way for way in ways if way.readout in LIVE_READOUTS]
    way = max(live, key=lambda each: float(np.mean(ways[each].validation)))
    scores = ways[way]
    trials = [_trials_of(folder.read_result(key), way.readout) for key in scores.keys]
    n_seeds = len(scores.held_out)
    return Choice(
        session=session,
        way=way,
        validation_r2=float(np.mean(scores.validation)),
        r2=float(np.mean(scores.held_out)),
        seed_sd=float(np.std(scores.held_out, ddof=1)) if n_seeds > 1 else None,
        n_seeds=n_seeds,
        interval95=trial_interval95(trials),
        control_r2=float(np.mean(scores.control)) if scores.control else None,
    )


def _trials_of(record: Record, readout: str) -> dict[str, FloatArray]:
    row = next(row for row in record["rows"] if row["readout"] == readout)
    return {name: np.array(values, dtype=np.float64) for name, values in row["trials"].items()}


def trial_interval95(seeds: Sequence[Mapping[str, FloatArray]]) -> tuple[float, float]:
    """Return the 95 % interval of the mean R² over seeds, by a bootstrap over held-out trials.

    Each seed has the sums over trials that its result holds; all seeds have the same trials.
    """
    n_trials = len(seeds[0]["hops"])
    rng = np.random.default_rng(0)
    weights = rng.multinomial(n_trials, np.full(n_trials, 1 / n_trials), size=_RESAMPLES)
    scores = np.mean([_weighted_r2(weights.astype(np.float64), each) for each in seeds], axis=0)
    low, high = np.nanquantile(scores, (0.025, 0.975))
    return float(low), float(high)


def _weighted_r2(weights: FloatArray, trials: Mapping[str, FloatArray]) -> FloatArray:
    """Return the R² of each resample: the mean over outputs; NaN where one never changes."""
    hops = (weights @ trials["hops"])[:, None]
    total, squares = weights @ trials["sum"], weights @ trials["squares"]
    spread = squares - total**2 / hops
    with np.errstate(divide="ignore", invalid="ignore"):
        r2: FloatArray = (1 - weights @ trials["residual"] / spread).mean(axis=1)
    return np.where(np.isfinite(r2), r2, np.nan)


def complete_ways(sessions: Sessions) -> dict[Way, tuple[FloatArray, FloatArray]]:
    """Return validation and held-out R² ``(session,)``, means over seeds, best way first.

    Ways that some sessions lack are left out: their means would not compare.
    """
    common = set.intersection(*(set(ways) for ways in sessions.values()))
    found = {
        way: (
            np.array([np.mean(ways[way].validation) for ways in sessions.values()]),
            np.array([np.mean(ways[way].held_out) for ways in sessions.values()]),
        )
        for way in next(iter(sessions.values()))
        if way in common
    }
    return dict(sorted(found.items(), key=lambda item: -float(item[1][0].mean())))
