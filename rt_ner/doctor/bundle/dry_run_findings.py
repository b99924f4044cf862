"""Judge how some seconds of the spikes could be decoded."""

from rt_ner.core.contract.input_counts import (
    InputCounts,
    are_many,
    losses,
    named_counts,
    part_lost,
    remedies,
)
from rt_ner.doctor.bundle.dry_run import DryRun
from rt_ner.doctor.checkup import Finding, Level, warnings
from rt_ner.live.rules.input_watch import SMOOTHING, slow_chunks


def dry_run_findings(name: str, run: DryRun, stale_ms: float) -> list[Finding]:
    """Return a NO-GO if the decoder would not run on this stream, and warnings of losses."""
    if run.problem:
        return [Finding(Level.NO_GO, f"{name}: the decoder would refuse it: {run.problem}")]
    if run.chunk_ms > stale_ms:
        return [Finding(Level.NO_GO, f"{name} {slow_chunks(run.chunk_ms, stale_ms)}")]
    if not run.n_ready:
        return [Finding(Level.NO_GO, _no_hop(name, run))]
    problems = []
    if are_many(run.counts):
        said = (
            f"{name}: {part_lost(run.counts):.1%} of the samples can't be used "
            f"({named_counts(run.counts)}): see the findings on its time stamps"
        )
        problems.append(
            "; ".join(filter(None, (said, remedies(losses(run.counts), run.has_events))))
        )
    if run.counts[InputCounts.SMOOTHED]:
        problems.append(f"{name} {SMOOTHING}")
    return warnings(problems)


def _no_hop(name: str, run: DryRun) -> str:
    return (
        f"{name}: not one hop could be decoded in {run.seconds:.1f} s, with "
        f"{run.n_hops} hops counted and these samples: {named_counts(run.counts) or 'none'}. "
        "Expected a full history: see the findings on its time stamps, and the channels' units"
    )
