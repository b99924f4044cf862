"""Make the faults of a rig on request, and count exactly what was done."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from drivers.noise.patterns import TICK_NS, Pattern
from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import ConfigError

# The faults, and the values that an order for each one has.
FAULTS: dict[str, tuple[str, ...]] = {
    "stall": ("seconds",),
    "withhold": ("probability", "seconds"),
    "burst": ("factor", "seconds"),
    "repeat": ("ticks",),
    "reverse": ("ticks",),
    "bad": ("ticks",),
    "step": ("seconds",),
}

# Stamps ``(row,)`` in s, and values ``(row, column)``.
Rows = tuple[FloatArray, AnyArray]


@dataclass
class Sent:
    """Counts of rows so far: samples or events.

    ``rows``: sent, repeats included. ``withheld``: left out, though a raster should have them.
    """

    rows: int = 0
    withheld: int = 0
    repeated: int = 0
    reordered: int = 0
    bad: int = 0
    steps: int = 0


class FaultyPattern:
    """A pattern of random rows with the faults that were ordered, tick by tick.

    ``stall``: send nothing. ``withhold``: lose each row with some probability. ``burst``: send
    at a multiple of the rate. ``repeat``: send the next ticks together, twice. ``reverse``: send
    them together, the last first. ``bad``: put NaN or −1 into the first column in turn. ``step``:
    set the clock of all later stamps ahead.
    """

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self._rng = np.random.default_rng(1)
        self._shift_s = 0.0
        self._withhold, self._factor = 0.0, 1
        self._n_stalled = self._n_odd = self._n_bad = self._n_gathered = 0
        self._then_reverse = False
        self._gathered: list[Rows] = []
        self.sent = Sent()

    def order(self, order: Mapping[str, object]) -> None:
        """Take an order such as ``{"order": "stall", "seconds": 2}``.

        Raises ConfigError if there is no such fault, or if its values are wrong.
        """
        match _checked(order):
            case "stall", [seconds]:
                self._n_stalled = _n_ticks(seconds)
            case "withhold", [probability, seconds]:
                self._n_odd, self._withhold, self._factor = _n_ticks(seconds), probability, 1
            case "burst", [factor, seconds]:
                self._n_odd, self._withhold, self._factor = _n_ticks(seconds), 0.0, int(factor)
            case ("repeat" | "reverse") as name, [ticks]:
                self._n_gathered, self._then_reverse = int(ticks), name == "reverse"
            case "bad", [ticks]:
                if self._pattern.encoding.kind is Kind.BROADBAND:
                    raise ConfigError(
                        "'bad' is not for broadband: its samples are whole numbers, never invalid"
                    )
                self._n_bad = int(ticks)
            case "step", [seconds]:
                self._shift_s += seconds
                self.sent.steps += 1

    def rows(self, tick: int, begin_s: float) -> list[Rows]:
        """Return what is to be sent after a tick that began at ``begin_s``, each item by itself."""
        since_s, values = self._pattern.rows(tick, self._factor if self._n_odd else 1)
        stamps_s = begin_s + self._shift_s + since_s
        if self._n_stalled:
            self._n_stalled -= 1
            self.sent.withheld += len(values)
            return []
        if self._n_odd:
            stamps_s, values = self._thinned(stamps_s, values)
        if self._n_bad:
            values = self._spoiled(values)
        rows = [(stamps_s, values)]
        if self._n_gathered:
            rows = self._gather(stamps_s, values)
        self.sent.rows += sum(len(values) for _, values in rows)
        return rows

    def _thinned(self, stamps_s: FloatArray, values: AnyArray) -> Rows:
        """Leave each row out with the probability that was ordered."""
        self._n_odd -= 1
        kept = self._rng.random(len(values)) >= self._withhold
        self.sent.withheld += int(len(values) - kept.sum())
        return stamps_s[kept], values[kept]

    def _spoiled(self, values: AnyArray) -> AnyArray:
        """Put a value that can't be into each row."""
        self._n_bad -= 1
        values = values.copy()
        values[:, 0] = -1 if self._n_bad % 2 else np.nan
        self.sent.bad += len(values)
        return values

    def _gather(self, stamps_s: FloatArray, values: AnyArray) -> list[Rows]:
        """Keep the rows of some ticks, then return them together, repeated or reversed."""
        self._gathered.append((stamps_s, values))
        self._n_gathered -= 1
        if self._n_gathered:
            return []
        ticks, self._gathered = self._gathered, []
        if self._then_reverse:
            self.sent.reordered += sum(len(rows) for _, rows in ticks[:-1])
            return ticks[::-1]
        self.sent.repeated += sum(len(rows) for _, rows in ticks)
        return ticks * 2

    def summary(self) -> dict[str, int]:
        """Return the counts of what was done so far, by name."""
        return asdict(self.sent)


def _checked(order: Mapping[str, object]) -> tuple[str, list[float]]:
    """Return the fault's name and its values, in the order of `FAULTS`."""
    name = str(order.get("order"))
    names = FAULTS.get(name, ())
    values = [value for key in names if isinstance(value := order.get(key), int | float)]
    if not names or len(values) != len(names) or len(order) != 1 + len(names):
        known = ", ".join(f"{fault} ({', '.join(keys)})" for fault, keys in FAULTS.items())
        raise ConfigError(f"{dict(order)} is not a fault: expected one of {known}")
    return name, values


def _n_ticks(seconds: float) -> int:
    return round(seconds * NS_PER_S / TICK_NS)
