"""Adapt a running decoder: listen to the loop, and order a swap after each step."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from rt_ner.bundle.assembly import assemble_bundle
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import save_bundle
from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import SessionError
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.live.learning.block_recorder import BlockRecorder
from rt_ner.live.states import Command
from rt_ner.lsl.streams import open_outlet
from rt_ner.offline.dataset import build_dataset
from rt_ner.offline.normalisation.settled import decode_windows, settled
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.choices import AdaptationMethod
from rt_ner.recalibration.intention.labels import refit_labels
from rt_ner.recalibration.readouts.adaptation import (
    Adapter,
    RecursiveLeastSquares,
    SmoothBatch,
    bounded,
)

_POLL_S = 0.2
# Fewer labelled hops tell too little for a step.
_FEWEST_HOPS = 50


@dataclass(frozen=True)
class AdaptPlan:
    """Plan of an adaptation; ``decoder`` and ``task`` are the names of their streams."""

    out: Path
    half_life_s: float
    every_s: float
    method: AdaptationMethod
    control_as: str
    decoder: str
    task: str


def run_adaptation(
    plan: AdaptPlan, in_use: Bundle, stop: Event, tell: Callable[[str], None]
) -> None:
    """Adapt until ``stop``; ``tell`` is called for each step, and for missing streams."""
    orders = open_outlet(plan.control_as, Kind.COMMANDS, ["command"], "", None)
    recorder = BlockRecorder(plan.task, decoder=plan.decoder)
    hop_s = in_use.model.window.hop_ns / NS_PER_S
    kind = RecursiveLeastSquares if plan.method is AdaptationMethod.RLS else SmoothBatch
    adapter = kind(in_use.model.readout, hop_s, plan.half_life_s)
    try:
        for block in _blocks(recorder, plan.every_s, stop, tell):
            step = _step(block, in_use, adapter)
            if step is None:
                tell("no reach to learn from")
                continue
            readout, was_held_back = step
            save_bundle(with_readout(in_use, readout), plan.out, {}, overwrite=True)
            orders.push_sample([str(Command.SWAP)])
            tell("adapted" + (", up to the bound" if was_held_back else ""))
    finally:
        recorder.stop()


def _blocks(
    recorder: BlockRecorder, every_s: float, stop: Event, tell: Callable[[str], None]
) -> Iterator[ClosedLoopBlock]:
    """Record a block every so many seconds until ``stop``, and tell of missing streams."""
    told, polls = "", 0
    while not stop.wait(_POLL_S):
        missing = "; ".join(recorder.poll())
        if missing != told:
            told = missing
            tell(missing or "all streams are there")
        polls += 1
        block = recorder.cut() if polls * _POLL_S >= every_s else None
        if block is not None:
            polls = 0
            yield block


def with_readout(bundle: Bundle, readout: Readout) -> Bundle:
    """Return a bundle with another readout of the same encoder; its scores stay."""
    model = replace(bundle.model, readout=readout)
    training = bundle.manifest.training
    if not training.session.endswith(_ADAPTED):
        training = training.model_copy(update={"session": training.session + _ADAPTED})
    manifest = bundle.manifest
    adapted = assemble_bundle(model, bundle.golden.windows, training, manifest.scores)
    return adapted.with_reaching(manifest.reaching)


_ADAPTED = " (adapted)"


def _step(block: ClosedLoopBlock, in_use: Bundle, adapter: Adapter) -> tuple[Readout, bool] | None:
    """Return the next readout, and True if it was held back; None if there is too little use."""
    found = _latents_and_intention(block, in_use)
    if found is None:
        return None
    latents, intended_cm_s = found
    return bounded(adapter.take(latents, intended_cm_s), in_use.model.readout, latents)


def _latents_and_intention(
    block: ClosedLoopBlock, in_use: Bundle
) -> tuple[Float32Array, FloatArray] | None:
    labels, known = refit_labels(block)
    try:
        session = block.session("adaptation", labels, known)
        session = replace(session, voltage=in_use.model.voltage)
        dataset = build_dataset(session, in_use.model.window)
    except SessionError:
        return None
    if len(dataset.labels) < _FEWEST_HOPS:
        return None
    latents, _ = decode_windows(settled(in_use.model, session), session, dataset)
    return latents, dataset.labels.values
