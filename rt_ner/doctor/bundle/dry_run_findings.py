"""Judge how some seconds of the spikes could be decoded."""

from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.doctor.bundle.dry_run import DryRun
from rt_ner.doctor.checkup import Finding, Level, warnings
from rt_ner.live.rules.input_watch import SMOOTHING, slow_chunks

_LOST = (
    InputCounts.LATE,
    InputCounts.DUPLICATE,
    InputCounts.INVALID,
    InputCounts.UNKNOWN,
    InputCounts.MISSING,
)
_MANY = 0.1


def dry_run_findings(name: str, run: DryRun, stale_ms: float) -> list[Finding]:
    """Return a NO-GO if the decoder would not run on this stream, and warnings of losses."""
    if run.problem:
        return [Finding(Level.NO_GO, f"{name}: the decoder would refuse it: {run.problem}")]
    if run.chunk_ms > stale_ms:
        return [Finding(Level.NO_GO, f"{name} {slow_chunks(run.chunk_ms, stale_ms)}")]
    if not run.n_ready:
        return [Finding(Level.NO_GO, _no_hop(name, run))]
    n_lost = sum(run.counts[what] for what in _LOST)
    problems = []
    if n_lost > _MANY * (n_lost + run.counts[InputCounts.USED]):
        problems.append(
            f"{name}: more than {_MANY:.0%} of the samples can't be used ({_named(run)}): see "
            "the findings on its time stamps; if events are late, raise grace_ms in [input]"
        )
    if run.counts[InputCounts.SMOOTHED]:
        problems.append(f"{name} {SMOOTHING}")
    return warnings(problems)


def _no_hop(name: str, run: DryRun) -> str:
    return (
        f"{name}: not one hop could be decoded in {run.seconds:.1f} s, with "
        f"{run.n_hops} hops counted and these samples: {_named(run) or 'none'}. Expected a full "
        "history: see the findings on its time stamps, and the channels' units"
    )


def _named(run: DryRun) -> str:
    """Return what became of the samples, in words."""
    return ", ".join(f"{what.name.lower()} {n}" for what, n in run.counts.items() if n)
