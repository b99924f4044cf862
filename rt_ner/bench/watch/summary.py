"""Measure the watch over the channels on recorded sessions, and sum up what it reported."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rt_ner.bench.watch.trial import IN_TIME_S, Outcome, Watched, count_alarms, try_faults
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.clock import NS_PER_MS, NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.loading import load_session
from rt_ner.data.session.session import Session
from rt_ner.decoding.watch.expectation import Expectation
from rt_ner.offline.dataset import hop_counts
from rt_ner.offline.expectation.measured import expectation_of
from rt_ner.terminal.progress import StageProgress

Load = Callable[[Path], Session]

_HELD_OUT = 0.2
_USUAL_HOP_NS = 10 * NS_PER_MS
# Of the normal distribution, for intervals of 95 %.
_Z = 1.96


def measure_watch(
    sessions: Sequence[Path],
    expect: Path | None,
    amount: tuple[int, float],
    seed: int,
    shown: StageProgress,
    load: Load = load_session,
) -> dict[str, Any]:
    """Return the faults named in time and the false alarms, for each session and for all.

    ``expect``: bundle or session that shows how channels fire; None: each session itself.
    ``amount``: faults of each kind, and hours without any, per session. ``load``: reads a session.
    """
    trials, hours = amount
    by_session: dict[str, Any] = {}
    pooled: dict[str, list[Outcome]] = {}
    n_alarms = 0
    for number, path in enumerate(sessions):
        watched = _watched(path, expect, load)
        shown.say(watched.name)
        alarms = count_alarms(watched, hours, partial(shown, f"{watched.name}: alarms"))
        outcomes = try_faults(
            watched, trials, seed + number, partial(shown, f"{watched.name}: faults")
        )
        n_alarms += alarms.total()
        for kind, outcome in outcomes.items():
            pooled.setdefault(kind, []).append(outcome)
        by_session[watched.name] = _of_session(watched, alarms, outcomes)
    return {
        "seed": seed,
        "in_time_s": IN_TIME_S,
        "expected_of": str(expect) if expect else "the first 80 % of each session",
        "hours_per_session": hours,
        "sessions": by_session,
        "faults": {kind: _share(_sum(each)) for kind, each in pooled.items()},
        "false_alarms": _rate(n_alarms, hours * len(sessions)),
    }


def rows_of(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return the rows of a table of what `measure_watch` found."""
    rows = {
        kind.replace("_", " "): f"{100 * found['share']:.1f} % of {found['n']} "
        f"({100 * found['interval_95'][0]:.1f} to {100 * found['interval_95'][1]:.1f})"
        for kind, found in summary["faults"].items()
        if found["n"]
    }
    alarms = summary["false_alarms"]
    low, high = alarms["interval_95"]
    return rows | {"false alarms in 10 h": f"{alarms['per_10_h']:.2f} ({low:.2f} to {high:.2f})"}


def _watched(path: Path, expect: Path | None, load: Load) -> Watched:
    """Return the counts of a session to watch, and the expected firing of its channels."""
    session = load(path)
    hop_ns = max(_USUAL_HOP_NS, session.spikes.raster_period_ns)
    n_train = session.n_train(_HELD_OUT)
    if expect is None:
        expectation = expectation_of(session, n_train, hop_ns)
        begin_ns = int(session.trials.end_ns[n_train - 1])
    else:
        expectation, begin_ns = _expectation_in(expect, hop_ns, load), 0
    if expectation is None or expectation.rate_hz.size != len(session.channel_ids):
        raise SessionError(
            f"{expect or session.name} does not say how the {len(session.channel_ids)} channels "
            f"of '{session.name}' fire: give --expect a bundle or a session (of spikes, and longer "
            "than 8 s) with as many channels"
        )
    counts, is_counted = hop_counts(session, hop_ns)
    is_counted[: begin_ns // hop_ns] = False
    return Watched(session.name, session.channel_ids, hop_ns, counts[is_counted], expectation)


def _expectation_in(path: Path, hop_ns: int, load: Load) -> Expectation | None:
    if path.is_dir():
        return load_bundle(path).model.expectation
    session = load(path)
    return expectation_of(session, session.n_train(_HELD_OUT), hop_ns)


def _of_session(
    watched: Watched, alarms: Counter[str], outcomes: Mapping[str, Outcome]
) -> dict[str, Any]:
    return {
        "watched_s": len(watched.counts) * watched.hop_ns / NS_PER_S,
        "channels": len(watched.channel_ids),
        "false_alarms": dict(alarms),
        "faults": {kind: _share(outcome) for kind, outcome in outcomes.items()},
    }


def _sum(outcomes: Sequence[Outcome]) -> Outcome:
    return Outcome(
        sum(each.n for each in outcomes),
        sum(each.named for each in outcomes),
        sum(each.with_wrong_names for each in outcomes),
        [delay for each in outcomes for delay in each.delays_s],
    )


def _share(outcome: Outcome) -> dict[str, Any]:
    """Return the share named in time, with Wilson's interval."""
    n = outcome.n
    if not n:
        return {"n": 0}
    share = outcome.named / n
    middle = share + _Z**2 / (2 * n)
    spread = _Z * math.sqrt(share * (1 - share) / n + (_Z / n) ** 2 / 4)
    low, high = ((middle + sign * spread) / (1 + _Z**2 / n) for sign in (-1, 1))
    return {
        "n": n,
        "named": outcome.named,
        "share": round(share, 4),
        "interval_95": [round(max(0.0, low), 4), round(min(1.0, high), 4)],
        "with_wrong_names": outcome.with_wrong_names,
        "median_delay_s": round(float(np.median(outcome.delays_s)), 2) if outcome.named else None,
    }


def _rate(n: int, hours: float) -> dict[str, Any]:
    """Return false alarms in 10 h, with Byar's interval for a count."""
    low = n * (1 - 1 / (9 * n) - _Z / (3 * math.sqrt(n))) ** 3 if n else 0.0
    more = n + 1
    high = more * (1 - 1 / (9 * more) + _Z / (3 * math.sqrt(more))) ** 3
    per_10_h = 10 / hours
    return {
        "n": n,
        "hours": hours,
        "per_10_h": round(n * per_10_h, 3),
        "interval_95": [round(low * per_10_h, 3), round(high * per_10_h, 3)],
    }
