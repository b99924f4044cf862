"""The command `rt-ner adapt`, which accompanies a running decoder."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rt_ner.core.errors import ConfigError, RtNerError
from rt_ner.live.learning.commands import ScreenFile
from rt_ner.recalibration.choices import AdaptationMethod, Part
from rt_ner.system.plugins import plugin
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import BundlePath, ControlAs, DecoderName, TaskName, out_option

if TYPE_CHECKING:
    from rt_ner.bundle.bundle import Bundle
    from rt_ner.live.learning.learners import Learner

# By method: an encoder needs many reaches, and seconds to learn from them.
_EVERY_REACHES = {AdaptationMethod.ENCODER: 60}
_OTHERS_EVERY_REACHES = 10


def adapt(
    bundle: BundlePath,
    out: Annotated[Path, out_option("the better bundle, the --next of rt-ner decode")],
    method: Annotated[
        AdaptationMethod,
        typer.Option(
            help="Train the encoder further from all use of the day (encoder, which needs torch), "
            "or adapt the readout to the newest use: by recursive least squares (rls) or the "
            "reference, SmoothBatch."
        ),
    ] = AdaptationMethod.ENCODER,
    every_reaches: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Number of reaches after which to learn. Default: 60 with the encoder method, "
            "else 10.",
            min=5,
        ),
    ] = None,
    half_life: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="Age at which a reach counts half, e.g. 60; not for the encoder method.",
            min=10,
        ),
    ] = 120.0,
    screen: ScreenFile = None,
    swap: Annotated[
        bool, typer.Option("--swap", help="Order each swap, instead of only offering it.")
    ] = False,
    control_as: ControlAs = "adapt",
    decoder: DecoderName = "",
    task: TaskName = "task",
) -> None:
    """Accompany a decoder and offer better bundles, until Ctrl-C.

    Listens to a running decoder and task, and learns every N reaches what the subject intended, in
    a process that never delays the decoder. Only a bundle that is better on reaches that it has not
    learned is written to FOLDER and offered; the decoder's key w swaps to it, u goes back. Nothing
    adapts without this command.

    In ordinary use, no task says which target is aimed at. Then name all targets with --screen.

    Everything heard and learned is kept beside FOLDER, in a folder with the start's time (UTC).

    Example: rt-ner adapt m1-bundle --out m1-next

    The decoder for it: rt-ner decode m1-bundle --next m1-next. With --swap, the decoder also needs:
    --commands adapt/commands
    """
    from rt_ner.bundle.storage import check_writable, load_bundle
    from rt_ner.live.learning.block_recorder import BlockRecorder
    from rt_ner.live.learning.companion import Companion, Day
    from rt_ner.lsl.streams import quiet_liblsl
    from rt_ner.recalibration.learning import screen_of

    in_use = load_bundle(bundle)
    if out.resolve() == bundle.resolve():
        raise ConfigError(f"--out {out} is the bundle in use: name another folder")
    check_writable(out, overwrite=True)
    seen = screen_of(screen, in_use.manifest.reaching) if screen else None
    day = Day(_new_folder(out))
    learner = _learner(method, in_use, half_life, day.folder)
    day.folder.mkdir(parents=True)
    day.know(bundle)
    quiet_liblsl()
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    offer = _offering(out, control_as if swap else "", console.print)
    every = every_reaches or _EVERY_REACHES.get(method, _OTHERS_EVERY_REACHES)
    recorder = BlockRecorder(task, decoder, screen=seen)
    try:
        with stop_on_signals() as stop:
            Companion(day, recorder, learner, every, offer, console.print).run(stop)
    finally:
        recorder.stop()
    console.print(f"all that was heard and learned: {day.folder}")


def _new_folder(out: Path) -> Path:
    """Return a folder named after the present, in UTC: no hour comes twice, and names sort."""
    name = f"{out.name}.{datetime.now(UTC):%Y%m%d-%H%M%SZ}"
    # The clock may have been set back to a time at which there is one.
    numbered = (out.with_name(f"{name}-{number}") for number in count(2))
    return next(each for each in chain([out.with_name(name)], numbered) if not each.exists())


def _learner(
    method: AdaptationMethod, in_use: "Bundle", half_life_s: float, folder: Path
) -> "Learner":
    from rt_ner.live.learning.learners import Recalibration, StepByStep
    from rt_ner.recalibration.readouts.stepwise import StepwiseAdaptation

    if method is not AdaptationMethod.ENCODER:
        return StepByStep(StepwiseAdaptation(in_use, method, half_life_s))
    if in_use.weights is None:
        raise ConfigError(
            "the encoder of this bundle can't be trained further, because its latents are unit "
            "vectors: adapt the readout alone, --method rls"
        )
    try:
        plugin("recalibrate_encoder")
    except RtNerError as error:
        raise RtNerError(f"{error}; or adapt the readout alone: --method rls") from error
    return Recalibration(folder, Part.ENCODER)


def _offering(out: Path, control_as: str, tell: Callable[[str], None]) -> Callable[[Path], None]:
    """Return a function that puts a bundle where the decoder looks, and orders a swap if asked."""
    from rt_ner.bundle.storage import load_bundle
    from rt_ner.core.contract.kinds import Kind
    from rt_ner.live.states import Command
    from rt_ner.lsl.streams import open_outlet

    orders = open_outlet(control_as, Kind.COMMANDS, ["command"], "", None) if control_as else None

    def offer(better: Path) -> None:
        load_bundle(better).save(out, overwrite=True)
        if orders is None:
            tell(f"better: {out}; press w in the decoder to swap to it")
        elif orders.have_consumers():
            orders.push_sample([str(Command.SWAP)])
            tell(f"better: {out}; swap ordered")
        else:
            tell(
                f"better: {out}; no decoder obeys {control_as}/commands: press w there, or start "
                f"it with --commands {control_as}/commands"
            )

    return offer
