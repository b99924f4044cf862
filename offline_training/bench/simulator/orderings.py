"""Compare the scores of blocks with orderings that were published."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from offline_training.bench.simulator.blocks import (
    ALIGNED,
    BINS_MS,
    DELAYS_MS,
    IDEAL,
    KALMAN,
    NER,
    USUAL_BIN_MS,
    Row,
    refitted,
)
from rt_ner.core.quantities.interval import Mean, mean_of

_SHORT_BINS_MS, _LONG_BINS_MS = (25, 50), (100, 200)


@dataclass(frozen=True)
class Ordering:
    """An ordering that was published, beside the one that was measured.

    Attributes
    ----------
    name, source, published
        In words: what is ordered, the paper, and its result.
    measured
        Means over seeds, by what they are of.
    holds
        True if the means are in the published order.

    """

    name: str
    source: str
    published: str
    measured: dict[str, Mean]
    holds: bool


def orderings_of(rows: Sequence[Row]) -> list[Ordering]:
    """Return all orderings, with the means of the rows over seeds."""
    return [
        _refit(rows),
        _decoders(rows),
        *(_delay(rows, decoder) for decoder in (NER, IDEAL)),
        _errors(rows),
        _bins(rows),
        _offline_bins(rows),
    ]


def _refit(rows: Sequence[Row]) -> Ordering:
    pairs = _before_and_after(rows, KALMAN)
    aligned = _before_and_after(rows, ALIGNED)
    ratio = mean_of([after.acquire_s / before.acquire_s for before, after in pairs])
    dial_in = mean_of([after.dial_in_s - before.dial_in_s for before, after in pairs])
    return Ordering(
        name="ReFIT shortens the time to the target",
        source="Gilja et al. 2012, Nature Neuroscience",
        published="acquisition time halved",
        measured={
            "acquisition time, of that before": ratio,
            "dial-in time, change (s)": dial_in,
            "success, change": mean_of([b.success_rate - a.success_rate for a, b in pairs]),
            f"{ALIGNED}: acquisition time, of that before": mean_of(
                [after.acquire_s / before.acquire_s for before, after in aligned]
            ),
        },
        holds=ratio.mean < 1,
    )


def _before_and_after(rows: Sequence[Row], decoder: str) -> list[tuple[Row, Row]]:
    """Return a decoder's rows before and after ReFIT, by seed."""
    names = (decoder, refitted(decoder))
    first, again = (_where(rows, name, USUAL_BIN_MS) for name in names)
    return list(zip(first, again, strict=True))


def _decoders(rows: Sequence[Row]) -> Ordering:
    names = (IDEAL, NER, refitted(KALMAN), KALMAN)
    found = [_throughput(_where(rows, name, USUAL_BIN_MS)) for name in names]
    return Ordering(
        name="Better decoders move the cursor better",
        source="ReFIT over Kalman: Gilja et al. 2012; ideal first: by construction",
        published="ideal > NER > Kalman after ReFIT > Kalman",
        measured={f"{n}, bit/s": mean for n, mean in zip(names, found, strict=True)},
        holds=_falls(found),
    )


def _delay(rows: Sequence[Row], decoder: str) -> Ordering:
    found = {ms: _throughput(_where(rows, decoder, USUAL_BIN_MS, ms)) for ms in DELAYS_MS}
    return Ordering(
        name=f"Delay costs performance ({decoder})",
        source="Willett et al. 2013, J Neural Eng",
        published="100, 200, 300 ms: the longer, the worse",
        measured={f"{ms} ms, bit/s": mean for ms, mean in found.items()},
        holds=_falls(list(found.values())),
    )


def _errors(rows: Sequence[Row]) -> Ordering:
    found = {decoder: mean_of(_slower(rows, decoder)) for decoder in (NER, IDEAL)}
    return Ordering(
        name="Delay costs more where decoding errs",
        source="Marathe & Taylor 2015, J Neural Eng",
        published="with errors, movements get longer by often ten times the delay",
        measured={f"{n}: acquisition time gained per delay": mean for n, mean in found.items()},
        holds=found[NER].mean > found[IDEAL].mean,
    )


def _slower(rows: Sequence[Row], decoder: str) -> list[float]:
    """Return how much longer the acquisition takes with the longest delay, divided by it."""
    usual, late = (_where(rows, decoder, USUAL_BIN_MS, ms) for ms in (0, DELAYS_MS[-1]))
    return [
        (after.acquire_s - before.acquire_s) / (DELAYS_MS[-1] / 1e3)
        for before, after in zip(usual, late, strict=True)
    ]


def _bins(rows: Sequence[Row]) -> Ordering:
    found = {ms: _throughput(_where(rows, ALIGNED, ms)) for ms in BINS_MS}
    published = {ms: _throughput(_where(rows, KALMAN, ms)) for ms in BINS_MS}
    return Ordering(
        name="Short bins are better in the loop",
        source="Cunningham et al. 2011, J Neurophysiol",
        published="Kalman filter best with bins of 25 to 50 ms",
        measured={
            **{f"{ms} ms, {ALIGNED}, bit/s": mean for ms, mean in found.items()},
            **{f"{ms} ms, {KALMAN}, bit/s": mean for ms, mean in published.items()},
        },
        holds=_best(found) in _SHORT_BINS_MS,
    )


def _offline_bins(rows: Sequence[Row]) -> Ordering:
    found = {
        ms: mean_of([row.offline_r2 or 0.0 for row in _where(rows, KALMAN, ms)]) for ms in BINS_MS
    }
    return Ordering(
        name="Long bins are better offline",
        source="Cunningham et al. 2011, J Neurophysiol",
        published="hand decoded best with bins of 100 to 300 ms",
        measured={f"{ms} ms, R²": mean for ms, mean in found.items()},
        holds=_best(found) in _LONG_BINS_MS,
    )


def _where(rows: Sequence[Row], decoder: str, bin_ms: int, delay_ms: int = 0) -> list[Row]:
    """Return the rows of a decoder, one per seed in order; ``bin_ms`` is of Kalman filters."""
    return [
        row
        for row in rows
        if row.decoder == decoder and row.bin_ms in (None, bin_ms) and row.delay_ms == delay_ms
    ]


def _throughput(rows: Sequence[Row]) -> Mean:
    return mean_of([row.throughput_bps for row in rows])


def _falls(means: Sequence[Mean]) -> bool:
    return all(one.mean > other.mean for one, other in pairwise(means))


def _best(means: dict[int, Mean]) -> int:
    return max(means, key=lambda ms: means[ms].mean)
