"""Stabilized: a real closed-loop recording (Degenhart et al. 2020), and what its subject meant."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.session.kinematics import Kinematics
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.data.session.trials import Trials

# A direction has no speed; this one is of the order for which the loss is scaled.
_SPEED_CM_S = 20.0
# Trials end with the cursor up to so far from the target's middle.
_TARGET_RADIUS_CM = 1.4
_NEEDED = ("bin_s", "counts", "cursor", "target", "trial_first_bin", "trial_type")


@dataclass(frozen=True, eq=False)
class Recording:
    """Bins of real closed-loop use.

    ``counts``: ``(bin, channel)``; ``trial``: ``(bin,)``; ``first_bin``: ``(trial + 1,)``, the last
    one the recording's end; ``kind``: ``(trial,)``; ``intended_cm_s``: ``(bin, 2)``, from cursor to
    target at one speed, zero in the target; ``direction_deg``: ``(trial,)``.
    """

    counts: AnyArray
    bin_ns: int
    trial: Int64Array
    first_bin: Int64Array
    kind: AnyArray
    intended_cm_s: FloatArray
    direction_deg: FloatArray

    def trials(self, kind: str) -> Int64Array:
        """Trials of a kind, in order; SessionError if there are none."""
        found = np.flatnonzero(self.kind == kind)
        if not found.size:
            raise SessionError(f"the recording has no '{kind}' trials, only {set(self.kind)}")
        return found

    def bins(self, trials: Int64Array) -> BoolArray:
        """Which bins ``(bin,)`` belong to some trials."""
        return np.isin(self.trial, trials)

    def session(self, trials: Int64Array) -> Session:
        """The whole recording as a session in which only some trials are labelled."""
        labelled = self.bins(trials)
        ends_ns = (np.arange(len(self.counts), dtype=np.int64) + 1) * self.bin_ns
        start_ns = self.first_bin[trials] * self.bin_ns
        direction = self.direction_deg[trials]
        target_cm = np.stack([np.cos(np.deg2rad(direction)), np.sin(np.deg2rad(direction))], axis=1)
        return Session(
            name="stabilized",
            area="M1",
            channel_ids=tuple(f"elec{number + 1:03d}" for number in range(self.counts.shape[1])),
            spikes=SpikeCounts(self.counts, self.bin_ns),
            kinematics=Kinematics(ends_ns[labelled], self.intended_cm_s[labelled]),
            trials=Trials(
                start_ns, start_ns, self.first_bin[trials + 1] * self.bin_ns, direction, target_cm
            ),
            provenance={"recorded": "closed loop"},
        )

    def disturbed(self, first_trial: int, seed: int) -> "Recording":
        """The same with other signals from one trial on, as when electrodes move.

        Ten electrodes swapped in pairs, gains of 0.4 to 1.6 (spikes left out, or drawn besides),
        and five that are silent.
        """
        rng = np.random.default_rng(seed)
        counts = self.counts.astype(np.int64)
        after = counts[self.first_bin[first_trial] :]
        swapped = rng.choice(after.shape[1], 10, replace=False)
        after[:, swapped] = after[:, np.roll(swapped.reshape(5, 2), 1, axis=1).ravel()]
        gain = rng.uniform(0.4, 1.6, after.shape[1])
        kept = rng.binomial(after, np.minimum(gain, 1.0))
        after[:] = kept + rng.binomial(after, np.maximum(gain - 1.0, 0.0))
        after[:, rng.choice(after.shape[1], 5, replace=False)] = 0
        return replace(self, counts=counts.clip(0, 255).astype(np.uint8))


def read_stabilized(path: Path) -> Recording:
    """Read the recording. SessionError, naming the file, if it is another."""
    if not path.is_file():
        raise SessionError(f"{path} is no file: name the recording (.npz)")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            content = {name: arrays[name] for name in _NEEDED}
    except (ValueError, KeyError, OSError) as error:
        raise SessionError(f"{path}: {error}; expected arrays {', '.join(_NEEDED)}") from error
    counts = content["counts"]
    first_bin = np.append(content["trial_first_bin"], len(counts)).astype(np.int64)
    trial = np.searchsorted(first_bin, np.arange(len(counts)), side="right") - 1
    # Millimetres; the velocity's y axis points the other way than the cursor's.
    cursor_cm, target_cm = (content[name] / 10 * [1, -1] for name in ("cursor", "target"))
    way_cm = target_cm[trial] - cursor_cm
    distance_cm = np.hypot(*way_cm.T)
    towards = way_cm / np.maximum(distance_cm, 1e-9)[:, None] * _SPEED_CM_S
    angle = np.rad2deg(np.arctan2(target_cm[:, 1], target_cm[:, 0])) % 360.0
    return Recording(
        counts=counts,
        bin_ns=round(float(content["bin_s"]) * NS_PER_S),
        trial=trial.astype(np.int64),
        first_bin=first_bin,
        kind=content["trial_type"],
        intended_cm_s=np.where((distance_cm > _TARGET_RADIUS_CM)[:, None], towards, 0.0),
        direction_deg=np.round(angle / 45) * 45 % 360,
    )
