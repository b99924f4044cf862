"""Adapt a bundle's readout stretch by stretch; offer it once it decodes what it has not learned."""

import copy
from dataclasses import dataclass, replace

import numpy as np

from rt_ner.bundle.assembly import assemble_bundle
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.arrays import BoolArray, Float32Array, FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.offline.dataset import build_dataset
from rt_ner.offline.labels import Labels
from rt_ner.offline.normalisation.settled import decode_windows, settled
from rt_ner.offline.scores import Comparison
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.choices import AdaptationMethod
from rt_ner.recalibration.intention.labels import mean_angle_deg
from rt_ner.recalibration.readouts.adaptation import (
    Adapter,
    RecursiveLeastSquares,
    SmoothBatch,
    bounded,
)
from rt_ner.recalibration.use import Use, is_told, model_of

# Fewer labelled hops tell too little for a step.
_FEWEST_HOPS = 50
_ADAPTED = " (adapted)"


@dataclass(frozen=True, eq=False)
class Stretch:
    """A stretch of use: latents of its hops, decoded and intended velocity."""

    latents: Float32Array
    decoded_cm_s: FloatArray
    labels: Labels
    hop_ns: int

    def angle_deg(self, decoded_cm_s: FloatArray) -> float:
        """Return the mean angle in degrees between a decoded and the intended velocity."""
        return mean_angle_deg(Comparison(self.labels, self.latents, decoded_cm_s, self.hop_ns))


@dataclass(frozen=True, eq=False)
class Step:
    """The outcome of a stretch: both angles in degrees, and the adapted bundle if it was better.

    The adapted readout had learned nothing from this stretch; NaN if it had learned nothing yet.
    """

    in_use_deg: float
    adapted_deg: float
    adapted: Bundle | None


class StepwiseAdaptation:
    """The adaptation of one bundle's readout by recursive least squares or SmoothBatch.

    Each stretch first judges the readout that was adapted to those before, and is then learned.
    """

    def __init__(self, first: Bundle, method: AdaptationMethod, half_life_s: float) -> None:
        if first.model.readout.memory.any():
            raise ConfigError(
                f"--method {method} can't adapt a Kalman filter, the readout of this bundle: use "
                "--method encoder"
            )
        hop_s = first.model.window.hop_ns / NS_PER_S
        kind = RecursiveLeastSquares if method is AdaptationMethod.RLS else SmoothBatch
        self._first = first
        self._adapter: Adapter = kind(first.model.readout, hop_s, half_life_s)
        self._adapted: Readout | None = None
        # By fingerprint: what had been learned when a readout was offered.
        self._learned: dict[int, Adapter] = {first.model.fingerprint: copy.deepcopy(self._adapter)}

    def go_back(self, fingerprint: int) -> None:
        """Forget what was learned since a bundle was offered, because its successor was undone."""
        self._adapter = copy.deepcopy(self._learned[fingerprint])
        self._adapted = None

    def take(self, block: ClosedLoopBlock, in_use: Bundle) -> Step | None:
        """Judge the adapted readout by a block, and learn from it; None if it tells too little."""
        stretch = stretch_of(block, in_use)
        if stretch is None:
            return None
        step = self._judged(stretch)
        adapted = self._adapter.take(stretch.latents, stretch.labels.values)
        self._adapted, _ = bounded(adapted, self._first.model.readout, stretch.latents)
        return step

    def _judged(self, stretch: Stretch) -> Step:
        in_use_deg, adapted = stretch.angle_deg(stretch.decoded_cm_s), self._adapted
        if adapted is None:
            return Step(in_use_deg, np.nan, None)
        adapted_deg = stretch.angle_deg(adapted.mapped(stretch.latents))
        if adapted_deg >= in_use_deg:
            return Step(in_use_deg, adapted_deg, None)
        bundle = with_readout(self._first, adapted)
        self._learned[bundle.model.fingerprint] = copy.deepcopy(self._adapter)
        return Step(in_use_deg, adapted_deg, bundle)


def with_readout(bundle: Bundle, readout: Readout) -> Bundle:
    """Return a bundle with another readout of the same encoder; its scores stay."""
    model = replace(bundle.model, readout=readout)
    manifest = bundle.manifest
    training = manifest.training
    if not training.session.endswith(_ADAPTED):
        training = training.model_copy(update={"session": training.session + _ADAPTED})
    adapted = assemble_bundle(model, bundle.golden.windows, training, manifest.scores)
    return adapted.with_reaching(manifest.reaching)


def stretch_of(block: ClosedLoopBlock, in_use: Bundle) -> Stretch | None:
    """Return a block as a stretch of use; None if it tells too little."""
    labels, known = _intended(block, in_use)
    try:
        session = block.session("adaptation", labels, known)
        session = replace(session, voltage=in_use.model.voltage)
        dataset = build_dataset(session, in_use.model.window)
    except SessionError:
        return None
    if len(dataset.labels) < _FEWEST_HOPS:
        return None
    latents, decoded = decode_windows(settled(in_use.model, session), session, dataset)
    return Stretch(latents, decoded.astype(np.float64), dataset.labels, in_use.model.window.hop_ns)


def _intended(block: ClosedLoopBlock, in_use: Bundle) -> tuple[FloatArray, BoolArray]:
    """Return the intended velocity: by the bundle's model of reaching, or else by ReFIT."""
    reaching = in_use.manifest.reaching
    model = model_of(reaching) if reaching and is_told(reaching) else None
    return Use((block,), model).intended_in(block)
