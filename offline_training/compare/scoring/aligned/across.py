"""Score one recording's readout on another's latents, aligned and not aligned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations

from offline_training.compare.evaluation_split import EvaluationSplit
from offline_training.compare.scoring.aligned.alignment import align, common_directions
from offline_training.compare.scoring.readouts import fit_linear
from offline_training.compare.scoring.scores import Embedding
from rt_ner.offline.scores import Comparison


@dataclass(frozen=True)
class Transfer:
    """Scores of one recording's linear readout on another's held-out trials, latents aligned."""

    method: str
    from_session: str
    from_area: str
    to_session: str
    to_area: str
    r2: float
    path_r2: float | None
    unaligned_r2: float

    @property
    def pair(self) -> tuple[str, str]:
        """Names of the two recordings."""
        return f"{self.from_session} {self.from_area}", f"{self.to_session} {self.to_area}"


def score_across(
    embeddings: Sequence[Embedding], tell: Callable[[str], None]
) -> tuple[Transfer, ...]:
    """Score every ordered pair of recordings that can be aligned, for every method's latents.

    ``tell`` receives a message for each pair that can't be aligned.
    """
    recordings = list(dict.fromkeys(embedding.recording for embedding in embeddings))
    apart = set()
    for one, other in combinations(recordings, 2):
        if reason := _why_apart(one, other):
            tell(f"{one.name} and {other.name} are not aligned: {reason}")
            apart |= {(one, other), (other, one)}
    return tuple(
        _transfer(source, target)
        for source, target in permutations(embeddings, 2)
        if source.method.name == target.method.name
        and (source.recording, target.recording) not in apart
    )


def _why_apart(one: EvaluationSplit, other: EvaluationSplit) -> str:
    if not (one.has_directions and other.has_directions):
        return "a continuous recording has no reach directions to align them by"
    n_common = len(common_directions(one, other))
    if n_common < 2:
        return f"their training trials share {n_common} reach directions, at least 2 are needed"
    bins_ms = [recording.split.shape.bin_ns / 1e6 for recording in (one, other)]
    if bins_ms[0] != bins_ms[1]:
        return f"their bins differ: {bins_ms[0]:g} and {bins_ms[1]:g} ms"
    if not min(one.n_steps, other.n_steps):
        return "one of them has no labels after the go cue"
    return ""


def _transfer(source: Embedding, target: Embedding) -> Transfer:
    """Score the source's readout on the target; training trials of both fit the alignment."""
    decode = fit_linear(source.train, source.recording.split.train.labels)
    turn = align((target.recording, target.train), (source.recording, source.train))
    split = target.recording.split
    unaligned = Comparison(split.test.labels, target.test, decode(target.test), split.shape.hop_ns)
    aligned = replace(unaligned, decoded=decode(turn(target.test).astype(target.test.dtype)))
    return Transfer(
        method=source.method.name,
        from_session=source.recording.session,
        from_area=source.recording.area,
        to_session=target.recording.session,
        to_area=target.recording.area,
        r2=aligned.r2(),
        path_r2=aligned.path_r2(),
        unaligned_r2=unaligned.r2(),
    )
