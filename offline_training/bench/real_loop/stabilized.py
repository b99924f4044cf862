"""Read a real closed-loop recording (Degenhart et al. 2020) as a block, and disturb it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from rt_ner.core.arrays import AnyArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.names import electrode_names
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.intention.labels import refit_labels

# The recording has directions to the target, but no speed: one for which the loss is scaled.
_SPEED_CM_S = 20.0
# Trials end with the cursor up to this far from the target's centre.
_TARGET_RADIUS_CM = 1.4
_NEEDED = (
    "bin_s", "counts", "cursor", "decoded_velocity", "target", "trial_first_bin", "trial_type"
)  # fmt: skip


def read_stabilized(path: Path) -> tuple[ClosedLoopBlock, AnyArray]:
    """Read the recording, whose reaches are its trials, and the kind of each ``(trial,)``.

    SessionError if the file is another one.
    """
    content = _read_arrays(path)
    counts, n = content["counts"], len(content["counts"])
    trial = np.searchsorted(content["trial_first_bin"], np.arange(n), side="right") - 1
    # Millimetres, with the y axis pointing down.
    cursor_cm, target_cm = (content[name] / 10 * [1, -1] for name in ("cursor", "target"))
    target = np.column_stack([target_cm[trial], np.full(n, _TARGET_RADIUS_CM)])
    block = ClosedLoopBlock(
        channel_ids=electrode_names(counts.shape[1]),
        hop_ns=round(float(content["bin_s"]) * NS_PER_S),
        counts=counts,
        is_heard=np.ones(n, dtype=np.bool_),
        hand_cm_s=np.full((n, 2), np.nan),
        decoded_cm_s=np.full((n, 2), np.nan),
        cursor_cm=cursor_cm,
        target=np.where(trial[:, None] < 0, np.nan, target),
        reach=trial.astype(np.int64),
    )
    return with_one_speed(block), content["trial_type"]


def with_one_speed(block: ClosedLoopBlock) -> ClosedLoopBlock:
    """Return a block whose decoded velocity has one speed, so that ReFIT finds directions alone."""
    return replace(block, decoded_cm_s=np.tile([_SPEED_CM_S, 0.0], (len(block.counts), 1)))


def with_recorded_velocity(block: ClosedLoopBlock, path: Path) -> ClosedLoopBlock:
    """Return the recording's block with the velocity that its own decoder sent."""
    return replace(block, decoded_cm_s=_read_arrays(path)["decoded_velocity"] / 10.0)


def trials_of(kinds: AnyArray, kind: str) -> Int64Array:
    """Return the trials of a kind, in order; SessionError if there are none."""
    found = np.flatnonzero(kinds == kind)
    if not found.size:
        known = ", ".join(sorted(set(kinds.tolist())))
        raise SessionError(f"the recording has no '{kind}' trials, only {known}")
    return found


def labelled_session(block: ClosedLoopBlock, trials: Int64Array) -> Session:
    """Return the whole recording as a session in which only some trials are labelled."""
    labels, known = refit_labels(block)
    chosen = block.only(trials)
    return chosen.session("stabilized", labels, known & (chosen.reach >= 0))


def disturb(block: ClosedLoopBlock, first_trial: int, seed: int) -> ClosedLoopBlock:
    """Change the signals from one trial on, as when electrodes move.

    Ten electrodes are swapped in pairs, each has a gain of 0.4 to 1.6 (spikes are left out or
    drawn in addition), and five fall silent.
    """
    rng = np.random.default_rng(seed)
    counts = block.counts.astype(np.int64)
    after = counts[np.argmax(block.reach == first_trial) :]
    swapped = rng.choice(after.shape[1], 10, replace=False)
    after[:, swapped] = after[:, np.roll(swapped.reshape(5, 2), 1, axis=1).ravel()]
    gain = rng.uniform(0.4, 1.6, after.shape[1])
    kept = rng.binomial(after, np.minimum(gain, 1.0))
    after[:] = kept + rng.binomial(after, np.maximum(gain - 1.0, 0.0))
    after[:, rng.choice(after.shape[1], 5, replace=False)] = 0
    return replace(block, counts=counts.clip(0, 255).astype(np.uint8))


def _read_arrays(path: Path) -> dict[str, AnyArray]:
    if not path.is_file():
        raise SessionError(f"{path}: no such file; expected the recording (.npz)")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in _NEEDED}
    except (ValueError, KeyError, OSError) as error:
        raise SessionError(f"{path}: {error}; expected arrays {', '.join(_NEEDED)}") from error
