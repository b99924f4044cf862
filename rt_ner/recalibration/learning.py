"""Learn from closed-loop use: the encoder, or the readout alone."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.entries.reaching_entry import ReachingEntry
from rt_ner.core.errors import ConfigError
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.choices import LabelMethod, Part
from rt_ner.recalibration.intention.screen import Screen, load_screen
from rt_ner.recalibration.readouts.own_decoding import doubt_on
from rt_ner.recalibration.readouts.refit import Recalibrated, recalibrate_readout
from rt_ner.recalibration.use import Use, is_told, model_of, reaching_in, use_of
from rt_ner.system.plugins import plugin


def recalibrate(
    bundle: Bundle,
    block: ClosedLoopBlock,
    *,
    earlier: Sequence[ClosedLoopBlock] = (),
    reaching: ClosedLoopBlock | None = None,
    part: str = Part.ENCODER,
) -> Bundle:
    """Return a bundle that has learned what the subject intended during closed-loop use.

    The intention is found with a model of how the subject reaches. Warns if that model explains too
    little (ReFIT, Gilja et al. 2012, is used then), if the bundle was evidently not the decoder in
    use, and if the new decoder decodes the held-out reaches worse than the old one.

    Parameters
    ----------
    bundle : Bundle
        The decoder that was in use in the block.
    block : ClosedLoopBlock
        A recorded block, as `load_block` reads it.
    earlier : sequence of ClosedLoopBlock
        Earlier blocks of the day to learn from as well, oldest first.
    reaching : ClosedLoopBlock, optional
        A block of good control that shows how the subject reaches, and how fast. Default: the model
        that the bundle holds; if it holds none, the blocks to learn from.
    part : str
        ``"encoder"`` trains the encoder further and needs torch; ``"readout"`` fits the readout
        alone.

    Returns
    -------
    Bundle
        The recalibrated decoder; its scores are of the last reaches.

    Raises
    ------
    SessionError
        If there are fewer than 10 reaches, the blocks were decoded from other channels, or the
        bundle's classifier can't be fitted to the latents of the new encoder.
    RtNerError
        If the encoder shall learn, and torch is missing.
    ValueError
        If there is no such part.

    """
    problems: list[str] = []
    good = good_reaching(bundle, reaching)
    use = use_of((*earlier, block), LabelMethod.REACH_MODEL, good, problems.append)
    found = recalibrated(use, bundle, Part(part), lambda _: None)
    if doubt := doubt_on(block, bundle.model):
        problems.append(doubt)
    if not found.is_better:
        problems.append(
            "the recalibrated decoder is not better: mean angle to the intended velocity "
            f"{found.refitted_deg:.1f}°, in use {found.in_use_deg:.1f}°"
        )
    for problem in problems:
        warnings.warn(problem, stacklevel=2)
    return found.trained.bundle


def good_reaching(bundle: Bundle, block: ClosedLoopBlock | None) -> ReachingEntry | None:
    """Return how the subject reaches in good control: in a block, or else as a bundle tells."""
    return bundle.manifest.reaching if block is None else reaching_in(block)


def screen_of(path: Path, good: ReachingEntry | None) -> Screen:
    """Read the targets on a screen, and return it with how its user reaches.

    ConfigError if that is not known: nothing can be inferred from poor control alone.
    """
    if good is None or not is_told(good):
        raise ConfigError(
            f"--screen {path} needs to know how the subject reaches, and the bundle does not tell: "
            "name a block of good control with --reaching"
        )
    return Screen(load_screen(path), model_of(good))


def recalibrated(
    use: Use, in_use: Bundle, part: Part, show: Callable[[float], None]
) -> Recalibrated:
    """Return the decoder after one part of it has learned from closed-loop use.

    Its bundle keeps how the subject reaches in good control, if that is known.
    """
    show(0.0)
    if part is Part.READOUT:
        found = recalibrate_readout(use, in_use)
    else:
        found = plugin("recalibrate_encoder")(use, in_use, show)
    show(1.0)
    good = use.reaching if use.is_speed_known else in_use.manifest.reaching
    trained = replace(found.trained, bundle=found.trained.bundle.with_reaching(good))
    return replace(found, trained=trained)
